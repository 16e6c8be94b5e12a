package lookup_test

import (
	"errors"
	"fmt"
	"testing"

	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/lookup"
	"signet/lookup/discovery"
)

// limited is the directory as a process opens it that charges for look-ups.
func (s *story) limited() *lookup.Directory {
	s.Helper()
	q, err := quota.New(s.Context(), quota.Options{DB: s.DB, Vault: s.Vault, Budgets: discovery.Budgets(false), Now: s.Clock.Now})
	if err != nil {
		s.Fatal(err)
	}
	o := s.directory.Options
	o.Quota = q
	d, err := lookup.New(s.Context(), o)
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// by is a question of a user.
func by(user matrix.UserID, pepper string, addresses ...string) lookup.Question {
	q := ask(lookup.SHA256, pepper, nil)
	q.Asker = discovery.Asker{Account: user, Homeserver: user.Server()}
	for _, a := range addresses {
		q.Addresses = append(q.Addresses, clientHash(a, "email", pepper))
	}
	return q
}

func book(first, end int) (addresses []string) {
	for n := first; n < end; n++ {
		addresses = append(addresses, fmt.Sprintf("u%d@example.org", n))
	}
	return addresses
}

// Over budget, a large look-up is answered in part, says by how much, and goes on from
// there; a small one is told to wait, and nothing of it is answered.
func TestOverBudget(t *testing.T) {
	each(t, func(s *story) {
		for n := range 400 {
			if n%8 == 0 {
				s.bind(fmt.Sprintf("u%d@example.org", n), bob)
			}
		}
		d := s.limited()
		pepper := d.Details().Pepper
		answer, err := d.Lookup(s.Context(), by(alice, pepper, book(0, 400)...))
		if err != nil || answer.Truncated > 100 || answer.Truncated < 98 || len(answer.Users) == 0 || len(answer.Users) >= 50 {
			s.Fatalf("of 400: %d found, %d not answered, %v", len(answer.Users), answer.Truncated, err)
		}
		again, err := d.Lookup(s.Context(), by(alice, pepper, book(0, 400)...))
		for hash, user := range answer.Users {
			if again.Users[hash] != user {
				s.Errorf("the same again finds %q, want %s", again.Users[hash], user)
			}
		}
		if err != nil || again.Truncated > answer.Truncated || again.Truncated < answer.Truncated-2 { // what the filter may know
			s.Errorf("the same again: %d not answered, %v, want %d", again.Truncated, err, answer.Truncated)
		}
		_, err = d.Lookup(s.Context(), by(alice, pepper, book(1000, 1010)...))
		if _, limited := errors.AsType[matrix.LimitExceeded](err); !limited {
			s.Errorf("ten more = %v, want to be told to wait", err)
		}
		answer, err = d.Lookup(s.Context(), by(alice, pepper, book(1000, 1100)...))
		_, limited := errors.AsType[matrix.LimitExceeded](err)
		if seemsKnown := answer.Truncated >= 98; !limited && !seemsKnown { // the filter may know one of them
			s.Errorf("a hundred more: %d not answered, %v, want to be told to wait", answer.Truncated, err)
		}
	})
}

// An invitation asks the same question and draws on the same budget: what was looked up is
// free, and what is not costs a look-up.
func TestEveryPathIsCharged(t *testing.T) {
	each(t, func(s *story) {
		d := s.limited()
		pepper := d.Details().Pepper
		asker := by(alice, pepper).Asker
		if _, err := d.Lookup(s.Context(), by(alice, pepper, book(0, 300)...)); err != nil {
			s.Fatal(err)
		}
		for n := range 300 {
			if err := d.Ask(s.Context(), asker, s.email(book(n, n+1)[0])); err != nil {
				s.Fatalf("inviting who was looked up = %v", err)
			}
		}
		refused := 0
		for n := range 30 {
			err := d.Ask(s.Context(), asker, s.email(book(300+n, 301+n)[0]))
			if _, limited := errors.AsType[matrix.LimitExceeded](err); limited {
				refused++
			} else if err != nil {
				s.Fatal(err)
			}
		}
		if refused > 10 || refused < 9 {
			s.Errorf("%d of 30 more invitations are refused, want 10 after the reserve of 20", refused)
		}
	})
}

// Whoever has verified an address may ask for more.
func TestBindingEarnsMore(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.net", alice)
		s.bindNumber("12015550123", bob)
		d := s.limited()
		pepper := d.Details().Pepper
		for user, want := range map[matrix.UserID]int{alice: 2500, bob: 500, "@mallory:example.com": 3200} {
			answer, err := d.Lookup(s.Context(), by(user, pepper, book(0, 3500)...))
			if err != nil || answer.Truncated > want || answer.Truncated < want-10 { // the filter may know a few
				s.Errorf("%s: %d not answered, %v, want %d", user, answer.Truncated, err, want)
			}
		}
	})
}
