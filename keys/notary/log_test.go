package notary_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/keys/notary"
)

// logged has the notary serve what stands in a log alone. Whenever it waits, tick happens.
func (w *world) logged(tick func()) *testLog {
	l := &testLog{}
	o := w.notary.Options
	o.Prover = l
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		w.clock.Advance(d)
		tick()
		return ctx.Err()
	}
	w.notary = notary.New(o)
	return l
}

// Who asks while what another query has just learned is on its way into the log waits for it too,
// if nothing else can be answered.
func TestTwoAskBeforeItIsLogged(t *testing.T) {
	each(t, func(w *world) {
		waits, l := 0, (*testLog)(nil)
		l = w.logged(func() {
			switch waits++; waits {
			case 1: // of the first query, which learns the document
				w.want("the second one", them, all, "k1")
			case 2: // of the second
				w.sequence(l)
			case 3:
				l.published = int64(len(l.entries))
			}
		})
		w.publishes(them, day, k1)
		w.want("the first one", them, all, "k1")
		if waits != 3 {
			w.Errorf("they waited %d times, want 3", waits)
		}
	})
}

// A new document is served as soon as it is logged, with its proof; not before, however long
// that takes, and neither is one whose position no checkpoint covers yet.
func TestNothingIsServedThatIsNotLogged(t *testing.T) {
	each(t, func(w *world) {
		waits, l := 0, (*testLog)(nil)
		sequence := func() { w.sequence(l) }
		publish := func() { l.published = int64(len(l.entries)) }
		never := func() {}
		var ticks []func()
		l = w.logged(func() {
			if waits++; waits <= len(ticks) {
				ticks[waits-1]()
			}
		})
		began := w.clock.Now()
		w.publishes(them, day, k1)
		w.want("never logged", them, all, "")
		if waited := w.clock.Now().Sub(began); waited < time.Second || waited > 5*time.Second {
			w.Errorf("waited %v, want a few seconds", waited)
		}

		waits, ticks = 0, []func(){never, sequence, never, publish}
		w.clock.Advance(time.Hour)
		w.publishes(them, day, k1)
		w.want("logged already, but not proven", them, all, "")
		w.clock.Advance(day / 2)
		w.publishes(them, day, k1)
		got := w.ask(them, all)
		if len(got) != 1 || waits != 4 || string(got[0].unsigned["im.signet.keys"]) != `{"index":2}` {
			w.Fatalf("after %d waits: %+v", waits, got)
		}
		if r := parseRecord(w, l.entries[2]); string(r.Keys) != string(got[0].JSON) {
			w.Errorf("the log has %s, served is %s", r.Keys, got[0].JSON)
		}

		// What was logged before is the answer while the newest is not.
		ticks = nil
		w.clock.Advance(day / 2)
		w.publishes(them, day, k1, k2)
		if got := w.ask(them, all); len(got) != 1 || got[0].ids() != "k1" || string(got[0].unsigned["im.signet.keys"]) != `{"index":2}` {
			w.Errorf("while the newest is not logged: %+v", got)
		}
		sequence()
		publish()
		w.want("once it is", them, all, "k1+k2")
	})
}

// What is held is logged, so that the server's owner can see it, and not waited for; it is not
// what is served while the newest is not logged.
func TestWhatIsHeldIsLogged(t *testing.T) {
	each(t, func(w *world) {
		waits, l := 0, (*testLog)(nil)
		log := true
		l = w.logged(func() {
			if waits++; log {
				w.sequence(l)
				l.published = int64(len(l.entries))
			}
		})
		w.publishes(them, 7*day, k1)
		w.want("before", them, all, "k1")
		w.clock.Advance(4 * day)
		waits = 0
		w.publishes(them, 7*day, k2)
		w.want("held", them, all, "k1")
		if waits != 0 || len(w.pending()) != 1 || w.pending()[0].HeldUntil == 0 {
			w.Errorf("%d waits, %d records", waits, len(w.pending()))
		}
		w.sequence(l)
		l.published, log = int64(len(l.entries)), false
		w.clock.Advance(time.Hour)
		w.publishes(them, 7*day, k1, k3)
		w.want("another, not logged", them, all, "k1")
	})
}

