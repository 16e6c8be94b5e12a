package people_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys/people"
	"signet/keys/value"
)

// limited has the log charge for what it does, with some limits that are not the built-in ones.
func (s *story) limited(limits map[string]int) *people.People {
	s.Helper()
	budgets, err := quota.Override(people.Budgets(false), limits)
	s.must(err)
	q, err := quota.New(s.Context(), quota.Options{DB: s.DB, Vault: s.Vault, Budgets: budgets, Now: s.Clock.Now})
	s.must(err)
	o := s.options()
	o.Quota, o.Own = q, map[matrix.ServerName]bool{"own.example": true}
	s.people, err = people.Open(s.Context(), o)
	s.must(err)
	s.directory.Holders["keys"], s.directory.UserHolders["keys"] = s.people, s.people
	return s.people
}

// by is the right of a user by token, from a network.
func (s *story) by(user matrix.UserID, network string) people.Right {
	s.Helper()
	r, err := people.ByToken(user)
	s.must(err)
	return r.From(prefix(network))
}

func prefix(network string) (p netip.Prefix) {
	if network != "" {
		p = netip.MustParsePrefix(network)
	}
	return p
}

// first is the first keys of a user.
func (s *story) first(user matrix.UserID) draft {
	return draft{label: "mxid:" + user.String(), key: 1, mxid: user, from: s.Clock.Now()}
}

// exhausted is the budget that an error tells of.
func exhausted(err error) string {
	if _, limited := errors.AsType[matrix.LimitExceeded](err); !limited {
		return fmt.Sprint(err)
	}
	e, _ := errors.AsType[quota.Exhausted](err)
	return e.Budget
}

// wantRefused asserts that what was refused by a budget has left nothing.
func (s *story) wantRefused(what, budget string, do func() error) {
	s.Helper()
	before := s.dump()
	if err := do(); exhausted(err) != budget {
		s.Errorf("%s: %v, want it to be refused by %s", what, err, budget)
	}
	if s.dump() != before {
		s.Errorf("%s: what was refused has left something", what)
	}
}

func (s *story) dump() string {
	return storetest.Dump(s.TB, s.DB, append(slices.Clone(tables), "verify_sessions")...)
}

// rotations publishes versions of a label, each signed by the key before, and returns the
// newest value.
func (s *story) rotations(r people.Right, d draft, n int) (newest []byte) {
	s.Helper()
	for range n {
		_, err := s.people.Publish(s.Context(), r, d.json(s.TB))
		s.must(err)
		newest = s.newest(d.label)
		d.version, d.old, d.key, d.prev = d.version+1, d.key, 3-d.key, newest
	}
	return newest
}

// newest is the newest value of a label, which is sealed.
func (s *story) newest(label string) []byte {
	s.Helper()
	s.seal()
	found, err := s.people.Lookup(s.Context(), s.label(label), 0)
	s.must(err)
	return found.Value
}

// One label gets so many versions in a day, whoever has all that its owner has. What is
// refused has written nothing, and uses up no session either.
func TestALabelHasSoManyVersionsADay(t *testing.T) {
	each(t, func(s *story) {
		s.limited(nil)
		r := s.by(alice, "192.0.2.1/32")
		last := s.rotations(r, s.first(alice), 20)
		one := draft{label: "mxid:" + alice.String(), version: 20, key: 1, old: 2, prev: last, mxid: alice, from: s.Clock.Now()}
		var after time.Duration
		s.wantRefused("one more", "keys.publish.label.day", func() error {
			_, err := s.people.Publish(s.Context(), r, one.json(s.TB))
			limit, _ := errors.AsType[matrix.LimitExceeded](err)
			after = limit.RetryAfter
			return err
		})
		if after <= 0 || after > 72*time.Minute {
			s.Errorf("it is to come again after %s", after)
		}
		own := s.right("alice@example.org").From(prefix("192.0.2.1/32"))
		if _, err := s.people.Publish(s.Context(), own, s.draft(0, 1).json(s.TB)); err != nil {
			s.Errorf("another label of the same account: %v", err)
		}
		s.Clock.Advance(after)
		if _, err := s.people.Publish(s.Context(), r, one.json(s.TB)); err != nil {
			s.Errorf("after the time it was told: %v", err)
		}
		s.check()
	})
}

