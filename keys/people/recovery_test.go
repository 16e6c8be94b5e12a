package people_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/keys/people"
	"signet/keys/value"
	"signet/verify"
)

// Keys that no old key has signed wait, and the old ones stay the newest meanwhile.
func TestARecoveryWaits(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		first := s.current()
		r, d := s.right("alice@example.org"), draft{label: aliceLabel, version: 1, key: 2, prev: first, from: s.Clock.Now()}
		ticket, err := s.people.Publish(s.Context(), r, d.json(s.TB))
		if err != nil || !ticket.Due.Equal(s.Clock.Now().Add(24*time.Hour)) {
			s.Fatalf("a recovery is answered with %+v, %v", ticket, err)
		}
		if again, err := s.people.Publish(s.Context(), r, d.json(s.TB)); err != nil || again != ticket {
			s.Errorf("asked again it is answered with %+v, %v", again, err)
		}
		held, err := s.people.Held(s.Context(), s.email("alice@example.org"))
		if all := held.([]people.HeldVersion); err != nil || len(all) != 2 || all[1].Due != ticket.Due.UnixMilli() || !strings.Contains(string(all[1].Value), "recovery") {
			s.Errorf("of the owner %+v is held, %v", held, err)
		}
		s.seal()
		s.want(aliceLabel, 0, "")
		if _, err := s.await(ticket); !errors.Is(err, people.ErrHeldDown) {
			s.Errorf("Await = %v, want ErrHeldDown", err)
		}
		s.Clock.Advance(24*time.Hour - time.Millisecond)
		s.seal()
		s.want(aliceLabel, 0, "")
		s.Clock.Advance(time.Millisecond)
		s.seal()
		s.want(aliceLabel, 1, `"how":"recovery"`)
		s.wantEvents("publish 0, recovering 1, recovered 1")
		if found, err := s.await(ticket); err != nil || sum(found.Value) != ticket.Hash {
			s.Errorf("Await = %+v, %v", found, err)
		}
		s.check()
	})
}

// The owner objects with the old key, and what the thief of the mailbox wanted never comes.
func TestAnOwnerObjects(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		first := s.current()
		again := draft{label: aliceLabel, version: 1, key: 1, prev: first, old: 1, from: s.Clock.Now()}
		if _, err := s.people.Object(s.Context(), again.json(s.TB)); !errors.Is(err, people.ErrNoRecovery) {
			s.Errorf("an objection to nothing = %v", err)
		}
		thief := s.publish(draft{label: aliceLabel, version: 1, key: 2, prev: first, from: s.Clock.Now()})
		for name, d := range map[string]draft{
			"the thief's own":        {label: aliceLabel, version: 1, key: 2, prev: first, old: 2, from: s.Clock.Now()},
			"what nobody has signed": {label: aliceLabel, version: 1, key: 2, prev: first, from: s.Clock.Now()},
		} {
			if _, err := s.people.Object(s.Context(), d.json(s.TB)); err == nil {
				s.Errorf("%s is taken for an objection", name)
			}
		}
		if _, err := s.people.Object(s.Context(), again.json(s.TB)); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(48 * time.Hour)
		s.seal()
		s.want(aliceLabel, 1, `"how":"prev-key"`)
		if waits, err := s.people.Waiting(s.Context(), s.label(aliceLabel)); waits != nil || err != nil {
			s.Errorf("a recovery waits still, %v", err)
		}
		if found, err := s.people.Await(s.Context(), thief); err != nil || sum(found.Value) == thief.Hash {
			s.Errorf("the thief's ticket comes to %+v, %v", found, err)
		}
		s.wantEvents("publish 0, recovering 1, objected 1")
		s.check()
	})
}

// Whoever holds the address discards, on the owner's page, what waits; the owner is told whose
// keys were to be replaced, which what waits does not say.
func TestAnOwnerDiscards(t *testing.T) {
	each(t, func(s *story) {
		d := s.draft(0, 1)
		d.mxid = alice
		s.publish(d)
		first := s.current()
		s.publish(draft{label: aliceLabel, version: 1, key: 2, prev: first, from: s.Clock.Now()})
		if told := s.events[len(s.events)-1]; told.User != alice || told.Due.IsZero() {
			s.Errorf("of the recovery is told %+v", told)
		}
		if err := s.people.Discard(s.Context(), s.prove("alice@example.org", alice)); !errors.Is(err, verify.ErrOtherPurpose) {
			s.Errorf("Discard by a session for something else = %v", err)
		}
		if err := s.people.Discard(s.Context(), s.proveOwner("bob@example.org")); !errors.Is(err, people.ErrNoRecovery) {
			s.Errorf("Discard of another's = %v", err)
		}
		s.must(s.people.Discard(s.Context(), s.proveOwner("alice@example.org")))
		if err := s.people.Discard(s.Context(), s.proveOwner("alice@example.org")); !errors.Is(err, people.ErrNoRecovery) {
			s.Errorf("Discard of what is gone = %v", err)
		}
		s.Clock.Advance(48 * time.Hour)
		s.seal()
		s.want(aliceLabel, 0, "")
		s.wantEvents("publish 0, recovering 1, objected 1")
		s.check()
	})
}

