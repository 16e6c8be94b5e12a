package invite_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/lookup/invite"
	"signet/verify/fraud"
)

var (
	pageLink  = regexp.MustCompile(`/invitation#token=([\w-]+)&key=([\w-]+)`)
	shortLink = regexp.MustCompile(`/i#([\w-]{22})([\w-]{43})$`)
	neverLink = regexp.MustCompile(`/invitation/never/([\w-]+)`)
)

// mailed is the token and the key of the newest message, and that of its "never again".
func (w *world) mailed() (token, key, never string) {
	w.Helper()
	mails := w.post.mails()
	if len(mails) == 0 {
		w.Fatal("no message was sent")
	}
	text := mails[len(mails)-1].Text
	found := pageLink.FindStringSubmatch(text)
	if found == nil {
		w.Fatalf("the message has no link:\n%s", text)
	}
	return found[1], found[2], neverLink.FindStringSubmatch(text)[1]
}

// publicOf is the public key of a mailed private one.
func (w *world) publicOf(secret string) ed25519.PublicKey {
	w.Helper()
	seed, err := base64.RawURLEncoding.DecodeString(secret)
	w.must(err)
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}

func (w *world) valid(key ed25519.PublicKey) bool {
	w.Helper()
	std, err := w.KeyValid(w.Context(), matrix.EncodeBase64(key))
	w.must(err)
	url, err := w.KeyValid(w.Context(), base64.RawURLEncoding.EncodeToString(key))
	w.must(err)
	if std != url {
		w.Errorf("in one alphabet the key is valid: %v, in the other: %v", std, url)
	}
	return std
}

// Somebody who is not there yet is told who invites them, where to and by whom, with a
// link that no server sees whole and a way to be left alone.
func TestSomebodyIsInvited(t *testing.T) {
	each(t, func(w *world) {
		stored := w.invites()
		if stored.DisplayName != "a...@e..." || len(stored.Token) != 22 {
			w.Errorf("Store = %+v", stored)
		}
		w.then(w.outbox, "a message is sent", func() bool { return len(w.post.mails()) == 1 })
		m := w.post.mails()[0]
		token, key, never := w.mailed()
		if token != stored.Token || !w.publicOf(key).Equal(stored.Ephemeral) || !strings.HasSuffix(m.Unsubscribe, "/never/"+never) || m.To != w.address("alice@example.org") {
			w.Errorf("the message is %+v", m)
		}
		for _, says := range []string{"Bob (@\u2060bob", "Tea at five", "7 days", "id.example.org"} {
			if !strings.Contains(strings.ReplaceAll(m.Text, "\u2060@\u2060", "@\u2060"), says) {
				w.Errorf("the message does not say %q:\n%s", says, m.Text)
			}
		}
		if !w.valid(stored.Ephemeral) || w.valid(stored.ServerKey) {
			w.Error("the ephemeral key is not valid, or another one is")
		}
		shown, err := w.Show(w.Context(), token, invite.Proof(key))
		if err != nil || shown.Sender != "@bob:example.com" || shown.SenderName != "Bob" || shown.RoomName != "Tea at five" || shown.State != invite.Pending {
			w.Errorf("Show = %+v, %v", shown, err)
		}
		for _, proof := range []string{"", key, invite.Proof(token), invite.Proof("x")} {
			if _, err := w.Show(w.Context(), token, proof); !errors.Is(err, invite.ErrNoLink) {
				w.Errorf("Show with the proof %q = %v", proof, err)
			}
		}
	})
}

func TestSomebodyIsInvitedByTextMessage(t *testing.T) {
	each(t, func(w *world) {
		stored := w.invites(func(r *invite.Request) { r.Address, r.Language = w.address("447400123456"), locale.German })
		if stored.DisplayName != "+44...56" {
			w.Errorf("Store = %+v", stored)
		}
		w.then(w.outbox, "a message is sent", func() bool { return len(w.post.sms()) == 1 })
		text := w.post.sms()[0].Text
		found := shortLink.FindStringSubmatch(text)
		if found == nil || found[1] != stored.Token || !w.publicOf(found[2]).Equal(stored.Ephemeral) {
			w.Errorf("the message is %q", text)
		}
		for _, strangers := range []string{"Bob", "bob", "Tea", "example.com"} {
			if strings.Contains(text, strangers) {
				w.Errorf("the message says %q: %s", strangers, text)
			}
		}
	})
}

