package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/lookup"
)

// feed is the whole feed, a word and a user a change.
func (s *story) feed() string {
	s.Helper()
	changes, err := s.directory.Changes(s.Context(), 0, 1000)
	if err != nil {
		s.Fatal(err)
	}
	var lines []string
	for i, c := range changes {
		if c.Position != int64(i+1) {
			s.Errorf("change %d has position %d", i+1, c.Position)
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprint(c.Kind, " ", c.Address.String(), " ", c.User, " ", c.Former)))
	}
	return strings.Join(lines, "\n")
}

// check replays the feed.
func (s *story) check() {
	s.Helper()
	if r, err := s.directory.Replay(s.Context(), false); err != nil || !r.Same() {
		s.Errorf("the feed replayed: %+v, %v", r, err)
	}
}

func TestTheFeedTellsEveryChange(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("alice@example.org", alice)
		s.bind("alice@example.org", bob)
		s.unbind("alice@example.org", alice) // who is not behind it
		s.unbind("alice@example.org", bob)
		s.unbind("alice@example.org", bob)
		want := "bind alice@example.org @alice:example.org\nbind alice@example.org @alice:example.org\n" +
			"rebind alice@example.org @bob:example.org @alice:example.org\nunbind alice@example.org @bob:example.org"
		if got := s.feed(); got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.check()
	})
}

// Whoever follows the feed knows what was answered when an address was bound.
func TestTheFeedTellsAssociations(t *testing.T) {
	each(t, func(s *story) {
		answered := []string{string(s.bind("alice@example.org", alice)), string(s.bind("alice@example.org", bob))}
		changes, err := s.directory.Changes(s.Context(), 0, 10)
		if err != nil || len(changes) != 2 {
			s.Fatalf("the feed is %+v, %v", changes, err)
		}
		for i, c := range changes {
			if signed, err := s.server.Sign(s.Context(), c.Association()); err != nil || string(signed) != answered[i] {
				s.Errorf("the feed tells %s, %v, and the answer was %s", signed, err, answered[i])
			}
		}
		if since := (lookup.Change{Kind: lookup.Bound}).Association().NotBefore; since != 0 {
			s.Errorf("a binding of nobody knows when is from %d", since)
		}
	})
}

// Two replicas change bindings at the same time: positions have no gap, and whoever reads
// the feed meanwhile never meets a change that comes before one that it has read.
func TestPositionsAreInTheOrderOfCommits(t *testing.T) {
	each(t, func(s *story) {
		replicas := []*lookup.Directory{s.directory, newDirectory(s.T, s.Replica(s.T, s.DB), s.server)}
		const each = 10
		read := make(chan error, 1)
		go func() { read <- s.readAlong(2 * each) }()
		var wg sync.WaitGroup
		for i, d := range replicas {
			for n := range each {
				user := matrix.UserID(fmt.Sprintf("@u%d-%d:example.org", i, n))
				proof := s.prove(fmt.Sprintf("u%d@example.org", n), user)
				wg.Go(func() {
					if _, err := d.Bind(context.Background(), proof, user); err != nil {
						s.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if err := <-read; err != nil {
			s.Error(err)
		}
		s.feed()
		s.check()
	})
}

// readAlong follows the feed up to a position.
func (s *story) readAlong(last int64) error {
	for at := int64(0); at < last; {
		changes, err := s.directory.Changes(context.Background(), at, 3)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if at++; c.Position != at {
				return fmt.Errorf("position %d came when %d was due", c.Position, at)
			}
		}
	}
	return nil
}

// Of an erased address the database holds nothing that tells who it was or whose.
func TestAnErasedAddressIsForgotten(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		s.bind("carol@example.org", "@carol:example.org")
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		if err := s.directory.Erase(s.Context(), s.email("shared@example.org")); err != nil {
			s.Fatal(err)
		}
		for _, d := range []*lookup.Directory{s.directory, second, newDirectory(s.T, s.Replica(s.T, s.DB), s.server)} {
			s.wantFound(d, "shared@example.org", "")
			s.wantFound(d, "carol@example.org", "@carol:example.org")
		}
		if got := storetest.Dump(s.T, s.DB, "lookup_bindings", "lookup_changes"); strings.Contains(got, "alice") || strings.Contains(got, "bob") {
			s.Errorf("left are\n%s", got)
		}
		if got, want := s.feed(), "bind\nrebind\nbind carol@example.org @carol:example.org\nerase"; got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.check()
		s.bind("shared@example.org", alice)
		s.wantFound(second, "shared@example.org", alice)
		s.check()
	})
}

// A table that was damaged is found out, and made anew from the feed.
func TestTheTableIsMadeFromTheFeed(t *testing.T) {
	each(t, func(s *story) {
		for _, name := range []string{"a", "b", "c", "d"} {
			s.bind(name+"@example.org", matrix.UserID("@"+name+":example.org"))
		}
		s.unbind("d@example.org", "@d:example.org")
		for _, damage := range []string{
			`DELETE FROM lookup_bindings WHERE user_id = '@a:example.org'`,
			`UPDATE lookup_bindings SET user_id = '@mallory:example.org' WHERE user_id = '@b:example.org'`,
			`INSERT INTO lookup_bindings SELECT address_index, medium, address_sealed, '@d:example.org', session_id, ts_ms, ts_ms, not_after_ms, 0
				FROM lookup_changes WHERE kind = 'unbind'`,
		} {
			if _, err := s.DB.Exec(s.Context(), damage); err != nil {
				s.Fatal(err)
			}
		}
		want := lookup.Replay{Changes: 5, Bindings: 3, Missing: 1, Other: 1, Surplus: 1}
		for _, repair := range []bool{false, true} {
			if got, err := s.directory.Replay(s.Context(), repair); err != nil || got != want {
				s.Errorf("Replay = %+v, %v, want %+v", got, err, want)
			}
		}
		s.check()
	})
}

// Of a user who was erased while the table lacked a binding of theirs, the feed knows no more
// whose it was, and makes none of it.
func TestOfAnErasedUserTheFeedMakesNothing(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		if _, err := s.DB.Exec(s.Context(), `DELETE FROM lookup_bindings WHERE user_id = $1`, string(alice)); err != nil {
			s.Fatal(err)
		}
		if err := s.directory.EraseUser(s.Context(), alice); err != nil {
			s.Fatal(err)
		}
		want := lookup.Replay{Changes: 2, Bindings: 1}
		if got, err := s.directory.Replay(s.Context(), true); err != nil || got != want {
			s.Errorf("Replay = %+v, %v, want %+v", got, err, want)
		}
		if left := storetest.Dump(s.T, s.DB, "lookup_bindings"); strings.Count(left, "user_id") != 1 {
			s.Errorf("left are\n%s", left)
		}
	})
}

