package people_test

import (
	"strings"
	"testing"
	"time"
)

// A binding is looked up with the proof that it is the newest; unbinding is a version, too.
func TestBindingsAreVersions(t *testing.T) {
	each(t, func(s *story) {
		const label = "binding:email:alice@example.org"
		s.seal()
		s.wantNone(label)
		first := s.bind("alice@example.org", alice)
		s.wantNone(label)
		s.seal()
		if found := s.lookup(label); string(found.Value) != first || found.Version != 0 {
			s.Errorf("version %d is proven, %s; want what was answered, %s", found.Version, found.Value, first)
		}
		s.bind("alice@example.org", alice)
		again := s.bind("alice@example.org", bob)
		s.seal()
		if found := s.lookup(label); string(found.Value) != again || found.Version != 2 {
			s.Errorf("version %d is proven, %s; want what was answered, %s", found.Version, found.Value, again)
		}
		s.must(s.directory.Unbind(s.Context(), s.email("alice@example.org"), bob))
		s.seal()
		s.want(label, 3, `"mxid":null`)
		s.wantNone("email:alice@example.org")
		s.wantNone("binding:email:bob@example.org")
		s.bind("alice@example.org", bob)
		s.Clock.Advance(366 * 24 * time.Hour)
		s.must(s.directory.Expire(s.Context()))
		s.seal()
		s.want(label, 5, `"mxid":null`)
		s.check()
	})
}

// An address that is too long to be a label stops nothing.
func TestAnAddressThatIsNoLabelIsSkipped(t *testing.T) {
	each(t, func(s *story) {
		long := strings.Repeat("a", 60) + "@" + strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + "." + strings.Repeat("d", 60) + ".org"
		s.bind(long, alice)
		s.seal()
		if n := s.seal(); n != 0 {
			s.Errorf("%d entries were appended", n)
		}
		s.bind(long, alice)
		s.bind("alice@example.org", alice)
		s.seal()
		s.want("binding:email:alice@example.org", 0, string(alice))
		if n, err := s.people.Skipped(s.Context()); n != 2 || err != nil {
			s.Errorf("Skipped = %d, %v, want 2", n, err)
		}
		s.check()
	})
}

// What waits is counted, wherever it does: among versions, and in the feed. What has no place in
// the log waits for nothing.
func TestWhatWaitsIsCounted(t *testing.T) {
	each(t, func(s *story) {
		want := func(want int64) {
			s.Helper()
			if n, err := s.people.Pending(s.Context()); n != want || err != nil {
				s.Errorf("Pending = %d, %v, want %d", n, err, want)
			}
		}
		want(0)
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		s.publish(s.draft(0, 1))
		want(3)
		s.seal()
		want(0)
		s.erase("alice@example.org") // a tombstone of her keys, one of her binding, and the change of the feed
		want(3)
		s.seal()
		want(0)
	})
}
