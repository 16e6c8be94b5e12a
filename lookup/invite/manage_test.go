package invite_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/lookup/invite"
)

type addressOf = threepid.Address

// members are the names in a JSON object, or in the first element of a list in it.
func members(t *testing.T, body []byte, list string) []string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	if list != "" {
		o = o[list].([]any)[0].(map[string]any)
	}
	return slices.Sorted(maps.Keys(o))
}

// only is the id of the sender's only invitation.
func (w *world) only(sender matrix.UserID) string {
	w.Helper()
	list, err := w.List(w.Context(), sender)
	if err != nil || len(list) != 1 {
		w.Fatalf("List = %+v, %v", list, err)
	}
	return list[0].ID
}

// A sender sees, sends again and ends what is theirs, and nothing of anybody else's.
func TestASenderSeesTheirOwn(t *testing.T) {
	each(t, func(w *world) {
		bob, carol := matrix.UserID("@bob:example.com"), matrix.UserID("@carol:example.net")
		stored := w.invites()
		hers := w.invites(func(r *invite.Request) { r.Sender = carol })
		list, err := w.List(w.Context(), bob)
		w.must(err)
		if len(list) != 1 || list[0].Token != stored.Token || list[0].Address != w.address("alice@example.org") || list[0].State != invite.Pending || list[0].Messages != 1 {
			w.Errorf("List = %+v", list)
		}
		w.clock.Advance(2 * time.Hour)
		for _, stranger := range []matrix.UserID{bob, "@mallory:example.com", ""} {
			if err := w.Resend(w.Context(), stranger, w.only(carol)); !errors.Is(err, invite.ErrNone) {
				w.Errorf("Resend by %q = %v", stranger, err)
			}
			if err := w.Revoke(w.Context(), stranger, w.only(carol)); !errors.Is(err, invite.ErrNone) {
				w.Errorf("Revoke by %q = %v", stranger, err)
			}
		}
		if !w.valid(hers.Ephemeral) || w.count("outbox_jobs", "1 = 1") != 2 {
			w.Error("a stranger has changed something")
		}
		if err := w.Revoke(w.Context(), bob, "none"); !errors.Is(err, invite.ErrNone) {
			w.Errorf("Revoke of nothing = %v", err)
		}
	})
}

// An invitation is sent again with the same link, later each time, and not for ever.
func TestResend(t *testing.T) {
	each(t, func(w *world) {
		bob := matrix.UserID("@bob:example.com")
		w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, _ := w.mailed()
		id := w.only(bob)
		for n, wait := range []time.Duration{time.Hour, 24 * time.Hour} {
			if limit, ok := errors.AsType[matrix.LimitExceeded](w.Resend(w.Context(), bob, id)); !ok || limit.RetryAfter != wait {
				w.Errorf("too soon, message %d: %v", n+2, limit)
			}
			w.clock.Advance(wait)
			var once sync.WaitGroup
			var sent atomic.Int64
			for range 4 {
				once.Go(func() {
					if w.Resend(w.Context(), bob, id) == nil {
						sent.Add(1)
					}
				})
			}
			once.Wait()
			w.then(w.outbox, "it is sent again", func() bool { return len(w.post.mails()) == n+2 })
			if sent.Load() != 1 {
				w.Errorf("it was sent again %d times", sent.Load())
			}
			if t, k, _ := w.mailed(); t != token || k != key {
				w.Error("the link is another one")
			}
		}
		w.clock.Advance(48 * time.Hour)
		if err := w.Resend(w.Context(), bob, id); !errors.Is(err, invite.ErrOften) {
			w.Errorf("the fourth message: %v", err)
		}
		w.clock.Advance(7 * 24 * time.Hour)
		if err := w.Resend(w.Context(), bob, id); !errors.Is(err, invite.ErrOver) {
			w.Errorf("after its end: %v", err)
		}
	})
}

// A revoked invitation is dead at once: its key, its token, its message, and a bind.
func TestRevoke(t *testing.T) {
	each(t, func(w *world) {
		bob := matrix.UserID("@bob:example.com")
		stored := w.invites()
		id := w.only(bob)
		for range 2 {
			w.must(w.Revoke(w.Context(), bob, id))
		}
		w.work(w.outbox)
		w.binds(w.Invites, "alice@example.org", "@alice:example.org")
		if len(w.post.mails()) != 0 || w.valid(stored.Ephemeral) || w.count("outbox_jobs", "kind = 'invite.onbind'") != 0 || w.count("invite_invitations", "length(key_sealed) > 0") != 0 {
			w.Errorf("it lives on: %d messages, states %v", len(w.post.mails()), w.states(bob))
		}
		if err := w.Resend(w.Context(), bob, id); !errors.Is(err, invite.ErrOver) {
			w.Errorf("Resend = %v", err)
		}
		accepted := w.invites(func(r *invite.Request) { r.Address = w.address("dave@example.org"); r.Sender = "@eve:example.com" })
		w.binds(w.Invites, "dave@example.org", "@dave:example.org")
		if err := w.Revoke(w.Context(), "@eve:example.com", w.only("@eve:example.com")); !errors.Is(err, invite.ErrOver) || w.valid(accepted.Ephemeral) {
			w.Errorf("Revoke after it was accepted = %v", err)
		}
	})
}

