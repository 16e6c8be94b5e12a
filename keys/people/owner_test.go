package people_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/keys/people"
)

// What is held about a user is all of it, each thing once: keys under the user's own id that
// name nobody, those that name the user elsewhere, and those that wait. Others' is not.
func TestWhatIsHeldAboutAUser(t *testing.T) {
	each(t, func(s *story) {
		unnamed, named := s.first(alice), s.draft(0, 1)
		unnamed.mxid, named.mxid = "", alice
		_, err := s.people.Publish(s.Context(), s.by(alice, ""), unnamed.json(s.TB))
		s.must(err)
		_, err = s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
		s.must(err)
		s.publish(named)
		s.bind("other@example.org", alice)
		s.seal()
		waits, own := s.draft(1, 2), s.first(alice)
		waits.mxid, own.version, own.key = alice, 1, 2
		s.publish(waits)
		_, err = s.people.Publish(s.Context(), s.by(alice, ""), own.json(s.TB))
		s.must(err)

		want := "binding:email:other@example.org 0, email:alice@example.org 0, email:alice@example.org 1 waits, " +
			"mxid:@alice:example.org 0, mxid:@alice:example.org 1 waits"
		if got := s.heldBy(); got != want {
			s.Errorf("of alice is held %s, want %s", got, want)
		}
		s.must(s.directory.EraseUser(s.Context(), alice))
		s.seal()
		if got := s.heldBy(); got != "mxid:@alice:example.org 0 erased, mxid:@alice:example.org 1 erased" {
			s.Errorf("of alice, who was erased, is held %s", got)
		}
	})
}

// heldBy is what is held about alice, as in "email:a@b 1 waits".
func (s *story) heldBy() string {
	s.Helper()
	held, err := s.people.HeldBy(s.Context(), alice)
	s.must(err)
	var all []string
	for _, v := range held.([]people.HeldVersion) {
		text := fmt.Sprint(v.Label, " ", v.Version)
		switch {
		case v.Due != 0:
			text += " waits"
		case string(v.Value) == "null" || strings.Contains(string(v.Value), "keys.erased"):
			text += " erased"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
