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

// crossing is a directory of which something else happens while an answer about its trust root is on
// its way, once.
type crossing struct {
	keydirectory.Asker
	happens func()
}

func (c *crossing) KeyConfig(ctx context.Context, at idclient.Server) ([]byte, error) {
	answer, err := c.Asker.KeyConfig(ctx, at)
	if happens := c.happens; happens != nil {
		c.happens = nil
		happens()
	}
	return answer, err
}

// Two look for a new key at the same time, and whoever was answered first, with less, is the first to
// keep what it has learned: the other's news are not lost, and no alarm.
func TestTwoRefreshTheTrustRootAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.RotateValues("second")
		less, err := w.server.KeyConfig(w.Context(), w.server.Server())
		if err != nil {
			w.Fatal(err)
		}
		w.server.RotateValues("third")
		w.server.Person(bob, "b0")
		o := w.o
		o.Asker = naming{w.server, func() ([]byte, error) { return less, nil }}
		other := keydirectory.New(o)
		w.o.Asker = &crossing{w.server, func() {
			if err := other.Refresh(w.Context()); err != nil {
				w.Error(err)
			}
		}}
		w.open()
		w.finds(bob, "b0")
		if n := w.standing(); n != 0 {
			w.Errorf("%d alarms stand", n)
		}
	})
}

// Many who look for one new key at the same time ask once each.
func TestManyRefreshForOneKey(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.RotateValues("second")
		w.server.Person(bob, "b0")
		other, asked := w.Directory, w.server.Asked()
		w.o.Asker = &crossing{w.server, func() {
			if err := other.Refresh(w.Context()); err != nil {
				w.Error(err)
			}
		}}
		w.open()
		w.finds(bob, "b0")
		if n := w.server.Asked() - asked; n != 3 { // the look-up, and the trust root by both
			w.Errorf("asked %d times", n)
		}
	})
}
