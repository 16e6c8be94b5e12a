package lookup_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/lookup"
)

func (s *story) moved(address string, user matrix.UserID, bound time.Time) lookup.Moved {
	s.Helper()
	return lookup.Moved{Address: s.email(address), User: user, Bound: bound}
}

func (s *story) move(want lookup.Moving, batch ...lookup.Moved) {
	s.Helper()
	before := s.export()
	if got, err := s.directory.Compare(s.Context(), batch); err != nil || got != want {
		s.Errorf("Compare = %+v, %v; want %+v", got, err, want)
	}
	if diff := cmp.Diff(before, s.export()); diff != "" {
		s.Errorf("Compare changed something:\n%s", diff)
	}
	if got, err := s.directory.Move(s.Context(), batch); err != nil || got != want {
		s.Errorf("Move = %+v, %v; want %+v", got, err, want)
	}
}

// export is every binding, a line each.
func (s *story) export() (lines []string) {
	s.Helper()
	err := s.directory.Bindings(s.Context(), func(m lookup.Moved) error {
		lines = append(lines, fmt.Sprint(m.Address.String(), " ", m.User, " ", m.Bound.UnixMilli()))
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return lines
}

func TestTheNewestBindingWinsAMove(t *testing.T) {
	each(t, func(s *story) {
		old, later := s.Clock.Now().Add(-time.Hour), s.Clock.Now().Add(-time.Minute)
		s.move(lookup.Moving{Added: 2}, s.moved("a@example.org", alice, old), s.moved("b@example.org", bob, time.Time{}))
		if got := s.find("a@example.org"); got != alice {
			s.Errorf("found %q, want %q", got, alice)
		}
		s.move(lookup.Moving{Same: 2}, s.moved("a@example.org", alice, old), s.moved("b@example.org", bob, time.Time{}))
		s.move(lookup.Moving{Older: 2}, s.moved("a@example.org", bob, old), s.moved("b@example.org", alice, time.Time{}))
		s.move(lookup.Moving{Replaced: 2}, s.moved("a@example.org", bob, later), s.moved("b@example.org", alice, old))
		if a, b := s.find("a@example.org"), s.find("b@example.org"); a != bob || b != alice {
			s.Errorf("found %q and %q, want %q and %q", a, b, bob, alice)
		}
	})
}

// Who has bound an address here keeps it, whoever held it elsewhere before.
func TestAMoveOverwritesNothingNewer(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.move(lookup.Moving{Older: 1}, s.moved("shared@example.org", bob, s.Clock.Now().Add(-time.Hour)))
		if got := s.find("shared@example.org"); got != alice {
			s.Errorf("found %q, want %q", got, alice)
		}
	})
}

// What was moved is its owner's like any other binding.
func TestAMovedBindingIsReplacedAndTakenBack(t *testing.T) {
	each(t, func(s *story) {
		s.move(lookup.Moving{Added: 2}, s.moved("a@example.org", alice, s.Clock.Now()), s.moved("b@example.org", alice, s.Clock.Now()))
		s.bind("a@example.org", bob)
		if err := s.directory.Unbind(s.Context(), s.email("b@example.org"), alice); err != nil {
			s.Fatal(err)
		}
		if a, b := s.find("a@example.org"), s.find("b@example.org"); a != bob || b != "" {
			s.Errorf("found %q and %q, want %q and nobody", a, b, bob)
		}
	})
}

// What was taken back or erased here is not brought in again by a file that still holds it;
// a binding that was made elsewhere since is.
func TestAMoveUndoesNoUnbind(t *testing.T) {
	each(t, func(s *story) {
		before := s.Clock.Now()
		for _, name := range []string{"a", "b"} {
			s.move(lookup.Moving{Added: 1}, s.moved(name+"@example.org", alice, before))
		}
		s.Clock.Advance(time.Minute)
		s.unbind("a@example.org", alice)
		if err := s.directory.Erase(s.Context(), s.email("b@example.org")); err != nil {
			s.Fatal(err)
		}
		for _, name := range []string{"a", "b"} {
			s.move(lookup.Moving{Older: 1}, s.moved(name+"@example.org", alice, before))
			s.move(lookup.Moving{Added: 1}, s.moved(name+"@example.org", bob, s.Clock.Now().Add(time.Minute)))
		}
		s.check()
	})
}

