package log_test

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/log"
)

func TestOptionsThatFitNoLog(t *testing.T) {
	each(t, func(w *world) {
		stranger, _ := newSigner(t, "other.example.org/users")
		for name, spoil := range map[string]func(o *log.Options){
			"no name":                  func(o *log.Options) { o.Name = "" },
			"no origin":                func(o *log.Options) { o.Origin = "" },
			"an origin of two lines":   func(o *log.Options) { o.Origin = "a\nb" },
			"an origin with a plus":    func(o *log.Options) { o.Origin = "a+b" },
			"an origin with a space":   func(o *log.Options) { o.Origin = "a\u2003b" },
			"no signer":                func(o *log.Options) { o.Signers = nil },
			"a key of another name":    func(o *log.Options) { o.Signers = append(o.Signers, stranger) },
			"no CONFIG":                func(o *log.Options) { o.Config = nil },
			"a CONFIG of another log":  func(o *log.Options) { o.Config = []byte("CONFIG other") },
			"another origin than here": func(o *log.Options) { *o = w.withOrigin(*o, "other.example.org/users", stranger) },
		} {
			o := w.options()
			spoil(&o)
			if _, err := log.Open(t.Context(), o); !errors.Is(err, log.ErrOptions) {
				t.Errorf("%s: Open = %v, want %v", name, err, log.ErrOptions)
			}
		}
		w.seal()
	})
}

func (w *world) withOrigin(o log.Options, origin string, s note.Signer) log.Options {
	o.Origin, o.Config, o.Signers = origin, []byte("CONFIG "+origin), []note.Signer{s}
	return o
}

// While a key is replaced both sign, and each alone is enough to verify.
func TestTwoKeysSign(t *testing.T) {
	each(t, func(w *world) {
		next, nextVerifier := newSigner(t, w.origin)
		o := w.options()
		o.Signers = append(o.Signers, next)
		w.log = w.openWith(o)
		w.pend(1)
		w.seal()
		w.check()
		for _, v := range []note.Verifier{w.verifier, nextVerifier} {
			if _, err := note.Open(w.checkpoint().Note, note.VerifierList(v)); err != nil {
				t.Error(err)
			}
		}
	})
}
