package lookup_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"signet/lookup"
	"signet/lookup/discovery"
)

// Of one address, which None lets be written in many ways, each spelling is answered, and
// the address is charged for once.
func TestSpellingsOfOneAddressAreOne(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.directory.OfferNone = true
		d := s.limited()
		q := ask(lookup.None, d.Details().Pepper, []string{"nobody@example.org email", "Alice@example.org email",
			"nobody@EXAMPLE.org email", "alice@example.org email", "ALICE@example.org email"})
		q.Asker = by(bob, "").Asker
		answer, err := d.Lookup(s.Context(), q)
		if err != nil || len(answer.Users) != 3 || answer.Users["ALICE@example.org email"] != alice {
			s.Errorf("Lookup = %v, %v, want all three spellings", answer, err)
		}
		s.wantAskedFor(d, 2)
		q.Addresses = nil
		for n := range 400 {
			q.Addresses = append(q.Addresses, fmt.Sprintf("u%d@example.org email", n/2), fmt.Sprintf("U%d@example.org email", n/2))
		}
		if answer, err := d.Lookup(s.Context(), q); err != nil || answer.Truncated != 0 {
			s.Errorf("of 200 addresses in two spellings %d are not answered, %v", answer.Truncated, err)
		}
		s.wantAskedFor(d, 202)
	})
}

// wantAskedFor expects that Bob has asked for so many addresses, but for one or two that the
// filter takes for others.
func (s *story) wantAskedFor(d *lookup.Directory, want int) {
	s.Helper()
	all, err := d.HeldBy(s.Context(), bob)
	if held, ok := all["discovery"].(discovery.Held); err != nil || !ok || held.Addresses > want || held.Addresses < want-2 {
		s.Errorf("asked for were %+v, %v, want %d", held, err, want)
	}
}

// A text is a hash only as clients write it: without line ends, padding or other letters.
func TestAHashIsWrittenInOneWay(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		pepper := s.directory.Details().Pepper
		hash, sum := clientHash("alice@example.org", "email", pepper), rawHash("alice@example.org", "email", pepper)
		odd := []string{hash + "\n", "\r" + hash, hash + "=", base64.StdEncoding.EncodeToString(sum[:]), " " + hash, hash[:42]}
		answer, err := s.directory.Lookup(s.Context(), ask(lookup.SHA256, pepper, odd))
		if err != nil || len(answer.Users) != 0 {
			s.Errorf("Lookup = %q, %v, want nobody", answer.Users, err)
		}
	})
}
