package keydirectory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/matrix"
)

// runs has minutes pass.
func (w *world) runs(minutes int) {
	w.Helper()
	ctx, stop := context.WithCancel(w.Context())
	next, ended := make(chan time.Time), make(chan error)
	go func() { ended <- keydirectory.RunEach(w.Directory, ctx, next) }()
	for range minutes {
		w.clock.Advance(time.Minute)
		next <- w.clock.Now()
	}
	stop()
	if err := <-ended; err != nil {
		w.Error(err)
	}
}

// An identity server that has no directory, or is away, is left alone more and more, and that is
// said once.
func TestItIsSaidOnce(t *testing.T) {
	for text, why := range map[string]error{
		"gone on without a key directory": fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized},
		"did not work":                    fedclient.ErrUnreachable,
	} {
		each(t, func(w *world) {
			w.server.Fail(why)
			w.runs(180)
			if n := strings.Count(w.log.String(), text); n == 0 || strings.Count(w.log.String(), "\n") != n || n > 3 || w.server.Asked() > 30 {
				t.Errorf("asked %d times: %s", w.server.Asked(), w.log)
			}
			w.server.Fail(nil)
			w.runs(1)
			if !strings.Contains(w.log.String(), "believed by these keys") {
				t.Errorf("said %s", w.log)
			}
		})
	}
}

// Keys of the logs that are replaced one after the other are taken up, though nobody is looked up
// for long.
func TestKeysAreTakenUp(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		for _, seed := range []string{"second", "third"} {
			w.server.Rotate(seed)
			w.runs(61)
			w.server.Seal()
		}
		asked := w.server.Asked()
		if w.finds(alice, "a0"); w.server.Asked() != asked+1 {
			t.Errorf("%d questions", w.server.Asked()-asked)
		}
	})
}
