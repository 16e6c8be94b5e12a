package contact_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/threepid"
)

// sends checks to which addresses codes are said to be sent.
func (w *world) sends(email, msisdn bool) {
	w.Helper()
	if w.Sends(threepid.Email) != email || w.Sends(threepid.MSISDN) != msisdn {
		w.Errorf("by e-mail: %v, by text message: %v; want %v, %v", w.Sends(threepid.Email), w.Sends(threepid.MSISDN), email, msisdn)
	}
}

func (w *world) asksMedia(fails bool) {
	w.Helper()
	if err := w.AskMedia(w.Context()); (err != nil) != fails {
		w.Errorf("AskMedia = %v", err)
	}
}

// What the identity server has said last counts while it is away, or talks nonsense, also after a
// restart. Before it has said anything, it is taken to send everything.
func TestWhatTheIdentityServerSends(t *testing.T) {
	each(t, func(w *world) {
		w.id.Down = true
		w.asksMedia(true)
		w.sends(true, true)
		w.id.Down = false
		w.asksMedia(false)
		w.sends(true, true)
		w.id.Media = []string{"email"}
		w.asksMedia(false)
		w.sends(true, false)
		w.id.Media = "msisdn"
		w.asksMedia(true)
		w.sends(true, false)
		w.id.Down = true
		w.open()
		w.asksMedia(true)
		w.sends(true, false)
		w.Trusted = w.Trusted[1:] // another one, with the memory of the first
		w.id.Down, w.id.Media = false, []string{}
		w.asksMedia(false)
		w.sends(false, false)
		w.open()
		w.sends(true, false)
		w.id.Media = nil // it is another program now
		w.asksMedia(false)
		w.open()
		w.sends(true, true)
		w.Trusted = nil
		w.sends(false, false)
		if err := w.AskMedia(t.Context()); !errors.Is(err, contact.ErrNoIdentityServer) {
			t.Errorf("without an identity server: %v", err)
		}
	})
}

// It is asked each hour, and each minute while it is away, which is said once.
func TestWhatTheIdentityServerSendsIsAskedAgain(t *testing.T) {
	each(t, func(w *world) {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			ended, reports := make(chan error), 0
			w.id.Down = true
			go func() {
				ended <- w.WatchMedia(ctx, func(err error) {
					if reports++; !errors.Is(err, fedclient.ErrUnreachable) {
						t.Errorf("reported %v", err)
					}
				})
			}()
			time.Sleep(150 * time.Second)
			synctest.Wait()
			if len(w.id.Asked) != 3 {
				t.Errorf("away it was asked %d times", len(w.id.Asked))
			}
			w.id.Down, w.id.Asked = false, nil
			time.Sleep(150 * time.Minute)
			stop()
			if err := <-ended; err != nil || len(w.id.Asked) != 3 || reports != 1 {
				t.Errorf("it was asked %d times, reported %d times, %v", len(w.id.Asked), reports, err)
			}
		})
	})
}