// After a week an invitation is over, and after another it is forgotten.
func TestExpiry(t *testing.T) {
	each(t, func(w *world) {
		stored := w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, _ := w.mailed()
		w.clock.Advance(7*24*time.Hour - time.Millisecond)
		if !w.valid(stored.Ephemeral) {
			w.Error("it is over too soon")
		}
		w.clock.Advance(time.Millisecond)
		w.binds(w.Invites, "alice@example.org", "@alice:example.org")
		shown, err := w.Show(w.Context(), token, invite.Proof(key))
		if w.valid(stored.Ephemeral) || !slices.Equal(w.states("@bob:example.com"), []invite.State{invite.Expired}) || shown.State != invite.Expired || err != nil ||
			w.count("outbox_jobs", "kind = 'invite.onbind'") != 0 {
			w.Errorf("after a week it is %v, shown %+v, %v", w.states("@bob:example.com"), shown, err)
		}
		if _, err := w.Sign(w.Context(), "@alice:example.org", token, key); !errors.Is(err, invite.ErrToken) {
			w.Errorf("Sign = %v", err)
		}
		w.must(w.Sweep(w.Context()))
		if w.count("invite_invitations", "length(key_sealed) > 0") != 0 || w.count("invite_invitations", "1 = 1") != 1 {
			w.Error("the key was not forgotten, or the invitation was")
		}
		w.clock.Advance(7 * 24 * time.Hour)
		w.must(w.Sweep(w.Context()))
		if n := w.count("invite_invitations", "1 = 1"); n != 0 {
			w.Errorf("%d invitations are left", n)
		}
	})
}

// What has ended is forgotten a week later, however long it might have lived.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	const week = 7 * 24 * time.Hour
	each(t, func(w *world) {
		i, _ := w.open(func(o *invite.Options) { o.ExpireAfter = 90 * 24 * time.Hour })
		for n, sender := range []matrix.UserID{"@revokes:example.com", "@accepted:example.com", "@waits:example.com"} {
			_, err := i.Store(w.Context(), w.asks(func(r *invite.Request) {
				r.Sender, r.Address = sender, w.address(string(rune('a'+n))+"@example.org")
			}))
			w.must(err)
		}
		w.must(i.Revoke(w.Context(), "@revokes:example.com", w.only("@revokes:example.com")))
		w.binds(i, "b@example.org", "@bert:example.org")
		left := func() int { w.must(i.Sweep(w.Context())); return w.count("invite_invitations", "1 = 1") }
		w.clock.Advance(week - time.Millisecond)
		if n := left(); n != 3 {
			w.Errorf("after less than a week %d are left, want 3", n)
		}
		w.clock.Advance(time.Millisecond)
		if n := left(); n != 1 || w.only("@waits:example.com") == "" {
			w.Errorf("after a week %d are left, want the one that waits", n)
		}
		w.clock.Advance(90*24*time.Hour - time.Millisecond)
		w.must(i.Revoke(w.Context(), "@waits:example.com", w.only("@waits:example.com"))) // long after its end
		w.clock.Advance(time.Millisecond)
		if n := left(); n != 1 {
			w.Errorf("%d are left, want the one that was revoked after its end", n)
		}
		w.clock.Advance(week)
		if n := left(); n != 0 {
			w.Errorf("%d are left", n)
		}
	})
}

