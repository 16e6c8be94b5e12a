package log_test

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/log"
)

func TestOptionsThatFitNoLog(t *testing.T) {
	each(t, func(w *world) {
		for name, spoil := range map[string]func(o *log.Options){
			"no name":                  func(o *log.Options) { o.Name = "" },
			"no origin":                func(o *log.Options) { o.Origin = "" },
			"an origin of two lines":   func(o *log.Options) { o.Origin = "a\nb" },
			"an origin with a plus":    func(o *log.Options) { o.Origin = "a+b" },
			"an origin with a space":   func(o *log.Options) { o.Origin = "a\u2003b" },
			"no keys":                  func(o *log.Options) { o.Keys = nil },
			"another origin than here": func(o *log.Options) { o.Origin = "other.example.org/users" },
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

// A log does not begin with what is no CONFIG of it, and nothing of it is committed.
func TestALogBeginsWithItsConfig(t *testing.T) {
	each(t, func(w *world) {
		for name, config := range map[string]string{"no CONFIG": "", "a CONFIG of another log": "CONFIG other"} {
			o := w.options()
			o.Keys = &keys{config, []note.Signer{w.signer}}
			l := w.openWith(o)
			if _, err := l.Seal(t.Context()); !errors.Is(err, log.ErrInvariant) {
				t.Errorf("%s: Seal = %v, want %v", name, err, log.ErrInvariant)
			}
			if s, err := l.Status(t.Context()); err != nil || s.Size != 0 {
				t.Errorf("%s: the log has %d entries, %v", name, s.Size, err)
			}
			w.clock.Advance(w.leaseTime()) // so that the next one may lead
		}
		w.seal()
		w.check()
	})
}

// Nothing is signed by nobody, or by a key of another name; what was committed is signed once
// the keys are there.
func TestWhoDoesNotSign(t *testing.T) {
	each(t, func(w *world) {
		stranger, _ := newSigner(t, "other.example.org/users")
		o := w.options()
		named := o.Keys.(*keys)
		w.log = w.openWith(o)
		w.pend(1)
		for name, signers := range map[string][]note.Signer{"nobody": nil, "a key of another name": {w.signer, stranger}} {
			named.signers = signers
			if _, err := w.log.Seal(t.Context()); !errors.Is(err, log.ErrConfig) {
				t.Errorf("%s: Seal = %v, want %v", name, err, log.ErrConfig)
			}
			if c, err := w.log.Checkpoint(t.Context()); !errors.Is(err, log.ErrNotFound) {
				t.Errorf("%s: a checkpoint of %d entries is published, %v", name, c.N, err)
			}
		}
		named.signers = []note.Signer{w.signer}
		w.seal()
		w.check()
	})
}

// While a key is replaced both sign, and each alone is enough to verify.
func TestTwoKeysSign(t *testing.T) {
	each(t, func(w *world) {
		next, nextVerifier := newSigner(t, w.origin)
		o := w.options()
		o.Keys.(*keys).signers = []note.Signer{w.signer, next}
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
