package keydirectory_test

import (
	"context"
	"errors"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// naming is a directory that names something else for its trust root.
type naming struct {
	keydirectory.Asker
	answer func() ([]byte, error)
}

func (n naming) KeyConfig(context.Context, idclient.Server) ([]byte, error) { return n.answer() }

// Whoever answers nothing for a trust root when there is a key that is not known raises no alarm, and
// nothing is believed; in the end the key is known.
func TestATrustRootThatDoesNotCome(t *testing.T) {
	eachOf(t, map[string]func() ([]byte, error){
		"away":       func() ([]byte, error) { return nil, fedclient.ErrUnreachable },
		"busy":       func() ([]byte, error) { return nil, fedclient.Refusal{Status: 503, Errcode: matrix.Unknown} },
		"nothing":    func() ([]byte, error) { return nil, nil },
		"a web page": func() ([]byte, error) { return []byte("<html>"), nil },
		"an object":  func() ([]byte, error) { return []byte("{}"), nil },
		"another's": func() ([]byte, error) {
			return []byte(`{"server_name":"other.test","users":{"origin":"other.test/users","vkeys":[]}}`), nil
		},
		"without logs": func() ([]byte, error) { return []byte(`{"server_name":"id.test"}`), nil },
	}, func(w *world, answer func() ([]byte, error)) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.RotateValues("second")
		w.server.Person(bob, "b0")
		w.o.Asker = naming{w.server, answer}
		w.open()
		for range 2 {
			if found, err := w.Lookup(w.Context(), "mxid:"+bob.String()); err == nil || found.Present {
				w.Fatalf("%+v is believed", found)
			}
			_, want := answer()
			if want == nil {
				want = fedclient.ErrBadAnswer
			}
			if err := w.Refresh(w.Context()); !errors.Is(err, want) {
				w.Errorf("Refresh = %v, want %v", err, want)
			}
		}
		w.finds(alice, "a0")
		if w.standing() != 0 {
			w.Error("it is an alarm")
		}
		w.o.Asker = w.server
		w.open()
		w.finds(bob, "b0")
	})
}
