package contact_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

const found = "id.test email alice@example.org"

// signsUp gives a new user the address, who wishes to be found by it.
func (w *world) signsUp(user matrix.UserID) idclient.Session {
	w.Helper()
	return w.signsUpBy(w.wish(idclient.Register, "").Address, user)
}

// signsUpBy is signsUp with an address of their own.
func (w *world) signsUpBy(address threepid.Address, user matrix.UserID) idclient.Session {
	w.Helper()
	wish := w.wish(idclient.Register, "")
	wish.Bind, wish.Address = true, address
	s := w.shown(wish)
	if err := w.use(w.prove(s, idclient.Register, ""), user); err != nil {
		w.Fatal(err)
	}
	return s
}

// isFound checks by whom the address is found, empty for nobody.
func (w *world) isFound(what string, want matrix.UserID) {
	w.Helper()
	if got := w.id.Bound[found]; got != want.String() {
		w.Errorf("%s: %q is found, want %q", what, got, want)
	}
}

func (w *world) fulfils() {
	w.Helper()
	if err := w.Fulfil(w.Context()); err != nil {
		w.Error(err)
	}
}

func (w *world) binds(user matrix.UserID, s idclient.Session) error {
	return w.Bind(w.Context(), contact.Binding{User: user, IDServer: "id.test", Session: s})
}

// onlyBinds has the identity server answer requests to bind so.
func (w *world) onlyBinds(says fedclient.Response) {
	w.id.Answers = func(asked string) *fedclient.Response {
		if strings.HasSuffix(asked, "/users/bind") {
			return &says
		}
		return nil
	}
}

// Alice wishes to be found as she signs up: she is, in a process that starts after the one that
// made her account was killed, and by the one code alone. Her client may ask for it, too, before
// and after, with no token; when her account ends she is found no more.
func TestWhoSignsUpIsFound(t *testing.T) {
	each(t, func(w *world) {
		s := w.signsUp(alice)
		w.isFound("before", "")
		w.open()
		w.fulfils()
		w.isFound("after the start", alice)
		if err := w.binds(alice, s); err != nil {
			w.Error(err)
		}
		before := len(w.id.Asked)
		w.clock.Advance(time.Hour)
		if w.fulfils(); len(w.id.Asked) != before {
			w.Errorf("asked again: %q", w.id.Asked[before:])
		}
		if err := w.Unbind(w.Context(), alice, "", w.email()); err != nil {
			w.Error(err)
		}
		w.isFound("taken back", "")
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrSession) {
			w.Errorf("after it was taken back: %v", err)
		}
		w.fulfils()
		w.isFound("taken back, and asked for again", "")
		if strings.Contains(w.rows(), "contact_bindings") {
			w.Errorf("left is %q", w.rows())
		}
		w.end(alice)
		w.fulfils()
	})
}

// The client is first, and several at once: it is done once, and the address is unbound with the
// account.
func TestAClientHasItselfFound(t *testing.T) {
	each(t, func(w *world) {
		s := w.signsUp(alice)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				if i%2 == 0 {
					w.fulfils()
				} else if err := w.binds(alice, s); err != nil {
					w.Error(err)
				}
			})
		}
		all.Wait()
		w.isFound("bound by many", alice)
		w.end(alice)
		w.farewell(alice, true)
		w.isFound("ended", "")
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrToken) {
			w.Errorf("after the end: %v", err)
		}
	})
}