// A thief who has the key and the token spends all there is; the owner revokes all the same,
// and by the token no less.
func TestAThiefWhoSpendsAllStopsNoRevocation(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.label.day": 3, "keys.publish.account.day": 6})
		for i, revoke := range []func(draft) error{
			func(d draft) error { _, err := s.people.Revoke(s.Context(), d.json(s.TB)); return err },
			func(d draft) error {
				d.old = 0
				_, err := s.people.Publish(s.Context(), s.by(bob, "192.0.2.1/32"), d.json(s.TB))
				return err
			},
		} {
			user := []matrix.UserID{alice, bob}[i]
			last := s.rotations(s.by(user, "192.0.2.1/32"), s.first(user), 3)
			next := draft{label: "mxid:" + user.String(), version: 3, key: 2, old: 1, prev: last, mxid: user, from: s.Clock.Now()}
			s.wantRefused("the thief's last", "keys.publish.label.day", func() error {
				_, err := s.people.Publish(s.Context(), s.by(user, "192.0.2.1/32"), next.json(s.TB))
				return err
			})
			next.key = 0
			s.must(revoke(next))
			s.seal()
			s.want(next.label, 3, `"revoked":"stolen"`)
		}
		s.check()
	})
}

// A thief of a mailbox begins recoveries for as long as the label's budget lasts, and again as
// it comes back; the owner objects to each, though the budget is used up, and in the end
// revokes.
func TestAThiefWhoSpendsAllStopsNoObjection(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.label.day": 4})
		s.publish(s.draft(0, 1))
		for version := uint32(1); version < 7; version++ {
			before := s.current()
			theirs := draft{label: aliceLabel, version: version, key: 9, prev: before, from: s.Clock.Now()}
			if version > 3 {
				r := s.right("alice@example.org")
				s.wantRefused("one more", "keys.publish.label.day", func() error {
					_, err := s.people.Publish(s.Context(), r, theirs.json(s.TB))
					return err
				})
				s.Clock.Advance(6 * time.Hour)
			}
			s.publish(theirs)
			ours := draft{label: aliceLabel, version: version, key: 1, old: 1, prev: before, from: s.Clock.Now()}
			if version == 6 {
				ours.key = 0
			}
			_, err := s.people.Object(s.Context(), ours.json(s.TB))
			s.must(err)
		}
		s.seal()
		s.want(aliceLabel, 6, `"revoked"`)
		s.check()
	})
}

// Whoever shares a subject shares its budget, and nobody else.
func TestEachBudgetRefuses(t *testing.T) {
	type publisher struct {
		user    matrix.UserID
		network string
	}
	first := publisher{"@first:hs.example.org", "2001:db8:1:1::/64"}
	for budget, c := range map[string]struct{ same, other publisher }{
		"keys.publish.homeserver.day":  {publisher{"@x:hs.example.org:8448", "192.0.2.1/32"}, publisher{"@x:b.example.org", "2001:db8:1:1::/64"}},
		"keys.publish.domain.day":      {publisher{"@x:b.example.org", "192.0.2.1/32"}, publisher{"@x:example.com", "2001:db8:1:1::/64"}},
		"keys.publish.network.day":     {publisher{"@x:example.com", "2001:db8:1:1::/64"}, publisher{"@x:hs.example.org", "2001:db8:1:2::/64"}},
		"keys.publish.site.day":        {publisher{"@x:example.com", "2001:db8:1:2::/64"}, publisher{"@x:hs.example.org", "2001:db8:2:1::/64"}},
		"keys.publish.deployment.hour": {publisher{"@x:example.com", "192.0.2.1/32"}, publisher{}},
	} {
		t.Run(budget, func(t *testing.T) {
			each(t, func(s *story) {
				s.limited(map[string]int{budget: 1})
				try := func(p publisher) error {
					_, err := s.people.Publish(s.Context(), s.by(p.user, p.network), s.first(p.user).json(s.TB))
					return err
				}
				s.must(try(first))
				s.wantRefused("who shares it", budget, func() error { return try(c.same) })
				if c.other.user != "" {
					s.must(try(c.other))
				}
			})
		})
	}
}

// An account is charged for all of its labels.
func TestAnAccountPublishesSoMuch(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.account.day": 2})
		s.publish(s.draft(0, 1))
		_, err := s.people.Publish(s.Context(), s.by(alice, ""), s.first(alice).json(s.TB))
		s.must(err)
		third := s.draft(0, 1)
		third.label = "email:alice@example.com"
		r := s.right("alice@example.com")
		s.wantRefused("a third label", "keys.publish.account.day", func() error {
			_, err := s.people.Publish(s.Context(), r, third.json(s.TB))
			return err
		})
		s.Clock.Advance(12 * time.Hour)
		if _, err = s.people.Publish(s.Context(), r, third.json(s.TB)); err != nil {
			s.Errorf("by the session that was not spent: %v", err)
		}
	})
}

// The operator's homeservers are no strangers.
func TestOwnHomeserversAreNotCharged(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.homeserver.day": 0, "keys.publish.domain.day": 0, "keys.proof.domain.hour": 0})
		const own = matrix.UserID("@x:own.example")
		_, err := s.people.Publish(s.Context(), s.by(own, ""), s.first(own).json(s.TB))
		s.must(err)
		s.must(s.people.Ask(s.Context(), people.Asker{Account: own, Homeserver: own.Server()}))
		s.wantRefused("another", "keys.proof.domain.hour", func() error { return s.people.Ask(s.Context(), asker(alice, "")) })
	})
}