// What was erased is not to be told of any more; what is published after it is.
func TestForgotten(t *testing.T) {
	each(t, func(s *story) {
		wantForgotten := func(from uint32, want bool) {
			s.Helper()
			if got, err := s.people.Forgotten(s.Context(), s.label(aliceLabel), from); got != want || err != nil {
				s.Errorf("Forgotten(%d) = %t, %v, want %t", from, got, err, want)
			}
		}
		wantForgotten(0, false)
		s.publish(s.draft(0, 1))
		wantForgotten(0, false)
		s.erase("alice@example.org") // in the place of what was not logged yet
		wantForgotten(0, true)
		s.seal()
		s.publish(draft{label: aliceLabel, version: 1, key: 2, from: s.Clock.Now()})
		s.Clock.Advance(48 * time.Hour)
		s.seal()
		s.want(aliceLabel, 1, "recovery")
		wantForgotten(0, true)
		wantForgotten(1, false)
	})
}

// A thief of the mailbox who revokes, or erases, to be the first again has to wait, too.
func TestNobodyComesAroundTheHoldDown(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		first := s.current()
		s.publish(draft{label: aliceLabel, version: 1, prev: first, from: s.Clock.Now()})
		revoked := s.current()
		s.want(aliceLabel, 1, `"how":"session"`)
		if ticket := s.publish(draft{label: aliceLabel, version: 2, key: 2, prev: revoked, from: s.Clock.Now()}); ticket.Due.IsZero() {
			s.Error("after a revocation nothing is held down")
		}
		s.refuse(s.right("alice@example.org"), draft{label: aliceLabel, version: 2, prev: revoked, from: s.Clock.Now()}, people.ErrNoKeys)
		s.erase("alice@example.org")
		s.seal()
		s.want(aliceLabel, 2, "erased")
		s.refuse(s.right("alice@example.org"), draft{label: aliceLabel, version: 3, from: s.Clock.Now()}, people.ErrNoKeys)
		s.refuse(s.right("alice@example.org"), draft{label: aliceLabel, version: 3, key: 1, prev: first, old: 1, from: s.Clock.Now()}, value.ErrPrevious)
		if ticket := s.publish(draft{label: aliceLabel, version: 3, key: 2, from: s.Clock.Now()}); ticket.Due.IsZero() {
			s.Error("after an erasure nothing is held down")
		}
		s.erase("alice@example.org") // what waits, too
		s.Clock.Advance(48 * time.Hour)
		s.seal()
		s.want(aliceLabel, 2, "erased")
		s.check()
	})
}

// Nor does the thief choose who is told of that, by a revocation in another name: it is whom the
// keys have named that wait to be replaced.
func TestAThiefDoesNotChooseWhoIsTold(t *testing.T) {
	each(t, func(s *story) {
		d := s.draft(0, 1)
		d.mxid = alice
		s.publish(d)
		thief := func(d draft) people.Ticket {
			s.Helper()
			r, err := people.ByProof(s.prove("alice@example.org", bob))
			s.must(err)
			d.label, d.mxid, d.from = aliceLabel, bob, s.Clock.Now()
			t, err := s.people.Publish(s.Context(), r, d.json(s.TB))
			s.must(err)
			return t
		}
		thief(draft{version: 1, prev: s.current()})
		if told := s.events[len(s.events)-1]; told.Kind != people.Revoked || told.User != alice {
			s.Errorf("of the revocation is told %+v, want alice", told)
		}
		thief(draft{version: 2, key: 2, prev: s.current()})
		if told := s.events[len(s.events)-1]; told.Kind != people.Returning || told.User != alice {
			s.Errorf("of the recovery is told %+v, want alice", told)
		}
		s.must(s.directory.EraseUser(s.Context(), alice))
		s.seal()
		thief(draft{version: 2, key: 3, prev: s.current()})
		if told := s.events[len(s.events)-1]; told.Kind != people.Returning || told.User != "" {
			s.Errorf("of keys that replace what was erased is told %+v, want nobody", told)
		}
		s.check()
	})
}

// Where the keys were revoked or erased there is no old key that could object, and nothing that the
// owner is told says so.
func TestKeysThatComeWhereNoneAre(t *testing.T) {
	each(t, func(s *story) {
		waits := func() *people.Recovery {
			s.Helper()
			r, err := s.people.Waiting(s.Context(), s.label(aliceLabel))
			s.must(err)
			return r
		}
		s.publish(s.draft(0, 1))
		s.publish(draft{label: aliceLabel, version: 1, key: 2, prev: s.current(), from: s.Clock.Now()})
		if r := waits(); r == nil || !r.Replaces || r.Version != 1 || r.Value == nil || len(r.Value.Keys) != 1 {
			s.Errorf("with an old key waits %+v", r)
		}
		s.publish(draft{label: aliceLabel, version: 1, prev: s.current(), from: s.Clock.Now()})
		s.publish(draft{label: aliceLabel, version: 2, key: 2, prev: s.current(), from: s.Clock.Now()})
		if r := waits(); r == nil || r.Replaces {
			s.Errorf("after a revocation waits %+v", r)
		}
		s.Clock.Advance(25 * time.Hour)
		s.seal()
		s.wantEvents("publish 0, recovering 1, revoke 1, returning 2, returned 2")
		s.must(s.people.EraseKeys(s.Context(), s.right("alice@example.org")))
		s.seal()
		s.publish(draft{label: aliceLabel, version: 4, key: 3, from: s.Clock.Now()})
		if r := waits(); r == nil || r.Replaces || r.Version != 4 {
			s.Errorf("after an erasure waits %+v", r)
		}
		s.Clock.Advance(25 * time.Hour)
		s.seal()
		s.wantEvents("erased 3, returning 4, returned 4")
		s.check()
	})
}
