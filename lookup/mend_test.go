package lookup_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"signet/internal/store"
	"signet/lookup"
)

// logOf is what a directory logs from now on.
func (s *story) logOf(d *lookup.Directory) *strings.Builder {
	var log strings.Builder
	d.Log = slog.New(slog.NewTextHandler(&log, nil))
	return &log
}

// A row of the feed is gone, whatever it told. A replica that has not read it answers nothing
// more and says so, until the feed is mended: then it goes on without a restart, and knows what
// everybody knows.
func TestADamagedFeedIsMendedBesideRunningReplicas(t *testing.T) {
	for name, lose := range map[string]func(s *story) error{
		"a bind":         func(s *story) error { s.bind("carol@example.org", "@carol:example.org"); return nil },
		"a bind again":   func(s *story) error { s.bind("alice@example.org", alice); return nil },
		"a re-bind":      func(s *story) error { s.bind("alice@example.org", bob); return nil },
		"an unbind":      func(s *story) error { s.unbind("alice@example.org", alice); return nil },
		"an erasure":     func(s *story) error { return s.directory.Erase(s.Context(), s.email("alice@example.org")) },
		"an erased user": func(s *story) error { return s.directory.EraseUser(s.Context(), alice) },
	} {
		for _, last := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", the last ", last), func(t *testing.T) {
				each(t, func(s *story) {
					s.bind("alice@example.org", alice)
					s.bind("bob@example.org", bob)
					second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
					log := s.logOf(second)
					s.wantFound(second, "alice@example.org", alice)
					if err := lose(s); err != nil {
						s.Fatal(err)
					}
					if !last {
						s.bind("dave@example.org", "@dave:example.org")
					}
					s.wantTable(s.directory)
					s.loses(3)
					s.wantStuck(second, log)
					s.mends()
					for _, d := range []*lookup.Directory{second, s.directory, newDirectory(s.T, s.World, s.server)} {
						s.wantTable(d)
					}
					if second.Damaged() || second.Ready(s.Context()) != nil || strings.Count(log.String(), "is whole again") != 1 {
						s.Errorf("the replica does not say that all is well again:\n%s", log)
					}
					s.bind("eve@example.org", "@eve:example.org")
					s.wantTable(second)
					s.check()
				})
			})
		}
	}
}

// loses damages the feed.
func (s *story) loses(position int) {
	s.Helper()
	if _, err := s.DB.Exec(s.Context(), `DELETE FROM lookup_changes WHERE position = $1`, position); err != nil {
		s.Fatal(err)
	}
}

func (s *story) wantStuck(d *lookup.Directory, log *strings.Builder) {
	s.Helper()
	for range 2 {
		if err := d.Load(); err == nil || !strings.Contains(err.Error(), "at position 3") || !d.Damaged() || d.Ready(s.Context()) == nil {
			s.Errorf("the replica follows a damaged feed: %v", err)
		}
	}
	if n := strings.Count(log.String(), "idserver feed repair"); n != 1 {
		s.Errorf("the log says %d times what is to be done, want once:\n%s", n, log)
	}
	if s.directory.Damaged() || s.directory.Load() != nil {
		s.Error("a replica that has read all stops too")
	}
}

// mends repairs the feed as an operator does, of which nobody is told. Again it changes nothing.
func (s *story) mends() {
	s.Helper()
	s.directory.Told = append(s.directory.Told, func(_ context.Context, _ *store.Tx, c lookup.Change) error {
		if !c.Quiet {
			s.Errorf("somebody is told of %s", c.Kind)
		}
		return nil
	})
	if r, err := s.directory.Replay(s.Context(), true); err != nil || r.Lost != 1 {
		s.Errorf("Replay = %+v, %v", r, err)
	}
	s.directory.Told = nil
	before := s.feed()
	if r, err := s.directory.Replay(s.Context(), true); err != nil || !r.Same() {
		s.Errorf("once more Replay = %+v, %v", r, err)
	}
	if after := s.feed(); after != before || !strings.Contains(after, "\nlost") {
		s.Errorf("the feed is\n%s\nand was\n%s", after, before)
	}
}

// wantTable expects look-ups to find who stands in the table of bindings.
func (s *story) wantTable(d *lookup.Directory) {
	s.Helper()
	for _, name := range []string{"alice", "bob", "carol", "dave", "eve"} {
		address := name + "@example.org"
		user, _, err := s.directory.UserOf(s.Context(), s.email(address))
		if err != nil {
			s.Fatal(err)
		}
		s.wantFound(d, address, user)
	}
}
