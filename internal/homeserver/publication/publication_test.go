package publication_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/publication"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Nothing is published of who has not said so, whatever else they write there. Alice agrees, and
// her keys stand in the directory; bob's never do.
func TestWhoAgreesIsPublished(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.uploads(bob, 1)
		for _, no := range []string{`{}`, `{"publish":false}`, `{"publish":"true"}`, `{"publish":1}`, `{"publish":null}`, `{"publish":[true]}`, `{"Publish":true}`} {
			w.says(bob, no)
		}
		w.is(alice, publication.None, -1)
		w.agrees(alice)
		w.is(alice, publication.Waiting, -1)
		w.fulfils(false)
		w.stands(alice, 1, 0)
		if s := w.is(alice, publication.Promised, -1); !s.Agreed {
			t.Errorf("it is said that she does not agree: %+v", s)
		}
		w.after(time.Minute)
		w.is(alice, publication.Published, 0)
		w.stands(bob, 0, 0)
		if n := len(w.directory.published); n != 1 || strings.Contains(w.rows(), bob.String()) {
			t.Errorf("%d were published, kept is\n%s", n, w.rows())
		}
	})
}

// Who agrees before there are keys is published with the first ones. New ones are a recovery,
// which the directory lets wait; what is shown says so.
func TestNewKeysFollow(t *testing.T) {
	each(t, func(w *world) {
		w.agrees(alice)
		w.fulfils(false)
		w.is(alice, publication.NoKeys, -1)
		w.uploads(alice, 1)
		w.after(0)
		w.stands(alice, 1, 0)
		w.after(time.Minute)
		w.uploads(alice, 2)
		w.after(0)
		if s := w.is(alice, publication.Held, 0); !s.HeldUntil.Equal(w.clock.Now().Add(24 * time.Hour)) {
			t.Errorf("held until %v", s.HeldUntil)
		}
		w.stands(alice, 1, 0)
		w.after(24*time.Hour + time.Minute)
		w.stands(alice, 2, 1)
		w.is(alice, publication.Published, 1)
		if s := w.is(alice, publication.Published, 1); !s.Alarm.IsZero() {
			t.Errorf("her own former keys raise an alarm: %+v", s)
		}
	})
}

// The answer to what was published is lost, the server is killed, and what is sent after the
// start is the same to the octet: another value would make a recovery wait from the start.
func TestAnAnswerIsLost(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.uploads(alice, 2)
		w.directory.answers = func(matrix.UserID) error { return errKilled }
		w.fulfils(true)
		until := w.directory.held[alice].until
		w.directory.answers = nil
		w.clock.Advance(time.Hour)
		w.open("https://id.test")
		w.fulfils(false)
		sent := w.directory.published
		if len(sent) != 3 || sent[1] != sent[2] {
			t.Errorf("sent was %q", sent)
		}
		if s := w.is(alice, publication.Held, 0); !s.HeldUntil.Equal(until) {
			t.Errorf("held until %v, and was until %v", s.HeldUntil, until)
		}
	})
}

// A client says again and again that its user agrees, while keys wait: they wait no longer for it.
func TestAgreeingAgainAndAgain(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.uploads(alice, 2)
		w.fulfils(false)
		until := w.directory.held[alice].until
		for range 5 {
			w.agrees(alice)
			w.after(4 * time.Hour)
		}
		if s := w.is(alice, publication.Held, 0); !s.HeldUntil.Equal(until) || !w.directory.held[alice].until.Equal(until) {
			t.Errorf("held until %v, shown %+v, want %v", w.directory.held[alice].until, s, until)
		}
		w.after(4*time.Hour + time.Minute)
		w.is(alice, publication.Published, 1)
	})
}

// Killed before anything was sent, and after it stands there: in the end it stands there once.
func TestKilledInBetween(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.open("https://id.test")
		w.directory.answers = func(matrix.UserID) error { return errKilled }
		w.fulfils(true)
		w.directory.answers = nil
		w.open("https://id.test")
		w.after(time.Minute)
		w.stands(alice, 1, 0)
		w.is(alice, publication.Published, 0)
		if n := len(w.directory.published); n != 1 {
			t.Errorf("published %d times, though it stood there", n)
		}
	})
}