// What comes to nothing costs nothing, nor does the answer that was lost and asked for again.
func TestWhatIsNotPublishedCostsNothing(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.label.day": 2, "keys.publish.deployment.hour": 2})
		r, d := s.right("alice@example.org"), s.draft(0, 1)
		first, err := s.people.Publish(s.Context(), r, d.json(s.TB))
		s.must(err)
		for range 5 {
			if again, err := s.people.Publish(s.Context(), r, d.json(s.TB)); err != nil || again != first {
				s.Errorf("asked again: %+v, %v", again, err)
			}
			s.refuse(s.right("alice@example.org"), s.draft(0, 2), people.ErrVersion)
			s.refuse(s.right("alice@example.org"), draft{label: aliceLabel, version: 1, key: 2, prev: s.current(), old: 3, from: s.Clock.Now()}, value.ErrSignature)
		}
		s.rotations(s.right("alice@example.org"), draft{label: aliceLabel, version: 1, key: 2, prev: s.current(), old: 1, from: s.Clock.Now()}, 1)
	})
}

// Nobody has a budget anew by having what was published erased.
func TestAnErasureRefillsNothing(t *testing.T) {
	each(t, func(s *story) {
		s.limited(map[string]int{"keys.publish.label.day": 1})
		_, err := s.people.Publish(s.Context(), s.by(alice, ""), s.first(alice).json(s.TB))
		s.must(err)
		s.seal()
		s.must(s.directory.EraseUser(s.Context(), alice))
		s.seal()
		again := s.first(alice)
		again.version = 2
		s.wantRefused("after an erasure", "keys.publish.label.day", func() error {
			_, err := s.people.Publish(s.Context(), s.by(alice, ""), again.json(s.TB))
			return err
		})
		if dump := storetest.Dump(s.TB, s.DB, "quota_buckets"); dump == "" || strings.Contains(dump, "alice") {
			s.Errorf("the budgets name whom they are of: %s", dump)
		}
	})
}

// Of many who publish for the last of a budget at the same moment, at two replicas, as many do
// as there is room for.
func TestRivalsForTheLastOfABudget(t *testing.T) {
	each(t, func(s *story) {
		limits := map[string]int{"keys.publish.domain.day": 3}
		replicas := []*people.People{s.limited(limits), s.limited(limits)}
		errs := make([]error, 8)
		var rivals sync.WaitGroup
		for i := range errs {
			user := matrix.UserID(fmt.Sprintf("@u%d:example.org", i))
			r, object := s.by(user, ""), s.first(user).json(s.TB)
			rivals.Go(func() { _, errs[i] = replicas[i%2].Publish(s.Context(), r, object) })
		}
		rivals.Wait()
		published := 0
		for i, err := range errs {
			switch {
			case err == nil:
				published++
			case exhausted(err) != "keys.publish.domain.day":
				s.Errorf("rival %d: %v", i, err)
			}
		}
		// Those who were told of what a rival was about to give back may come again.
		for i := range errs {
			user := matrix.UserID(fmt.Sprintf("@u%d:example.org", i))
			if errs[i] != nil {
				if _, err := s.people.Publish(s.Context(), s.by(user, ""), s.first(user).json(s.TB)); err == nil {
					published++
				}
			}
		}
		if published != 3 {
			s.Errorf("%d have published, want 3", published)
		}
		s.seal()
		s.check()
	})
}

// Whoever has signatures verified pays for it before they are: an account, or else the network.
func TestAttemptsAreCharged(t *testing.T) {
	each(t, func(s *story) {
		p := s.limited(map[string]int{"keys.attempt.account.hour": 2, "keys.attempt.network.hour": 2, "keys.attempt.site.hour": 3})
		attempt := func(by people.Asker) func() error { return func() error { return p.Attempt(s.Context(), by) } }
		for range 2 {
			s.must(p.Attempt(s.Context(), asker("", "2001:db8::/64")))
			s.must(p.Attempt(s.Context(), asker(alice, "2001:db8::/64")))
		}
		s.wantRefused("the network", "keys.attempt.network.hour", attempt(asker("", "2001:db8::/64")))
		s.wantRefused("the account", "keys.attempt.account.hour", attempt(asker(alice, "192.0.2.1/32")))
		s.must(p.Attempt(s.Context(), asker(bob, "2001:db8::/64")))
		s.must(p.Attempt(s.Context(), asker("", "2001:db8:0:1::/64")))
		s.wantRefused("the site", "keys.attempt.site.hour", attempt(asker("", "2001:db8:0:2::/64")))
		s.must(p.Attempt(s.Context(), asker("", "192.0.2.1/32")))
	})
}

