package lookup_test

import (
	"errors"
	"strings"
	"testing"

	"signet/internal/store/storetest"
	"signet/lookup"
)

// An account takes back its own addresses, and learns nothing of others'.
func TestAnAccountUnbindsItsOwn(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		for _, address := range []string{"bob@example.org", "nobody@example.org"} {
			if err := s.directory.UnbindOwn(s.Context(), s.email(address), alice); !errors.Is(err, lookup.ErrNotBound) {
				s.Errorf("UnbindOwn(%s) = %v", address, err)
			}
		}
		if err := s.directory.UnbindOwn(s.Context(), s.email("alice@example.org"), alice); err != nil {
			s.Error(err)
		}
		s.wantFound(s.directory, "alice@example.org", "")
		s.wantFound(s.directory, "bob@example.org", bob)
	})
}

// What a user takes along names nobody who had an address of the user's before or has it now.
func TestEverythingHeldAboutAUser(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("shared@example.org", bob)
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		text := s.text(s.directory.HeldBy(s.Context(), alice))
		if n := strings.Count(text, `"kind":`); n != 3 || !strings.Contains(text, `"bindings":[{"medium":"email","address":"alice@example.org"`) {
			s.Errorf("%d changes in %s", n, text)
		}
		if strings.Contains(text, "bob") {
			s.Errorf("Alice is told of Bob: %s", text)
		}
		if text := s.text(s.directory.HeldBy(s.Context(), "@nobody:example.org")); !strings.Contains(text, `"bindings":[],"changes":[]`) {
			s.Errorf("of nobody: %s", text)
		}
	})
}

// An erased user is named nowhere; other users' bindings of the same addresses stand, and
// the feed still makes the table.
func TestAnErasedUserIsForgotten(t *testing.T) {
	each(t, func(s *story) {
		s.bind("was-bobs@example.org", bob)
		s.bind("was-bobs@example.org", alice) // until the erasure
		s.bind("alice@example.org", alice)
		s.bind("now-bobs@example.org", alice)
		s.bind("now-bobs@example.org", bob)
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		lagging := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		for range 2 {
			if err := s.directory.EraseUser(s.Context(), alice); err != nil {
				s.Fatal(err)
			}
			for _, d := range []*lookup.Directory{s.directory, second} {
				s.wantFound(d, "was-bobs@example.org", "")
				s.wantFound(d, "alice@example.org", "")
				s.wantFound(d, "now-bobs@example.org", bob)
			}
			s.check()
		}
		s.wantFound(lagging, "alice@example.org", "")
		s.identifiesNobody("@alice")
		want := "bind was-bobs@example.org @bob:example.org\nrebind   @bob:example.org\nbind\nbind\nrebind now-bobs@example.org @bob:example.org\nunbind\nunbind"
		if got := s.feed(); got != want {
			s.Errorf("the feed is\n%s\nwant\n%s", got, want)
		}
		s.bind("alice@example.org", alice)
		s.wantFound(lagging, "alice@example.org", alice)
		s.check()
	})
}

// A replica that was away while a user was bound and erased follows all the same.
func TestAReplicaFollowsPastAnErasedUser(t *testing.T) {
	each(t, func(s *story) {
		lagging := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		s.bind("alice@example.org", bob)
		s.bind("alice@example.org", alice)
		if err := s.directory.EraseUser(s.Context(), alice); err != nil {
			s.Fatal(err)
		}
		s.wantFound(lagging, "alice@example.org", "")
		if left := storetest.Dump(s.T, s.DB, "lookup_bindings"); left != "" {
			s.Errorf("left are\n%s", left)
		}
	})
}