// Consent is withdrawn: the keys are erased, and once more a while later, since keys may have
// been under way. Then nothing is kept. Who agrees again is published anew.
func TestConsentIsWithdrawn(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.withdraws(alice)
		w.is(alice, publication.Erasing, -1)
		w.fulfils(false)
		w.stands(alice, 0, 1)
		if s := w.is(alice, publication.None, -1); s.Agreed {
			t.Errorf("it is said that she agrees: %+v", s)
		}
		w.after(9 * time.Minute)
		if len(w.directory.erased) != 1 {
			t.Errorf("erased %d times", len(w.directory.erased))
		}
		w.after(time.Minute)
		if len(w.directory.erased) != 2 || w.rows() != "" {
			t.Errorf("erased %d times, left is\n%s", len(w.directory.erased), w.rows())
		}
		w.agrees(alice)
		w.fulfils(false)
		w.is(alice, publication.Held, 1)
		w.after(24*time.Hour + time.Minute)
		w.stands(alice, 1, 2)
		w.is(alice, publication.Published, 2)
	})
}

// Keys stand there that somebody has published for a short time, with the user's token: they are
// shown when they are over, too, and the user's own can follow on them.
func TestKeysThatHaveEnded(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.directory.usurp(t, alice)
		last := &w.directory.standing[alice][0]
		*last = []byte(strings.Replace(string(*last), `"not_before"`, fmt.Sprintf(`"not_after":%d,"not_before"`, w.clock.Now().Add(time.Minute).UnixMilli()), 1))
		w.clock.Advance(time.Hour)
		w.agrees(alice)
		w.fulfils(false)
		if s := w.is(alice, publication.Held, 0); s.Alarm.IsZero() {
			t.Errorf("she is shown %+v", s)
		}
		w.after(24*time.Hour + time.Minute)
		w.stands(alice, 1, 1)
	})
}

// Something else answers in the place of a directory that is away, as a proxy does, or it answers
// nobody since the clocks differ: it is away to all who are published there, and the keys that
// stand there are erased when it is back. Where no directory ever was there is nothing to erase.
func TestSomethingElseAnswers(t *testing.T) {
	for _, says := range []error{byProxy(403), fedclient.Refusal{Status: 403, Errcode: matrix.ClockDiffers}} {
		each(t, func(w *world) {
			for i, user := range []matrix.UserID{alice, bob} {
				w.uploads(user, i+1)
				w.agrees(user)
			}
			w.directory.answers = func(matrix.UserID) error { return says }
			if err := w.Fulfil(t.Context()); err == nil || strings.Count(err.Error(), "the keys of") != 1 {
				t.Errorf("Fulfil = %v", err)
			}
			if s := w.is(alice, publication.Waiting, -1); s.Problem != "away" {
				t.Errorf("she is shown %+v", s)
			}
		})
	}
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.withdraws(alice)
		w.directory.fails = byProxy(404)
		w.fulfils(true)
		w.is(alice, publication.Erasing, -1)
		w.directory.fails = nil
		w.after(time.Minute)
		w.stands(alice, 0, 1)
	})
	each(t, func(w *world) {
		w.directory.fails = byProxy(404)
		w.agrees(alice)
		w.fulfils(true)
		w.withdraws(alice)
		w.fulfils(false)
		w.is(alice, publication.None, -1)
		if w.rows() != "" {
			t.Errorf("left is\n%s", w.rows())
		}
	})
}

// An account ends, in a transaction that runs twice, and perhaps in another process. Its keys
// go when somebody looks.
func TestAnAccountEnds(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.fulfils(false)
		w.directory.fails = errAway
		for range 2 {
			w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error {
				return publication.Leaver{Now: w.clock.Now}.Leave(w.Context(), tx, alice, false)
			}))
		}
		w.fulfils(true)
		w.open("https://id.test")
		w.directory.fails = nil
		w.after(time.Minute)
		w.stands(alice, 0, 1)
		w.after(time.Hour)
		if w.rows() != "" {
			t.Errorf("left is\n%s", w.rows())
		}
	})
}

// What comes while the directory is being asked is not lost: consent is withdrawn while keys are
// under way.
func TestWithdrawnWhileItIsSent(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.directory.answers = func(matrix.UserID) error { w.withdraws(alice); return nil }
		w.fulfils(false)
		w.directory.answers = nil
		w.is(alice, publication.Erasing, -1)
		w.fulfils(false)
		w.stands(alice, 0, 1)
	})
}