// Nobody is found by what they have not signed up with, in order to be: not another user, with
// another secret, elsewhere, a day later, or without the wish, in whatever order it was made.
func TestWhoIsNotFoundByASignUp(t *testing.T) {
	each(t, func(w *world) {
		plain := w.shown(w.wish(idclient.Register, ""))
		wish := w.wish(idclient.Register, "")
		wish.Bind, wish.SendAttempt = true, 2
		later := w.request(wish)
		if later == plain {
			w.Error("the wish of a later request is for the same session")
		}
		w.onlyBinds(idclienttest.OK(map[string]any{}))
		for what, b := range map[string]contact.Binding{
			"not used yet": {User: alice, IDServer: "id.test", Session: later},
			"without":      {User: alice, IDServer: "id.test", Session: plain},
		} {
			if err := w.Bind(w.Context(), b); !errors.Is(err, contact.ErrToken) {
				w.Errorf("%s: %v", what, err)
			}
		}
		if err := w.use(w.prove(plain, idclient.Register, ""), bob); err != nil {
			w.Fatal(err)
		}
		w.fulfils()
		if err := w.Delete(w.Context(), contact.News{User: bob}, "", w.email()); !errors.Is(err, contact.ErrNoSupport) {
			w.Fatal(err)
		}
		s := w.shown(wish)
		if err := w.use(w.prove(s, idclient.Register, ""), alice); err != nil {
			w.Fatal(err)
		}
		for what, tt := range map[string]struct {
			binding contact.Binding
			want    error
		}{
			"another user":   {contact.Binding{User: bob, IDServer: "id.test", Token: "tok", Session: s}, contact.ErrSession},
			"another secret": {contact.Binding{User: alice, IDServer: "id.test", Session: idclient.Session{SID: s.SID, ClientSecret: "other"}}, contact.ErrToken},
			"elsewhere":      {contact.Binding{User: alice, IDServer: "other.test", Session: s}, contact.ErrToken},
			"a stranger":     {contact.Binding{User: alice, IDServer: "evil.test", Session: s}, idclient.ErrNotTrusted},
		} {
			if err := w.Bind(w.Context(), tt.binding); !errors.Is(err, tt.want) {
				w.Errorf("%s: %v, want %v", what, err, tt.want)
			}
		}
		w.clock.Advance(24 * time.Hour)
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrToken) {
			w.Errorf("a day later: %v", err)
		}
		w.fulfils()
		for _, asked := range w.id.Asked {
			if strings.HasSuffix(asked, "/bind") {
				w.Errorf("asked %s", asked)
			}
		}
		if err := w.Sweep(w.Context()); err != nil || strings.Contains(w.rows(), "contact_found") && strings.Contains(w.rows(), "waiting") {
			w.Errorf("left is %q, %v", w.rows(), err)
		}
	})
}

// An identity server that does not say that somebody agreed has not asked them.
func TestAnIdentityServerThatKnowsNoWish(t *testing.T) {
	each(t, func(w *world) {
		w.id.Lie = func(answer map[string]any) { delete(answer, "im.signet.bind") }
		s := w.signsUp(alice)
		w.fulfils()
		w.isFound("without having agreed", "")
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrToken) {
			w.Errorf("by the client: %v", err)
		}
	})
}

// The wish outlives an identity server that is away or wants its terms accepted first, and not one
// that refuses for good.
func TestAWishThatWaits(t *testing.T) {
	each(t, func(w *world) {
		s := w.signsUp(alice)
		w.id.Down = true
		if err := w.Fulfil(w.Context()); err == nil {
			w.Error("nothing is wrong while the identity server is away")
		}
		w.id.Down = false
		w.clock.Advance(time.Minute)
		w.onlyBinds(idclienttest.Refusal(403, matrix.TermsNotSigned))
		w.fulfils()
		if err := w.binds(alice, s); !errors.Is(err, fedclient.Refusal{Status: 403, Errcode: matrix.TermsNotSigned, Message: "no"}) {
			w.Errorf("with terms: %v", err)
		}
		w.clock.Advance(2 * time.Minute)
		w.onlyBinds(fedclient.Response{Status: 404, Body: []byte("nginx")}) // which speaks for a server that is away
		if err := w.Fulfil(w.Context()); err == nil {
			w.Error("nothing is wrong while a proxy answers")
		}
		w.clock.Advance(4 * time.Minute)
		w.onlyBinds(idclienttest.Refusal(403, matrix.ClockDiffers))
		if err := w.Fulfil(w.Context()); err == nil {
			w.Error("nothing is wrong while the clocks differ")
		}
		w.clock.Advance(8 * time.Minute)
		w.id.Answers = nil
		w.fulfils()
		w.isFound("in the end", alice)
	})
	each(t, func(w *world) {
		w.signsUp(alice)
		w.onlyBinds(idclienttest.Refusal(404, matrix.Unrecognized))
		if err := w.Fulfil(w.Context()); err == nil {
			w.Error("nobody is told of a refusal")
		}
		w.clock.Advance(23 * time.Hour)
		before := len(w.id.Asked)
		if w.fulfils(); len(w.id.Asked) != before {
			w.Errorf("asked again after a refusal: %q", w.id.Asked[before:])
		}
	})
}