// Moved bindings are changes of the feed like any other, and live from the day they came.
func TestMovedBindingsAreInTheFeed(t *testing.T) {
	each(t, func(s *story) {
		s.move(lookup.Moving{Added: 1}, s.moved("b@example.org", bob, time.Time{})) // nobody knows when
		s.check()
		if _, err := s.DB.Exec(s.Context(), "DELETE FROM lookup_bindings"); err != nil {
			s.Fatal(err)
		}
		if r, err := s.directory.Replay(s.Context(), true); err != nil || r.Missing != 1 {
			s.Errorf("Replay = %+v, %v", r, err)
		}
		s.check()
		s.move(lookup.Moving{Added: 1}, s.moved("a@example.org", alice, time.UnixMilli(1)))
		changes, err := s.directory.Changes(s.Context(), 0, 10)
		if err != nil || len(changes) != 2 || !changes[1].Moved || !changes[1].NotAfter.Equal(s.Clock.Now().Add(lookup.DefaultLives.Email)) {
			s.Errorf("the feed is %+v, %v", changes, err)
		}
		s.check()
	})
}

func TestABatchMovesAsOne(t *testing.T) {
	each(t, func(s *story) {
		s.move(lookup.Moving{Added: 1}, s.moved("a@example.org", alice, time.Time{}))
		storetest.FailCommits(s.T, s.DB, "lookup_bindings")
		batch := []lookup.Moved{s.moved("new@example.org", bob, s.Clock.Now()), s.moved("a@example.org", bob, s.Clock.Now())}
		if _, err := s.directory.Move(s.Context(), batch); err == nil {
			s.Error("a commit failed and Move did not")
		}
		if got := s.export(); len(got) != 1 {
			s.Errorf("%d bindings, want the one from before", len(got))
		}
	})
}

// Of a binding of which nobody knows since when it is, no moment is told.
func TestHeldIsNoMomentThatNobodyKnows(t *testing.T) {
	each(t, func(s *story) {
		s.move(lookup.Moving{Added: 1}, s.moved("alice@example.org", alice, time.Time{}))
		for _, text := range []string{
			s.text(s.directory.Held(s.Context(), s.email("alice@example.org"))),
			s.text(s.directory.HeldBy(s.Context(), alice)),
		} {
			if strings.Contains(text, "-") || strings.Contains(text, "since_ts") || !strings.Contains(text, `"not_after_ts":17`) {
				s.Errorf("held is %s", text)
			}
		}
	})
}

func TestEveryBindingIsStreamedOnce(t *testing.T) {
	each(t, func(s *story) {
		if got := s.export(); got != nil {
			s.Errorf("an empty directory gives %v", got)
		}
		phone, err := threepid.Parse("msisdn", "12015550123")
		if err != nil {
			s.Fatal(err)
		}
		batch := []lookup.Moved{{Address: phone, User: alice}}
		for i := range 499 { // the page is full, so another is asked for
			batch = append(batch, s.moved(fmt.Sprintf("user%d@example.org", i), alice, time.UnixMilli(int64(i))))
		}
		s.move(lookup.Moving{Added: 500}, batch...)
		first, second := s.export(), s.export()
		if diff := cmp.Diff(first, second); diff != "" {
			s.Errorf("two exports differ:\n%s", diff)
		}
		slices.Sort(first)
		if got := len(slices.Compact(first)); got != 500 {
			s.Errorf("%d bindings, want 500", got)
		}
		stop := errors.New("enough")
		if err := s.directory.Bindings(s.Context(), func(lookup.Moved) error { return stop }); !errors.Is(err, stop) {
			s.Errorf("the caller's error = %v, want %v", err, stop)
		}
	})
}