// What strangers call themselves is cut short and stands on one line.
func TestNamesOfStrangersAreCut(t *testing.T) {
	each(t, func(w *world) {
		long := strings.Repeat("ä", 5000)
		stored := w.invites(func(r *invite.Request) { r.SenderName, r.RoomName, r.RoomAlias = "\u202e"+long, "", "#a\nb:"+long })
		w.then(w.outbox, "a message is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, _ := w.mailed()
		shown, err := w.Show(w.Context(), token, invite.Proof(key))
		if err != nil || shown.SenderName != strings.Repeat("ä", 19)+"…" || shown.RoomName != "#a b:"+strings.Repeat("ä", 24)+"…" {
			w.Errorf("Show of %s = %+v, %v", stored.Token, shown, err)
		}
	})
}

// discovery is a budget of so many answers.
type discovery struct {
	left  int
	asked []matrix.UserID
}

func (d *discovery) Ask(_ context.Context, asker matrix.UserID, client netip.Addr, _ threepid.Address) error {
	d.asked = append(d.asked, asker)
	if d.left--; d.left < 0 {
		return matrix.LimitExceeded{RetryAfter: time.Hour}
	}
	return nil
}

// Who asks for a bound address is told who is behind it, at the price of the discovery
// budget; over budget they are told nothing, and nothing is asked.
func TestAnAddressThatIsBound(t *testing.T) {
	each(t, func(w *world) {
		budget := &discovery{left: 1}
		i, _ := w.open(func(o *invite.Options) { o.Discovery = budget })
		w.bindings.set(w.address("alice@example.org"), "@alice:example.org")
		_, err := i.Store(w.Context(), w.asks())
		if used, ok := errors.AsType[invite.InUse](err); !ok || used.User != "@alice:example.org" {
			w.Errorf("Store = %v", err)
		}
		asked := w.bindings.asked
		for _, address := range []string{"alice@example.org", "nobody@example.org"} {
			_, err = i.Store(w.Context(), w.asks(func(r *invite.Request) { r.Address = w.address(address) }))
			if limit, ok := errors.AsType[matrix.LimitExceeded](err); !ok || limit.RetryAfter != time.Hour {
				w.Errorf("Store over budget = %v", err)
			}
		}
		if w.bindings.asked != asked || len(budget.asked) != 3 || budget.asked[0] != "@bob:example.com" {
			w.Errorf("over budget %d were asked for; charged were %v", w.bindings.asked-asked, budget.asked)
		}
		w.nothing()
	})
}

// nothing was written or is going to be sent.
func (w *world) nothing() {
	w.Helper()
	if n := w.count("invite_invitations", "1 = 1") + w.count("outbox_jobs", "1 = 1") + len(w.post.mails()) + len(w.post.sms()); n != 0 {
		w.Errorf("%d things were written or sent", n)
	}
}

func TestWhatIsNotServed(t *testing.T) {
	each(t, func(w *world) {
		i, _ := w.open(func(o *invite.Options) { o.SMS = nil })
		phone := func(r *invite.Request) { r.Address = w.address("447400123456") }
		if _, err := i.Store(w.Context(), w.asks(phone)); !errors.Is(err, invite.ErrMedium) {
			w.Errorf("Store = %v", err)
		}
		for _, policy := range []struct {
			fraud.Policy
			want error
		}{
			{fraud.Policy{Countries: []string{"DE"}}, fraud.ErrCountry},
			{fraud.Policy{Countries: []string{fraud.Any}, RiskyCountries: []string{"GB"}}, invite.ErrDestination},
		} {
			guard, err := fraud.New(w.Context(), fraud.Options{DB: w.db, Vault: w.vault, Policy: policy.Policy, Now: w.clock.Now, Log: w.Invites.Log})
			w.must(err)
			i, _ := w.open(func(o *invite.Options) { o.Fraud = guard })
			if _, err := i.Store(w.Context(), w.asks(phone)); !errors.Is(err, policy.want) {
				w.Errorf("Store = %v, want %v", err, policy.want)
			}
			report, err := guard.Report(w.Context())
			if err != nil || report.Today.Messages != 0 {
				w.Errorf("%d messages are paid for, %v", report.Today.Messages, err)
			}
		}
		w.nothing()
	})
}

// A text message that does not leave costs nothing.
func TestThePriceOfATextMessageIsGivenBack(t *testing.T) {
	each(t, func(w *world) {
		spent := func() int64 {
			report, err := w.Invites.Fraud.Report(w.Context())
			w.must(err)
			return report.Today.Messages
		}
		w.invites(func(r *invite.Request) { r.Address = w.address("447400123456") })
		if spent() != 1 {
			w.Errorf("%d messages are paid for, want 1", spent())
		}
		list, err := w.List(w.Context(), "@bob:example.com")
		w.must(err)
		w.must(w.Revoke(w.Context(), "@bob:example.com", list[0].ID))
		if spent() != 0 {
			w.Errorf("after it was revoked %d messages are paid for", spent())
		}
		w.post.fail(deliver.ErrRefused)
		w.invites(func(r *invite.Request) { r.Address = w.address("447400123456") })
		w.then(w.outbox, "the price is given back", func() bool { return spent() == 0 })
	})
}

// Senders, rooms, homeservers and destinations each have their limits, and what is
// refused is neither written nor sent.
func TestBudgets(t *testing.T) {
	each(t, func(w *world) {
		w.limited()
		n := 0
		store := func(sender matrix.UserID, room matrix.RoomID, address string) error {
			_, err := w.Store(w.Context(), w.asks(func(r *invite.Request) { r.Sender, r.Room, r.Address = sender, room, w.address(address) }))
			n++
			return err
		}
		fresh := func() string { return strings.Repeat("x", n+1) + "@example.org" }
		last := func(what string, allowed int, once func(i int) error) {
			w.Helper()
			for i := range allowed {
				if err := once(i); err != nil {
					w.Fatalf("%s, invitation %d: %v", what, i, err)
				}
			}
			before := w.count("invite_invitations", "1 = 1")
			if _, ok := errors.AsType[matrix.LimitExceeded](once(allowed)); !ok {
				w.Errorf("%s: invitation %d went through", what, allowed)
			}
			if w.count("invite_invitations", "1 = 1") != before || w.count("outbox_jobs", "1 = 1") != before {
				w.Errorf("%s: what was refused was written", what)
			}
			w.clock.Advance(30 * 24 * time.Hour)
		}
		user := func(i int) matrix.UserID { return matrix.UserID("@u" + strings.Repeat("x", i) + ":example.com") }
		roomOf := func(i int) matrix.RoomID { return matrix.RoomID("!r" + strings.Repeat("x", i) + ":example.com") }
		last("sender", 10, func(i int) error { return store("@bob:example.com", roomOf(i), fresh()) })
		last("room", 30, func(i int) error { return store(user(i), "!tea:example.com", fresh()) })
		last("homeserver", 100, func(i int) error { return store(user(i), roomOf(i), fresh()) })
		last("destination", 3, func(i int) error { return store(user(i), roomOf(i), "Ali.ce+"+strings.Repeat("y", i)+"@gmail.com") })
		last("destination by text message", 2, func(i int) error { return store(user(i), roomOf(i), "447400123456") })
	})
}

// acquaintance has known all homeservers for so long.
type acquaintance struct {
	known time.Duration
	now   func() time.Time
}

func (a acquaintance) FirstSeen(context.Context, matrix.ServerName) (time.Time, bool, error) {
	return a.now().Add(-a.known), a.known > 0, nil
}

func TestANewcomerGetsLittle(t *testing.T) {
	each(t, func(w *world) {
		for _, test := range []struct {
			known time.Duration // for so long; 0: not at all
			own   bool
			sent  int
		}{
			{0, false, 10}, {24 * time.Hour, false, 10}, {8 * 24 * time.Hour, false, 12}, {0, true, 12},
		} {
			w.limited()
			i := w.Invites
			i.Acquaintance, i.OwnHomeservers = acquaintance{test.known, w.clock.Now}, map[matrix.ServerName]bool{"example.com": test.own}
			sent := 0
			for n := range 12 {
				_, err := i.Store(w.Context(), w.asks(func(r *invite.Request) {
					r.Sender, r.Room = matrix.UserID("@u"+strings.Repeat("x", n)+":example.com"), matrix.RoomID("!r"+strings.Repeat("x", n))
					r.Address = w.address(strings.Repeat("a", n+1) + "@example.org")
				}))
				if err == nil {
					sent++
				}
			}
			if sent != test.sent {
				w.Errorf("known for %v, own %v: %d went through, want %d", test.known, test.own, sent, test.sent)
			}
			w.clock.Advance(30 * 24 * time.Hour)
		}
	})
}

// Whoever steals the database, or reads the log, learns neither who is invited, by whom
// and where to, nor a token or a key that could be used.
func TestAStolenDatabaseTellsNothing(t *testing.T) {
	each(t, func(w *world) {
		h := w.homeserver(nil)
		i, box := w.open(func(o *invite.Options) { o.Federation = w.federation(h) })
		stored := w.invites()
		w.then(box, "a message is sent", func() bool { return len(w.post.mails()) == 1 })
		token, key, never := w.mailed()
		w.must(w.Refuse(w.Context(), never))
		list, err := w.List(w.Context(), "@bob:example.com")
		w.must(err)
		w.clock.Advance(2 * time.Hour)
		w.must(w.Resend(w.Context(), "@bob:example.com", list[0].ID))
		w.binds(i, "alice@example.org", h.user("alice"))
		w.then(box, "the homeserver is told", func() bool { return len(h.taken()) == 1 })
		seed, err := base64.RawURLEncoding.DecodeString(key)
		w.must(err)
		dump := storetest.Dump(w, w.db, "invite_invitations", "invite_refusals", "invite_servers", "outbox_jobs", "quota_buckets")
		for where, text := range map[string]string{"database": dump, "log": w.log.String()} {
			for _, secret := range []string{"alice@", "alice", "@bob", "Bob", "!tea", "Tea", token, key, never, string(seed), string(stored.Ephemeral), invite.Proof(key)} {
				if strings.Contains(text, secret) {
					w.Errorf("the %s tells %q:\n%s", where, secret, text)
				}
			}
		}
	})
}