func asker(user matrix.UserID, network string) people.Asker {
	a := people.Asker{Account: user, Network: prefix(network)}
	if user != "" {
		a.Homeserver = user.Server()
	}
	return a
}

// A proof is charged to all who answer for whoever asks, and a history for each of its
// versions.
func TestProofsAreCharged(t *testing.T) {
	homeserver := people.Asker{Homeserver: "example.com", Network: prefix("192.0.2.1/32")}
	for name, c := range map[string]struct{ first, same, other people.Asker }{
		"keys.proof.account.hour":                    {asker(alice, ""), asker(alice, "192.0.2.1/32"), asker(bob, "")},
		"keys.proof.domain.hour":                     {people.Asker{Homeserver: "hs.example.org"}, asker(alice, ""), people.Asker{Homeserver: "example.com"}},
		"keys.proof.network.hour":                    {asker(alice, "192.0.2.1/32"), asker(bob, "192.0.2.1/32"), homeserver},
		"keys.proof.network.hour by an owner's page": {asker("", "192.0.2.1/32"), asker("", "192.0.2.1/32"), homeserver},
		"keys.proof.site.hour":                       {asker(alice, "2001:db8::/64"), asker(bob, "2001:db8:0:1::/64"), asker(bob, "2001:db8:1::/64")},
	} {
		t.Run(name, func(t *testing.T) {
			budget, _, _ := strings.Cut(name, " ")
			each(t, func(s *story) {
				p := s.limited(map[string]int{budget: 4})
				d := s.draft(0, 1)
				s.publish(d)
				first := s.current()
				s.publish(draft{label: aliceLabel, version: 1, key: 2, old: 1, prev: first, from: s.Clock.Now()})
				s.must(p.AskHistory(s.Context(), c.first, s.label(aliceLabel), people.Page{})) // of two versions, and that there is no third
				s.must(p.Ask(s.Context(), c.first))
				s.wantRefused("who shares it", budget, func() error { return p.Ask(s.Context(), c.same) })
				s.must(p.Ask(s.Context(), c.other))
			})
		})
	}
}

// What little most people ask for is counted in memory; whoever asks for much is charged, and
// gets less than a hundredth more than the budget has.
func TestSmallChangeIsNotWritten(t *testing.T) {
	each(t, func(s *story) {
		p := s.limited(nil)
		empty := storetest.Dump(s.TB, s.DB, "quota_buckets")
		for i := range 200 {
			s.must(p.Ask(s.Context(), asker(matrix.UserID(fmt.Sprintf("@u%d:hs%[1]d.example", i)), fmt.Sprintf("192.0.2.%d/32", i))))
		}
		for i := range 29 {
			s.must(p.Ask(s.Context(), asker(alice, fmt.Sprintf("2001:db8:%d::/64", i))))
		}
		if storetest.Dump(s.TB, s.DB, "quota_buckets") != empty {
			s.Error("what is little was written")
		}
		allowed, err := 29, error(nil)
		for ; err == nil && allowed < 4000; allowed++ {
			err = p.Ask(s.Context(), asker(alice, fmt.Sprintf("2001:db8:%d::/64", allowed)))
		}
		if allowed--; exhausted(err) != "keys.proof.account.hour" || allowed < 3000 || allowed >= 3030 {
			s.Errorf("%d of 3,000 were let through, then %v", allowed, err)
		}
		s.wantRefused("still", "keys.proof.account.hour", func() error { return p.Ask(s.Context(), asker(alice, "192.0.2.1/32")) })
		s.Clock.Advance(time.Hour)
		s.must(p.Ask(s.Context(), asker(alice, "192.0.2.1/32")))
	})
}

// A long history is not one that nobody may see.
func TestALongHistoryMayBeAskedFor(t *testing.T) {
	each(t, func(s *story) {
		o := s.options()
		o.Feed = moody(120)
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.people = p
		s.seal()
		p = s.limited(map[string]int{"keys.proof.account.hour": 200})
		label := s.label("binding:email:alice@example.org")
		for range 2 {
			s.must(p.AskHistory(s.Context(), asker(alice, ""), label, people.Page{}))
		}
		s.wantRefused("a third time", "keys.proof.account.hour", func() error { return p.AskHistory(s.Context(), asker(alice, ""), label, people.Page{}) })
	})
}

// moody is a feed in which one address is taken back so often.
type moody int64

func (m moody) Bindings(_ context.Context, after int64, limit int) (all []people.Binding, err error) {
	a, err := threepid.ParseEmail("alice@example.org")
	for at := after + 1; at <= int64(m) && len(all) < limit; at++ {
		all = append(all, people.Binding{Position: at, Address: a, User: alice, At: time.UnixMilli(1e12)})
	}
	return all, err
}

func (m moody) NewestChange(context.Context) (int64, error) { return int64(m), nil }
