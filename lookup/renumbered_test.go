package lookup_test

import (
	"testing"
	"time"

	"signet/internal/store"
	"signet/lookup"
)

// A country has given out its numbers anew, as the library knows since it was renewed. Who is
// found by an old one is found still, takes it back, and is nobody's obstacle.
func TestANumberThatIsNoneAnyMore(t *testing.T) {
	each(t, func(s *story) {
		const number = "22507123456" // Côte d'Ivoire, until 2021
		s.bindNumber("12015550123", alice)
		s.renumber("12015550123", number)
		s.bind("bob@example.org", bob)
		d := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		pepper := d.Details().Pepper
		hash := clientHash(number, "msisdn", pepper)
		if answer, err := d.Lookup(s.Context(), ask(lookup.SHA256, pepper, []string{hash})); err != nil || answer.Users[hash] != alice {
			s.Errorf("Lookup = %v, %v", answer, err)
		}
		if _, err := s.limited().Lookup(s.Context(), by(alice, pepper, "bob@example.org")); err != nil {
			s.Errorf("who is found by it looks up: %v", err)
		}
		if _, err := d.HeldBy(s.Context(), alice); err != nil {
			s.Errorf("HeldBy = %v", err)
		}
		s.Clock.Advance(400 * 24 * time.Hour)
		if err := d.Expire(s.Context()); err != nil {
			s.Errorf("Expire = %v", err)
		}
		s.wantFound(d, "bob@example.org", "")
		s.check()
	})
}

// renumber writes another number in the place of one that was bound just now.
func (s *story) renumber(from, to string) {
	s.Helper()
	box, err := s.Vault.Box(s.Context(), "lookup address")
	if err != nil {
		s.Fatal(err)
	}
	indexes, err := s.Vault.Index(s.Context(), "lookup address")
	if err != nil {
		s.Fatal(err)
	}
	index := indexes.Of("msisdn", to)
	err = s.DB.Tx(s.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"lookup_bindings", "lookup_changes"} {
			if _, err := tx.Exec(s.Context(), `UPDATE `+table+` SET address_index = $1, address_sealed = $2 WHERE address_index = $3`,
				index, box.Seal([]byte(to), index), indexes.Of("msisdn", from)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}