// A transaction that logs may run again, or not commit; what it logged stands then as before.
// Two who log at once do not both succeed.
func TestWhatIsLoggedIsLoggedOnce(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(them, day, k1)
		w.ask(them, all)
		w.publishes("other.example", day, k1)
		w.ask("other.example", all)
		entries, logged, err := w.notary.Next(w.Context(), 1)
		w.must(err)
		if len(entries) != 1 {
			w.Fatalf("%d entries, want 1", len(entries))
		}
		failed := errors.New("no commit")
		err = w.db.Tx(w.Context(), func(tx *store.Tx) error { return errors.Join(logged(w.Context(), tx, 7), failed) })
		if !errors.Is(err, failed) || len(w.pending()) != 2 {
			w.Errorf("%v, %d pending", err, len(w.pending()))
		}
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, 7) }))
		if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, 8) }); err == nil {
			w.Error("a record was logged twice")
		}
		if n, err := w.notary.Pending(w.Context()); n != 1 || err != nil {
			w.Errorf("Pending = %d, %v, want 1", n, err)
		}
		if n := w.count(`SELECT COUNT(*) FROM notary_records WHERE position = 7`); n != 1 || len(w.pending()) != 1 {
			w.Errorf("%d at the position, %d pending", n, len(w.pending()))
		}
		rest, logged, err := w.notary.Next(w.Context(), 10)
		w.must(err)
		w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, 8) }))
		if none, _, err := w.notary.Next(w.Context(), 10); err != nil || len(rest) != 1 || len(none) != 0 {
			w.Errorf("%d and then %d entries, %v", len(rest), len(none), err)
		}
	})
}

// A block and its end are recorded with all that they say, and who is blocked is told of with
// the place where it says why.
func TestTheBlockListIsNoSecret(t *testing.T) {
	each(t, func(w *world) {
		var blocked matrix.ServerName
		o := w.notary.Options
		o.Blocked = func(_ context.Context, server matrix.ServerName) (matrix.ServerName, bool, error) {
			return "evil.example", blocked != "" && strings.HasSuffix(server.String(), blocked.String()), nil
		}
		w.notary = notary.New(o)
		rules := []notary.Rule{{Entity: "evil.example", Recommendation: "m.ban", Reason: "spam", CreatedTS: 1, ExpiresTS: 2}, {Entity: "*.evil.example", Recommendation: "m.ban"}}
		policy := func(rules []notary.Rule) {
			w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error {
				return notary.RecordPolicy(w.Context(), tx, "evil.example", rules, w.clock.Now())
			}))
		}
		refused := func(position int64) {
			w.Helper()
			answer, err := w.notary.Query(w.Context(), notary.Query{Servers: map[matrix.ServerName]notary.Wanted{"a.evil.example": {}, them: {}}})
			if err != nil || len(answer.Refused) != 1 || answer.Refused[0] != (notary.Blocked{Server: "a.evil.example", Name: "evil.example", Position: position}) {
				w.Errorf("refused %+v, %v, want position %d", answer.Refused, err, position)
			}
			if len(answer.Objects) != 1 || w.fetches("a.evil.example") != 0 {
				w.Errorf("%d documents", len(answer.Objects))
			}
		}
		w.publishes(them, day, k1)
		w.publishes("a.evil.example", day, k2)
		w.want("before", "a.evil.example", all, "k2")
		w.fetches("a.evil.example")

		policy(rules)
		blocked = "evil.example"
		refused(0)
		l := &testLog{}
		w.sequence(l)
		at := int64(len(l.entries) - 1)
		if r := parseRecord(w, l.entries[1]); r.Type == "im.signet.keys.policy.v1" {
			at = 1
		}
		refused(at)
		r := parseRecord(w, l.entries[at])
		if r.Type != "im.signet.keys.policy.v1" || r.ServerName != "evil.example" || len(r.Rules) != 2 || r.Rules[0] != rules[0] || r.Rules[1] != rules[1] {
			w.Errorf("the record: %s", r.raw)
		}
		policy(nil)
		if got := w.pending(); len(got) != 1 || got[0].Rules == nil || len(got[0].Rules) != 0 || got[0].Prev != base64url(r.raw) {
			w.Errorf("the end: %+v", got)
		}

		// Blocks that are older than the records are recorded once.
		for range 2 {
			w.must(w.notary.AdoptPolicy(w.Context(), map[matrix.ServerName][]notary.Rule{"evil.example": rules, "old.example": rules}))
		}
		if got := w.pending(); len(got) != 2 || got[1].ServerName != "old.example" {
			w.Errorf("adopted: %+v", got)
		}
	})
}

