package verifykeys_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/serverkeys/serverkeystest"
)

// directory is a key directory that vouches for documents, or has shown what does not hold.
type directory struct {
	documents []jsontext.Value
	alarm     error
	asked     int
}

func (d *directory) Vouched(_ context.Context, server matrix.ServerName, id matrix.KeyID, _ time.Time) ([]jsontext.Value, error) {
	d.asked++
	return d.documents, d.alarm
}

// The key directory is asked first of those that vouch for a server that is gone, and what it has
// proven counts with the server's own signature.
func TestTheKeyDirectory(t *testing.T) {
	each(t, func(w *world) {
		d := &directory{}
		w.Directory = d
		document := w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}})
		d.documents = []jsontext.Value{jsontext.Value(`{}`), document, w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{two}, By: []matrix.SigningKey{one}})}
		w.want(one, time.Time{}, nil)
		if w.asked != 0 || d.asked != 1 {
			t.Errorf("the notary was asked %d times, the directory %d times", w.asked, d.asked)
		}
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{two}}), notaryKey)
		w.want(two, time.Time{}, nil) // the directory has not signed as it should, and another notary knows
		w.open()
		w.want(one, time.Time{}, nil)
	})
}

// Where the directory has shown what does not hold no notary stands in for it; the server itself
// is believed.
func TestNobodyStandsInForTheDirectory(t *testing.T) {
	errAlarm := errors.New("alarm")
	each(t, func(w *world) {
		w.Directory = &directory{alarm: errAlarm}
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}}), notaryKey)
		w.want(one, time.Time{}, errAlarm)
		if w.asked != 0 {
			t.Error("another notary was asked")
		}
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{one}})
		w.want(one, time.Time{}, nil)
	})
	each(t, func(w *world) {
		w.Directory = &directory{} // knows nothing, or does not answer
		w.want(one, time.Time{}, fedclient.ErrUnreachable)
		w.clock.Advance(time.Minute)
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}}), notaryKey)
		w.want(one, time.Time{}, nil)
	})
}