// Alice takes it back before anybody was asked, while the identity server is away: she is not found
// when it is back, nor by the session that she signed up with, but by what she binds since.
func TestTakenBackBeforeItIsDone(t *testing.T) {
	each(t, func(w *world) {
		s := w.signsUp(alice)
		w.id.Down = true
		if err := w.Unbind(w.Context(), alice, "", w.email()); !errors.Is(err, contact.ErrLater) {
			t.Errorf("while the identity server is away: %v", err)
		}
		w.id.Down = false
		w.clock.Advance(time.Minute)
		w.fulfils()
		w.isFound("taken back", "")
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrSession) {
			t.Errorf("by the session of the sign-up: %v", err)
		}
		w.bind(w.own(alice, "id.test", w.email()))
		w.clock.Advance(time.Hour)
		w.fulfils()
		w.isFound("by another session", alice)
	})
}

// A process that starts waits out no pause: the identity server was away when the last one asked.
func TestAStartAfterAFailure(t *testing.T) {
	each(t, func(w *world) {
		w.signsUp(alice)
		w.id.Down = true
		if err := w.Fulfil(w.Context()); err == nil {
			t.Error("nothing is wrong while the identity server is away")
		}
		w.id.Down = false
		w.fulfils()
		w.isFound("in the pause", "")
		w.open()
		ctx, stop := context.WithCancel(w.Context())
		moments := make(chan time.Time)
		go func() {
			moments <- time.Time{} // which is taken when the first round is over
			stop()
		}()
		if err := contact.RunEach(w.Contacts, ctx, moments, func(err error) { t.Error(err) }); err != nil {
			t.Error(err)
		}
		w.isFound("after the start", alice)
	})
}

// Alice takes it back when a round has begun that would have her found, and has another found first.
func TestTakenBackInTheMiddleOfARound(t *testing.T) {
	each(t, func(w *world) {
		w.signsUpBy(address(t, "email", "bob@example.org"), bob)
		w.clock.Advance(time.Second)
		w.signsUp(alice)
		w.id.Answered = func() {
			w.id.Answered = nil
			if err := contact.WishUnbound(w.Contacts, w.Context(), alice, w.email()); err != nil {
				t.Error(err)
			}
		}
		w.fulfils()
		w.isFound("taken back", "")
		if w.id.Bound["id.test email bob@example.org"] != bob.String() {
			t.Errorf("bound is %q", w.id.Bound)
		}
	})
}

// Run does it as soon as it is woken, and an address that is deleted, or an account that has
// ended, is not found.
func TestWaking(t *testing.T) {
	each(t, func(w *world) {
		ctx, stop := context.WithCancel(w.Context())
		ran, bound := make(chan error), make(chan struct{}, 10)
		w.id.Answers = func(asked string) *fedclient.Response {
			if strings.HasSuffix(asked, "/users/bind") {
				bound <- struct{}{}
			}
			return nil
		}
		go func() { ran <- contact.RunEach(w.Contacts, ctx, nil, func(err error) { w.Error(err) }) }()
		w.signsUp(alice)
		w.Wake()
		<-bound
		stop()
		if err := <-ran; err != nil {
			w.Error(err)
		}
		w.isFound("woken", alice)
	})
	each(t, func(w *world) {
		s := w.signsUp(alice)
		if err := w.Delete(w.Context(), contact.News{User: alice}, "other.test", w.email()); err != nil {
			w.Fatal(err)
		}
		w.fulfils()
		if err := w.binds(alice, s); !errors.Is(err, contact.ErrSession) {
			w.Errorf("after the address was deleted: %v", err)
		}
		w.isFound("deleted", "")
		w.end(alice)
	})
}

// What is refused to bob, who was first, has alice wait for nothing.
func TestOneIsRefused(t *testing.T) {
	each(t, func(w *world) {
		w.signsUpBy(address(t, "email", "bob@example.org"), bob)
		w.clock.Advance(time.Second)
		w.signsUp(alice)
		refused := idclienttest.Refusal(403, matrix.Forbidden)
		w.id.Answers = func(asked string) *fedclient.Response {
			if !strings.HasSuffix(asked, "/users/bind") {
				return nil
			}
			w.id.Answers = nil
			return &refused
		}
		if err := w.Fulfil(w.Context()); err == nil || !strings.Contains(err.Error(), bob.String()) {
			t.Errorf("bob is refused, and told is %v", err)
		}
		w.isFound("beside bob", alice)
	})
}
