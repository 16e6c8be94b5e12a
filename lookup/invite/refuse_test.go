package invite_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup/invite"
)

// Whoever wants no invitations gets none, at any spelling of their inbox, and senders are
// told nothing of that.
func TestNeverAgain(t *testing.T) {
	each(t, func(w *world) {
		w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		_, _, never := w.mailed()
		for range 2 {
			if since, err := w.Refusing(w.Context(), never); err != nil || !since.IsZero() {
				w.Errorf("Refusing = %v, %v", since, err)
			}
		}
		at := w.clock.Now()
		w.must(w.Refuse(w.Context(), never))
		w.clock.Advance(time.Hour)
		w.must(w.Refuse(w.Context(), never))
		if since, err := w.Refusing(w.Context(), never); err != nil || !since.Equal(at) {
			w.Errorf("Refusing = %v, %v", since, err)
		}
		for _, address := range []string{"alice@example.org", "Alice+x@example.org"} {
			s := w.invites(func(r *invite.Request) { r.Address, r.Sender = w.address(address), "@carol:example.net" })
			if s.Token == "" || !w.valid(s.Ephemeral) || s.DisplayName != "a...@e..." {
				w.Errorf("the sender is told %+v", s)
			}
		}
		w.then(w.outbox, "nothing is left to send", func() bool { return w.count("outbox_jobs", "state = 'pending'") == 0 })
		if n := len(w.post.mails()); n != 1 {
			w.Errorf("%d messages were sent", n)
		}
		for _, state := range w.states("@carol:example.net") {
			if state != invite.Pending {
				w.Errorf("carol sees %v", state)
			}
		}
		w.must(w.Allow(w.Context(), never))
		w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 2 })
	})
}

// A text message that is refused costs nothing, and what was refused while it waited does
// not leave.
func TestNeverAgainByTextMessage(t *testing.T) {
	each(t, func(w *world) {
		a := w.address("447400123456")
		w.invites(func(r *invite.Request) { r.Address = a })
		w.must(w.Refuse(w.Context(), w.NeverToken(a)))
		w.then(w.outbox, "it is given up", func() bool { return w.count("outbox_jobs", "state = 'dead'") == 1 })
		report, err := w.Invites.Fraud.Report(w.Context())
		if err != nil || report.Today.Messages != 0 || len(w.post.sms()) != 0 {
			w.Errorf("%d messages are paid for, %v", report.Today.Messages, err)
		}
		w.must(w.Allow(w.Context(), w.NeverToken(a)))
		w.invites(func(r *invite.Request) { r.Address = a })
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.sms()) == 1 })
	})
}

// inboxes are those who want no messages at all, and those that are not there.
type inboxes struct{ silent, missing map[threepid.Address]bool }

func (o inboxes) Suppressed(_ context.Context, a threepid.Address) (bool, error) {
	return o.silent[a] || o.missing[a], nil
}

func (o inboxes) NoMailbox(_ context.Context, a threepid.Address) error {
	o.missing[a] = true
	return nil
}

func TestWhoWantsNoMessagesGetsNoInvitations(t *testing.T) {
	each(t, func(w *world) {
		i, box := w.open(func(o *invite.Options) {
			o.Owners = inboxes{silent: map[threepid.Address]bool{w.address("alice@example.org"): true}}
		})
		_, err := i.Store(w.Context(), w.asks())
		w.must(err)
		w.then(box, "nothing is left to send", func() bool { return w.count("outbox_jobs", "state = 'pending'") == 0 })
		if len(w.post.mails()) != 0 {
			w.Error("a message was sent")
		}
	})
}

// What a mail server has said of a mailbox that is not there is remembered, and obeyed:
// nobody is told.
func TestAMailboxThatIsNotThere(t *testing.T) {
	each(t, func(w *world) {
		known := inboxes{missing: map[threepid.Address]bool{}}
		i, box := w.open(func(o *invite.Options) { o.Owners = known })
		w.post.fail(deliver.ErrNoMailbox)
		for range 2 {
			_, err := i.Store(w.Context(), w.asks())
			w.must(err)
			w.work(box)
			w.post.fail(nil)
		}
		if !known.missing[w.address("alice@example.org")] || len(w.post.mails()) != 0 {
			w.Errorf("remembered are %v, and %d more messages were sent", known.missing, len(w.post.mails()))
		}
		if got := w.states("@bob:example.com"); !slices.Equal(got, []invite.State{invite.Pending, invite.Pending}) {
			w.Errorf("bob sees %v", got)
		}
	})
}

func TestALinkThatIsNone(t *testing.T) {
	each(t, func(w *world) {
		w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		_, _, never := w.mailed()
		for _, token := range []string{"", "x", never[1:], never + "A", "A" + never[1:], never[:len(never)-2] + "AA", strings.Repeat("A", len(never)), "\xff"} {
			_, refusing := w.Refusing(w.Context(), token)
			for _, err := range []error{refusing, w.Refuse(w.Context(), token), w.Allow(w.Context(), token)} {
				if !errors.Is(err, invite.ErrNoLink) {
					w.Errorf("with the token %q: %v", token, err)
				}
			}
		}
		if w.count("invite_refusals", "1 = 1") != 0 {
			w.Error("something was written")
		}
	})
}

