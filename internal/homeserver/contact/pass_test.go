package contact_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
)

var here = netip.MustParseAddr("192.0.2.1")

// signingUp is a wish of somebody who is here, to an identity server where messages cost a
// CAPTCHA.
func (w *world) signingUp(passes ...string) contact.Wish {
	w.id.Passes = map[string]bool{}
	for _, id := range passes {
		w.id.Passes[id] = true
	}
	wish := w.wish(idclient.Register, "")
	wish.Client = here
	return wish
}

func (w *world) passed(client netip.Addr, ids ...string) {
	w.Helper()
	for _, id := range ids {
		if err := w.Passed(w.Context(), client, id); err != nil {
			w.Fatal(err)
		}
	}
}

// tries tells how often the identity server was asked, and checks whether the wish was granted or
// met a CAPTCHA.
func (w *world) tries(what string, wish contact.Wish, granted bool) (asked int) {
	w.Helper()
	before := len(w.id.Asked)
	_, err := w.RequestToken(w.Context(), wish)
	if _, needed := errors.AsType[idclient.CaptchaNeeded](err); needed == granted || granted != (err == nil) {
		w.Errorf("%s: %v, want it granted: %v", what, err, granted)
	}
	return len(w.id.Asked) - before
}

// Whose client does not name the CAPTCHA that they have solved to sign up solves no other.
func TestASolvedCaptchaCoversAMessage(t *testing.T) {
	each(t, func(w *world) {
		wish := w.signingUp("C1")
		w.tries("before", wish, false)
		w.passed(here, "C1")
		w.tries("after", wish, true)
		w.tries("once more", wish, false)
		if n := w.tries("once more", wish, false); n != 1 {
			t.Errorf("what was used up is tried again: the identity server was asked %d times", n)
		}
	})
}

// It covers nothing else: a message to sign up, for whoever is where it was solved, for ten
// minutes.
func TestWhatASolvedCaptchaDoesNotCover(t *testing.T) {
	each(t, func(w *world) {
		wish := w.signingUp("C1", "C2")
		site := netip.MustParseAddr("2001:db8:1:2::3")
		w.passed(here, "C1")
		w.passed(site, "C2")
		w.passed(netip.Addr{}, "C3")
		for what, change := range map[string]func(*contact.Wish){
			"another address": func(w *contact.Wish) { w.Client = netip.MustParseAddr("192.0.2.2") },
			"another network": func(w *contact.Wish) { w.Client = netip.MustParseAddr("2001:db8:1:3::3") },
			"nowhere":         func(w *contact.Wish) { w.Client = netip.Addr{} },
			"a password":      func(w *contact.Wish) { w.Purpose = idclient.Reset },
			"an account":      func(w *contact.Wish) { w.Purpose, w.User = idclient.Add, alice },
			"another CAPTCHA": func(w *contact.Wish) { w.Challenge = "C4" },
		} {
			other := wish
			change(&other)
			if n := w.tries(what, other, false); n != 1 {
				t.Errorf("%s: asked %d times", what, n)
			}
		}
		neighbour := wish
		neighbour.Client = netip.MustParseAddr("2001:db8:1:2:a::b")
		w.tries("the same network", neighbour, true)
		w.clock.Advance(10 * time.Minute)
		w.tries("late", wish, false)
		if w.id.Passes["C2"] || !w.id.Passes["C1"] {
			t.Errorf("left is %v", w.id.Passes)
		}
		if err := w.Sweep(t.Context()); err != nil || strings.Contains(w.rows(), "C1") {
			t.Errorf("swept: %v; the rows are\n%q", err, w.rows())
		}
	})
}

// Of many people of one network each is covered by one, whichever; of those that were used up
// otherwise three are tried.
func TestSolvedCaptchasOfManyPeople(t *testing.T) {
	each(t, func(w *world) {
		wish := w.signingUp("C1", "C2")
		w.passed(here, "C1", "C2")
		w.tries("the first", wish, true)
		wish.ClientSecret = "another"
		w.tries("the second", wish, true)
		w.passed(here, "C3", "C4", "C5", "C6")
		if n := w.tries("of four that were used up", wish, false); n != 4 {
			t.Errorf("asked %d times, want 4", n)
		}
		if n := w.tries("of the one that is left", wish, false); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})
}

// The identity server ends before it has sent anything: what was solved is not lost.
func TestASolvedCaptchaOutlivesAFailure(t *testing.T) {
	each(t, func(w *world) {
		wish := w.signingUp("C1")
		w.passed(here, "C1")
		w.id.Answered = func() { w.id.Down = true }
		if _, err := w.RequestToken(t.Context(), wish); !errors.Is(err, fedclient.ErrUnreachable) {
			t.Errorf("while it is away: %v", err)
		}
		w.id.Answered, w.id.Down = nil, false
		w.tries("when it is back", wish, true)
	})
}