// Whoever holds a domain and has all names below it answer slowly takes a few places, from however
// many networks they are asked for; the others stay for servers that nobody knows yet.
func TestSlowServersOfOneDomain(t *testing.T) {
	each(t, func(w *world) {
		let, began := make(chan struct{}), make(chan struct{}, 100)
		o := w.notary.Options
		o.Federation = counted{slow{w, let}, began}
		w.notary = notary.New(o)
		var strangers sync.WaitGroup
		for network := range 10 {
			servers := map[matrix.ServerName]notary.Wanted{}
			for i := range 8 {
				servers[matrix.ServerName(fmt.Sprintf("slow%d-%d.evil.example", network, i))] = notary.Wanted{}
			}
			strangers.Go(func() {
				if answer, err := w.notary.Query(w.Context(), notary.Query{Servers: servers, Network: netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", network))}); err == nil {
					answer.Release()
				}
			})
		}
		for range 4 {
			<-began
		}
		w.publishes(them, day, k1)
		w.want("a server that nobody knows yet", them, all, "k1")
		if n := len(began); n > 1 { // that one's
			w.Errorf("%d servers of one owner are asked at once, want 4", 4+n-1)
		}
		close(let)
		strangers.Wait()
	})
}

// Whoever has used up the places of a network, and asks then for a server or for names below its
// domain, keeps nobody else from that server: what waits holds nothing that others wait for.
func TestWhoWaitsHoldsNothing(t *testing.T) {
	for name, names := range map[string][]string{
		"the server":      {"they.example"},
		"names below its": {"a.they.example", "b.they.example", "c.they.example", "d.they.example"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				let, began := make(chan struct{}), make(chan struct{}, 100)
				looked := make(chan struct{}, 1000)
				o := w.notary.Options
				o.Federation = counted{slow{w, let}, began}
				o.Now = func() time.Time { looked <- struct{}{}; return w.clock.Now() }
				w.notary = notary.New(o)
				ask := func(network string, names ...string) (int, error) {
					servers := map[matrix.ServerName]notary.Wanted{}
					for _, n := range names {
						servers[matrix.ServerName(n)] = notary.Wanted{}
					}
					answer, err := w.notary.Query(w.Context(), notary.Query{Servers: servers, Network: netip.MustParsePrefix(network)})
					if err == nil {
						answer.Release()
					}
					return len(answer.Objects), err
				}
				var strangers sync.WaitGroup
				stranger := func(names ...string) {
					strangers.Go(func() {
						if _, err := ask("192.0.2.1/32", names...); err != nil {
							w.Error(err)
						}
					})
				}
				for _, domain := range []string{"a.example", "b.example", "c.example"} {
					stranger("slow0."+domain, "slow1."+domain, "slow2."+domain, "slow3."+domain)
				}
				for range 12 {
					<-began
				}
				for len(looked) > 0 {
					<-looked
				}
				stranger(names...)
				for range 2 * len(names) { // each is known to be unknown, and is to be asked
					<-looked
				}
				w.publishes("they.example", day, k1)
				if n, err := ask("192.0.2.2/32", "they.example"); n != 1 || err != nil {
					w.Errorf("somebody else is answered with %d documents, %v", n, err)
				}
				close(let)
				strangers.Wait()
			})
		})
	}
}

// counted is a federation that tells when a server is asked.
type counted struct {
	notary.Federation
	began chan struct{}
}

func (c counted) Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error) {
	c.began <- struct{}{}
	return c.Federation.Do(ctx, r)
}

// One network cannot take all places with servers that answer slowly; others still get
// theirs.
func TestSlowServersOfOneNetwork(t *testing.T) {
	each(t, func(w *world) {
		let := make(chan struct{})
		o := w.notary.Options
		o.Federation = slow{w, let}
		w.notary = notary.New(o)
		ask := func(server string, network string) error {
			_, err := w.notary.Query(w.Context(), notary.Query{Servers: map[matrix.ServerName]notary.Wanted{matrix.ServerName(server): {}},
				Network: netip.MustParsePrefix(network)})
			return err
		}
		answers := make(chan error, 20)
		for i := range 10 {
			go func() { answers <- ask("slow"+string(rune('a'+i))+".example", "192.0.2.1/32") }()
		}
		for range 6 { // four are within
			if _, limited := errors.AsType[matrix.LimitExceeded](<-answers); !limited {
				w.Error("more than four requests of one network have servers asked")
			}
		}
		w.publishes(them, day, k1)
		if err := ask(them.String(), "192.0.2.2/32"); err != nil {
			w.Error(err)
		}
		close(let)
		for range 4 {
			if err := <-answers; err != nil {
				w.Error(err)
			}
		}
	})
}