// An owner sees what is held, and has it erased: with what is about to be sent, and what
// a homeserver would be told.
func TestAnOwnerHasItErased(t *testing.T) {
	each(t, func(w *world) {
		d := &down{}
		i, box := w.open(func(o *invite.Options) { o.Federation = d })
		a := w.address("alice@example.org")
		w.invites()
		w.binds(i, "alice@example.org", "@alice:down.example")
		delete(w.bindings.users, a)
		w.clock.Advance(time.Millisecond)
		w.invites(func(r *invite.Request) { r.Sender, r.Room = "@carol:example.net", "!ball:example.net" })
		w.invites(func(r *invite.Request) { r.Address = w.address("dave@example.org"); r.Sender = "@dan:example.org" })
		w.must(w.Refuse(w.Context(), w.NeverToken(a)))
		held := w.held(a)
		if len(held.Invitations) != 2 || held.Invitations[0].Sender != "@carol:example.net" || held.Invitations[0].Room != "!ball:example.net" ||
			held.Invitations[1].State != invite.Accepted || held.Refused == 0 {
			w.Errorf("Held = %+v", held)
		}
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.Erase(w.Context(), tx, a) }))
		d.up.Store(true)
		w.then(box, "the others are served", func() bool { return len(w.post.mails()) == 1 })
		w.work(box)
		if d.calls.Load() != 0 || w.post.mails()[0].To != w.address("dave@example.org") {
			w.Error("what was erased left the house")
		}
		if held = w.held(a); len(held.Invitations) != 0 || held.Refused == 0 {
			w.Errorf("Held = %+v", held)
		}
		for _, sender := range []matrix.UserID{"@bob:example.com", "@carol:example.net"} {
			if states := w.states(sender); len(states) != 0 {
				w.Errorf("%s still has %v", sender, states)
			}
		}
		if len(w.states("@dan:example.org")) != 1 {
			w.Error("somebody else's was erased too")
		}
	})
}

// Nothing that is stored of an invitation is missing from what people take along, but for
// what is secret.
func TestAllThatIsHeld(t *testing.T) {
	each(t, func(w *world) {
		created := w.clock.Now()
		w.invites(func(r *invite.Request) { r.RoomType, r.Language = "m.space", locale.German })
		w.clock.Advance(time.Hour)
		w.must(w.Resend(w.Context(), "@bob:example.com", w.only("@bob:example.com")))
		w.clock.Advance(time.Hour)
		w.must(w.Revoke(w.Context(), "@bob:example.com", w.only("@bob:example.com")))
		want := []invite.HeldInvitation{{
			Medium: threepid.Email, Address: "alice@example.org", Language: locale.German,
			Sender: "@bob:example.com", SenderName: "Bob", Room: "!tea:example.com", Name: "Tea at five", Space: true,
			State: invite.Revoked, Messages: 2, Sent: created.Add(time.Hour).UnixMilli(),
			Created: created.UnixMilli(), Expires: created.Add(7 * 24 * time.Hour).UnixMilli(), Ended: created.Add(2 * time.Hour).UnixMilli(),
		}}
		if diff := cmp.Diff(want, w.held(w.address("alice@example.org")).Invitations); diff != "" {
			w.Errorf("-want +got\n%s", diff)
		}
	})
}

func (w *world) held(a threepid.Address) invite.Held {
	w.Helper()
	held, err := w.Held(w.Context(), a)
	w.must(err)
	return held.(invite.Held)
}

// Who has all that is stored about them erased takes their invitations along, but for one
// that was accepted, which is somebody else's by now. Nothing more is sent.
func TestASenderHasThemErased(t *testing.T) {
	each(t, func(w *world) {
		d := &down{}
		i, box := w.open(func(o *invite.Options) { o.Federation = d })
		w.invites()
		w.binds(i, "alice@example.org", "@alice:down.example")
		w.invites(func(r *invite.Request) { r.Address = w.address("erin@example.org") })
		held, err := w.HeldBy(w.Context(), "@bob:example.com")
		if h, ok := held.(invite.Held); err != nil || !ok || len(h.Invitations) != 2 {
			w.Errorf("HeldBy = %+v, %v", held, err)
		}
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.EraseUser(w.Context(), tx, "@bob:example.com") }))
		w.work(box)
		if got := len(w.post.mails()); got != 0 {
			w.Errorf("%d messages were sent", got)
		}
		if states := w.states("@bob:example.com"); len(states) != 1 || states[0] != invite.Accepted {
			w.Errorf("left are %v, want the accepted one", states)
		}
	})
}

// Who has accepted invitations sees them among what is stored, and has them erased: no
// homeserver is told any more that they had the address.
func TestWhoHasAcceptedHasItErased(t *testing.T) {
	each(t, func(w *world) {
		d := &down{}
		i, box := w.open(func(o *invite.Options) { o.Federation = d })
		w.invites()
		w.binds(i, "alice@example.org", "@alice:down.example")
		w.invites(func(r *invite.Request) { r.Sender, r.Address = "@alice:down.example", w.address("erin@example.org") })
		w.invites(func(r *invite.Request) { r.Address = w.address("dave@example.org") })
		w.binds(i, "dave@example.org", "@dave:down.example")
		held, err := w.HeldBy(w.Context(), "@alice:down.example")
		if h, ok := held.(invite.Held); err != nil || !ok || len(h.Invitations) != 2 {
			w.Errorf("HeldBy = %+v, %v", held, err)
		}
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.EraseUser(w.Context(), tx, "@alice:down.example") }))
		d.up.Store(true)
		w.then(box, "the other's homeserver is told", func() bool { return w.count("invite_invitations", "told_ms > 0") == 1 })
		w.work(box)
		if d.calls.Load() != 1 {
			w.Errorf("homeservers were told %d times, want once", d.calls.Load())
		}
		held, err = w.HeldBy(w.Context(), "@alice:down.example")
		if h, ok := held.(invite.Held); err != nil || !ok || len(h.Invitations) != 0 {
			w.Errorf("HeldBy = %+v, %v", held, err)
		}
		if states := w.states("@bob:example.com"); len(states) != 1 || states[0] != invite.Accepted {
			w.Errorf("bob's are %v, want the one that dave accepted", states)
		}
	})
}
