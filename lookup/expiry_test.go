package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/lookup"
)

const day = 24 * time.Hour

// remind does one sweep of reminders and tells of whose bindings there was one.
func (s *story) remind(d *lookup.Directory) (users []matrix.UserID) {
	s.Helper()
	err := d.Remind(s.Context(), func(_ context.Context, _ *store.Tx, e lookup.Ending) error {
		users = append(users, e.User)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return users
}

func (s *story) expire(d *lookup.Directory) {
	s.Helper()
	if err := d.Expire(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// An address that nobody confirms again is found for a year and no longer, and every
// replica says so in its very next answer.
func TestABindingEnds(t *testing.T) {
	each(t, func(s *story) {
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		s.bind("alice@example.org", alice)
		s.bindNumber("12015550123", bob)
		s.Clock.Advance(182*day - time.Minute)
		s.expire(s.directory)
		if got := strings.Count(s.feed(), "expire"); got != 0 {
			s.Errorf("%d bindings have ended too early", got)
		}
		s.Clock.Advance(time.Minute)
		s.expire(s.directory)
		s.Clock.Advance(183*day - 2*time.Minute)
		s.expire(second)
		s.wantFound(s.directory, "alice@example.org", alice)
		s.Clock.Advance(2 * time.Minute)
		s.expire(second)
		s.wantFound(s.directory, "alice@example.org", "")
		s.wantFound(second, "alice@example.org", "")
		if got, want := s.feed(), "bind alice@example.org @alice:example.org\nbind 12015550123 @bob:example.org\n"+
			"expire 12015550123 @bob:example.org\nexpire alice@example.org @alice:example.org"; got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.check()
		s.bind("alice@example.org", alice)
		s.wantFound(s.directory, "alice@example.org", alice)
		s.check()
	})
}

// Binding again by the same user gives the address another year, and tells those who are
// told that nothing has changed.
func TestBindingAgainRenews(t *testing.T) {
	each(t, func(s *story) {
		var quiet []bool
		s.directory.Told = append(s.directory.Told, func(_ context.Context, _ *store.Tx, c lookup.Change) error {
			quiet = append(quiet, c.Quiet)
			return nil
		})
		s.bind("alice@example.org", alice)
		s.Clock.Advance(340 * day)
		if got := s.remind(s.directory); len(got) != 1 {
			s.Errorf("reminded %v, want alice", got)
		}
		s.bind("alice@example.org", alice)
		s.Clock.Advance(30 * day)
		s.expire(s.directory)
		s.wantFound(s.directory, "alice@example.org", alice)
		if got := s.remind(s.directory); len(got) != 0 {
			s.Errorf("reminded %v though it was renewed", got)
		}
		s.Clock.Advance(310 * day)
		if got := s.remind(s.directory); len(got) != 1 {
			s.Errorf("reminded %v in the second year, want alice", got)
		}
		if len(quiet) != 2 || quiet[0] || !quiet[1] {
			s.Errorf("quiet = %v, want the second bind to be", quiet)
		}
	})
}

// Of two replicas that sweep at the same moment one reminds, once.
func TestOneReminder(t *testing.T) {
	each(t, func(s *story) {
		for i := range 5 {
			s.bind(fmt.Sprintf("u%d@example.org", i), matrix.UserID(fmt.Sprintf("@u%d:example.org", i)))
		}
		if _, err := s.DB.Exec(s.Context(), `CREATE TABLE reminders (binding TEXT NOT NULL PRIMARY KEY)`); err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(334 * day)
		if got := s.remind(s.directory); len(got) != 0 {
			s.Errorf("reminded %v more than 30 days before", got)
		}
		s.Clock.Advance(2 * day)
		replicas := []*lookup.Directory{s.directory, newDirectory(s.T, s.Replica(s.T, s.DB), s.server)}
		var wg sync.WaitGroup
		for _, d := range replicas {
			wg.Go(func() {
				err := d.Remind(context.Background(), func(ctx context.Context, tx *store.Tx, e lookup.Ending) error {
					_, err := tx.Exec(ctx, `INSERT INTO reminders (binding) VALUES ($1)`, e.Key) // the same twice fails
					return err
				})
				if err != nil {
					s.Error(err)
				}
			})
		}
		wg.Wait()
		var told int
		if err := s.DB.QueryRow(s.Context(), `SELECT COUNT(*) FROM reminders`).Scan(&told); err != nil || told != 5 {
			s.Errorf("%d reminders, %v, want 5", told, err)
		}
		for _, d := range replicas {
			if got := s.remind(d); len(got) != 0 {
				s.Errorf("reminded %v once more", got)
			}
		}
	})
}

// A reminder that cannot be written is due the next time.
func TestAReminderIsNotLost(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.Clock.Advance(340 * day)
		ink := errors.New("no ink")
		if err := s.directory.Remind(s.Context(), func(context.Context, *store.Tx, lookup.Ending) error { return ink }); !errors.Is(err, ink) {
			s.Errorf("Remind = %v, want %v", err, ink)
		}
		if got := s.remind(s.directory); len(got) != 1 {
			s.Errorf("reminded %v, want alice", got)
		}
	})
}

// A clock that jumps ahead by a year, for a minute, at every replica, takes a few
// bindings and not all. The operator is told, without a word of whose.
func TestAClockThatJumps(t *testing.T) {
	each(t, func(s *story) {
		var log strings.Builder
		s.directory.Log = slog.New(slog.NewTextHandler(&log, nil))
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		for i := range 25 {
			s.bind(fmt.Sprintf("u%d@example.org", i), matrix.UserID(fmt.Sprintf("@u%d:example.org", i)))
		}
		s.Clock.Advance(400 * day)
		for range 3 {
			s.expire(s.directory)
			s.expire(second)
			s.Clock.Advance(10 * time.Second)
		}
		if got := strings.Count(s.feed(), "expire"); got != 10 {
			s.Errorf("%d bindings have ended, want 10", got)
		}
		if got := log.String(); !strings.Contains(got, "is the clock right?") || strings.Contains(got, "example.org") {
			s.Errorf("the log says\n%s", got)
		}
		for hours, want := range []int{10, 20, 25, 25} { // if it was right all the same
			if got := strings.Count(s.feed(), "expire"); got != want {
				s.Errorf("%d bindings have ended in %d hours, want %d", got, hours, want)
			}
			s.Clock.Advance(time.Hour)
			s.expire(second)
		}
		s.check()
	})
}

// A sweep passes neither bindings that live on or were reminded, nor other changes.
func TestSweepsPassNothingElse(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), []string{"lookup"})
	for statement, want := range map[string]string{
		lookup.EndedBindings:      "USING INDEX lookup_bindings_expiry (not_after_ms<?)",
		lookup.UnremindedBindings: "USING INDEX lookup_bindings_unreminded (not_after_ms>? AND not_after_ms<?)",
		lookup.ExpiredBetween:     "INDEX lookup_changes_expired (ts_ms>? AND ts_ms<?)",
	} {
		if plan := storetest.Plan(t, db, statement, 1, 2, 3); !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nis done by\n%s", statement, plan)
		}
	}
}