// A database that was set back, as when a standby takes over that lacks the last moment, is not
// answered for by who knows what was after: it is read anew, and the operator told.
func TestAFeedThatWasSetBack(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		s.wantFound(s.directory, "bob@example.org", bob)
		for _, undo := range []string{
			`UPDATE lookup_feed SET position = 1`,
			`DELETE FROM lookup_changes WHERE position = 2`,
			`DELETE FROM lookup_bindings WHERE user_id = '@bob:example.org'`,
		} {
			if _, err := s.DB.Exec(s.Context(), undo); err != nil {
				s.Fatal(err)
			}
		}
		log := s.logOf(s.directory)
		for _, d := range []*lookup.Directory{s.directory, newDirectory(s.T, s.World, s.server)} {
			s.wantFound(d, "alice@example.org", alice)
			s.wantFound(d, "bob@example.org", "")
		}
		if n := strings.Count(log.String(), "the database was set back"); n != 1 {
			s.Errorf("the log says so %d times:\n%s", n, log)
		}
		s.bind("carol@example.org", "@carol:example.org") // at a position that was known before
		s.wantFound(s.directory, "carol@example.org", "@carol:example.org")
		s.check()
	})
}

// Bindings that change while the feed is replayed are not taken for damage.
func TestTheFeedIsReplayedBesideChanges(t *testing.T) {
	each(t, func(s *story) {
		other := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		ctx, stop := context.WithCancel(s.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := int64(1); ctx.Err() == nil; n++ {
				address := s.email(fmt.Sprintf("u%d@example.org", n%7))
				_, err := other.Move(s.Context(), []lookup.Moved{{Address: address, User: alice, Bound: time.UnixMilli(2_000_000_000_000 + n)}})
				if n%2 == 0 {
					err = errors.Join(err, other.Erase(s.Context(), address))
				}
				if n%9 == 0 {
					err = errors.Join(err, other.EraseUser(s.Context(), alice))
				}
				if err != nil {
					s.Error(err)
				}
			}
		})
		for range 20 {
			s.check()
		}
		stop()
		wg.Wait()
		s.check()
	})
}

// A feed that was damaged is an error at once: nobody waits for what is gone, or passes over
// it.
func TestAFeedThatLacksChanges(t *testing.T) {
	for _, gone := range []int{2, 3} {
		each(t, func(s *story) {
			s.bind("alice@example.org", alice)
			second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
			s.wantFound(second, "alice@example.org", alice)
			s.bind("alice@example.org", bob)
			s.bind("bob@example.org", bob)
			if _, err := s.DB.Exec(s.Context(), `DELETE FROM lookup_changes WHERE position = $1`, gone); err != nil {
				s.Fatal(err)
			}
			began := time.Now()
			if err := second.Load(); err == nil || time.Since(began) > time.Minute {
				s.Errorf("without change %d following = %v after %s", gone, err, time.Since(began))
			}
			if r, err := s.directory.Replay(s.Context(), false); err != nil || r.Lost != 1 || r.Changes != 2 || r.Same() {
				s.Errorf("without change %d Replay = %+v, %v, want it to notice", gone, r, err)
			}
		})
	}
}