// Where a replica whose clock goes before has forgotten the key already, it is over for
// all: there is no link that a message could carry.
func TestAKeyThatAnotherReplicaHasForgotten(t *testing.T) {
	each(t, func(w *world) {
		ahead, _ := w.open(func(o *invite.Options) { o.Now = func() time.Time { return w.clock.Now().Add(2 * time.Second) } })
		w.invites()
		w.invites(func(r *invite.Request) { r.Sender, r.Address = "@carol:example.net", w.address("447400123456") })
		w.work(w.outbox)
		w.clock.Advance(7*24*time.Hour - time.Minute)
		w.must(w.Resend(w.Context(), "@bob:example.com", w.only("@bob:example.com"))) // and the message waits
		w.clock.Advance(59 * time.Second)
		w.must(ahead.Sweep(w.Context()))
		if err := w.Resend(w.Context(), "@carol:example.net", w.only("@carol:example.net")); !errors.Is(err, invite.ErrOver) {
			w.Errorf("Resend = %v, want %v", err, invite.ErrOver)
		}
		w.work(w.outbox)
		if strings.Contains(w.log.String(), "panicked") || len(w.post.mails()) != 1 || len(w.post.sms()) != 1 {
			w.Errorf("%d e-mails and %d text messages, want one of each; the log says\n%s", len(w.post.mails()), len(w.post.sms()), w.log)
		}
	})
}

// A message that could not leave before the end of its invitation stays here.
func TestALateMessage(t *testing.T) {
	each(t, func(w *world) {
		w.invites()
		w.clock.Advance(25 * time.Hour)
		w.then(w.outbox, "it is given up", func() bool { return w.count("outbox_jobs", "state = 'dead'") == 1 })
		if len(w.post.mails()) != 0 {
			w.Error("it was sent")
		}
	})
}

// Who has the message may have its key sign for an account, once.
func TestSign(t *testing.T) {
	each(t, func(w *world) {
		stored := w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, _ := w.mailed()
		other := w.invites(func(r *invite.Request) { r.Address = w.address("dave@example.org") })
		for _, bad := range []struct {
			token, key string
			want       error
		}{
			{token, "", invite.ErrKey}, {token, "!", invite.ErrKey}, {token, key[1:], invite.ErrKey}, {"", key, invite.ErrToken}, {"x", key, invite.ErrToken},
			{other.Token, key, invite.ErrToken}, {token, key[1:] + "A", invite.ErrToken},
		} {
			if signed, err := w.Sign(w.Context(), "@alice:example.org", bad.token, bad.key); !errors.Is(err, bad.want) {
				w.Errorf("Sign(%q, %q) = %s, %v, want %v", bad.token, bad.key, signed, err, bad.want)
			}
		}
		first, err := w.Sign(w.Context(), "@alice:example.org", token, key)
		w.must(err)
		if err := matrix.Verify("id.example.org", "ed25519:0", stored.Ephemeral, first); err != nil {
			w.Errorf("%s: %v", first, err)
		}
		if got := members(t, first, ""); !slices.Equal(got, []string{"mxid", "sender", "signatures", "token"}) {
			w.Errorf("Sign = %s", first)
		}
		again, err := w.Sign(w.Context(), "@alice:example.org", token, key)
		if err != nil || string(again) != string(first) {
			w.Errorf("Sign again = %s, %v", again, err)
		}
		if _, err := w.Sign(w.Context(), "@mallory:example.org", token, key); !errors.Is(err, invite.ErrToken) {
			w.Errorf("Sign for another account = %v", err)
		}
		if !w.valid(stored.Ephemeral) {
			w.Error("the room's servers cannot check the signature")
		}
		w.clock.Advance(time.Hour)
		if w.valid(stored.Ephemeral) || w.count("invite_invitations", "state = 'claimed' AND length(key_sealed) > 0") != 0 {
			w.Error("the key outlives its use")
		}
		w.binds(w.Invites, "alice@example.org", "@mallory:example.org")
		if w.count("outbox_jobs", "kind = 'invite.onbind'") != 0 {
			w.Error("somebody else's homeserver is told of what alice has claimed")
		}
		w.binds(w.Invites, "alice@example.org", "@alice:example.org")
		if w.count("outbox_jobs", "kind = 'invite.onbind'") != 1 {
			w.Error("alice's homeserver is not told")
		}
	})
}

// Many who have one link and come at one moment: one of them is signed for.
func TestManyClaimOneInvitation(t *testing.T) {
	each(t, func(w *world) {
		w.invites()
		w.then(w.outbox, "it is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, _ := w.mailed()
		var all sync.WaitGroup
		var signed atomic.Int64
		for n := range 8 {
			all.Go(func() {
				_, err := w.Sign(w.Context(), matrix.UserID("@user"+string(rune('a'+n))+":example.org"), token, key)
				if err == nil {
					signed.Add(1)
				} else if !errors.Is(err, invite.ErrToken) && !errors.Is(err, store.ErrBusy) {
					w.Error(err)
				}
			})
		}
		all.Wait()
		if signed.Load() != 1 {
			w.Errorf("%d were signed for", signed.Load())
		}
	})
}