// The directory is away: it is asked once a round, ever more rarely, and everybody waits.
func TestTheDirectoryIsAway(t *testing.T) {
	each(t, func(w *world) {
		for _, user := range []matrix.UserID{alice, bob} {
			w.uploads(user, 1)
			w.agrees(user)
		}
		w.directory.fails = errAway
		err := w.Fulfil(t.Context())
		if !errors.Is(err, fedclient.ErrUnreachable) || strings.Count(err.Error(), "the keys of") != 1 {
			t.Errorf("Fulfil = %v", err)
		}
		if s := w.is(alice, publication.Waiting, -1); s.Problem != "away" || !s.Retry.Equal(w.clock.Now().Add(time.Minute)) {
			t.Errorf("she is shown %+v", s)
		}
		rounds := 0
		for range 12 * 6 {
			w.clock.Advance(10 * time.Minute)
			if w.Fulfil(t.Context()) != nil {
				rounds++
			}
		}
		if rounds > 2*12 {
			t.Errorf("asked %d times in 12 hours", rounds)
		}
		if s, err := w.Status(t.Context()); s != (publication.Status{Waiting: 2}) || err != nil {
			t.Errorf("Status = %+v, %v", s, err)
		}
		w.directory.fails = nil
		w.after(6 * time.Hour)
		w.stands(alice, 1, 0)
		w.stands(bob, 1, 0)
	})
}

// The directory takes no more for now, and says until when; and of one user it takes nothing.
func TestTheDirectoryRefuses(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.directory.fails = fedclient.Refusal{Status: 429, Errcode: matrix.LimitExceededCode, RetryAfter: 40 * time.Minute}
		w.fulfils(true)
		if s := w.is(alice, publication.Waiting, -1); s.Problem != "limited" || !s.Retry.Equal(w.clock.Now().Add(40*time.Minute)) {
			t.Errorf("she is shown %+v", s)
		}
		w.directory.fails = nil
		w.directory.answers = func(user matrix.UserID) error {
			if user == alice {
				return refusal(403)
			}
			return nil
		}
		w.uploads(bob, 1)
		w.agrees(bob)
		w.clock.Advance(40 * time.Minute)
		w.fulfils(true)
		w.stands(bob, 1, 0)
		if s := w.is(alice, publication.Waiting, -1); s.Problem != "refused" {
			t.Errorf("she is shown %+v", s)
		}
		before := len(w.directory.published)
		w.directory.standing[alice] = nil
		for range 6 * 6 {
			w.clock.Advance(10 * time.Minute)
			_ = w.Fulfil(t.Context())
			w.directory.standing[alice] = nil
		}
		if n := len(w.directory.published) - before; n < 5 || n > 10 {
			t.Errorf("what is refused was sent %d times in 6 hours", n)
		}
	})
}

// Another is faster than the answer of the look-up: what is sent next follows on what is there.
func TestNotTheNextVersion(t *testing.T) {
	each(t, func(w *world) {
		w.uploads(alice, 1)
		w.agrees(alice)
		w.directory.answers = func(matrix.UserID) error { return refusal(409) }
		w.fulfils(true)
		w.directory.answers = nil
		w.directory.standing[alice] = nil
		w.after(time.Minute)
		if sent := w.directory.published; len(sent) != 2 || sent[0] == sent[1] {
			t.Errorf("sent was %q", sent)
		}
		w.stands(alice, 1, 0)
	})
}

// Wishes are looked at when they are written, and each minute.
func TestRun(t *testing.T) {
	each(t, func(w *world) {
		ctx, stop := context.WithCancel(t.Context())
		next, reports, ended := make(chan time.Time), make(chan error, 10), make(chan error)
		w.directory.fails = errAway
		w.uploads(alice, 1)
		go func() {
			ended <- publication.RunEach(w.Publications, ctx, next, func(err error) { reports <- err })
		}()
		w.agrees(alice)
		if err := <-reports; !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("reported %v", err)
		}
		w.clock.Advance(time.Minute)
		next <- w.clock.Now()
		<-reports
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
