package people_test

import (
	"errors"
	"testing"
	"time"

	"signet/keys/people"
	"signet/keys/proof"
)

// historyOf is a page of a history as its owner reads it.
func (s *story) historyOf(label string, page people.Page, last int64) *proof.History {
	s.Helper()
	h, err := s.people.History(s.Context(), s.label(label), page, last)
	s.must(err)
	read, err := proof.ParseHistory(marshal(s.TB, h))
	s.must(err)
	return read
}

// However often an address was bound and taken back, its owner can verify all of it, page by
// page, also while the log goes on.
func TestALongHistoryIsVerified(t *testing.T) {
	each(t, func(s *story) {
		const many, label = 2*proof.MaxVersions + 10, "binding:email:alice@example.org"
		o := s.options()
		o.Feed, o.Limit = moody(many), many
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.people = p
		s.seal()
		pages, asked := proof.NewPages(proof.Asked{Label: label}, s.policy()), 0
		for !pages.Whole() {
			h := s.historyOf(label, people.Page{From: pages.Asked().From}, pages.LastSize())
			_, err := pages.Add(h, s.Clock.Now())
			s.must(err)
			if asked++; asked == 1 {
				_, err := s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
				s.must(err)
				s.seal()
			}
		}
		if past := pages.Past(); asked != 3 || len(past.Values) != many {
			s.Errorf("%d versions on %d pages, want %d on 3", len(past.Values), asked, many)
		}
		if n, err := p.Versions(s.Context(), s.label(label)); err != nil || n != many {
			s.Errorf("there are %d versions, want %d: %v", n, many, err)
		}
		for _, c := range []struct {
			page       people.Page
			first, end uint32
		}{
			{people.Page{From: 5, Limit: 1}, 5, 6},
			{people.Page{From: many - 1, Limit: 1}, many - 1, 0},
			{people.Page{Limit: 10 * many}, 0, proof.MaxVersions},
		} {
			past, err := proof.VerifyHistory(s.historyOf(label, c.page, 0), proof.Asked{Label: label, From: c.first}, s.policy(), s.Clock.Now())
			if err != nil || past.From != c.first || past.More != (c.end > 0) || past.More && len(past.Values) != int(c.end-c.first) {
				s.Errorf("%+v is %+v, %v", c.page, past, err)
			}
		}
		if _, err := p.History(s.Context(), s.label(label), people.Page{From: many}, 0); !errors.Is(err, people.ErrPage) {
			s.Errorf("after the newest: %v", err)
		}
	})
}

// A page ends before what is not in the log yet, and the owner is not charged for it.
func TestAPageIsPaidFor(t *testing.T) {
	each(t, func(s *story) {
		o := s.options()
		o.Feed = moody(120)
		p, err := people.Open(s.Context(), o)
		s.must(err)
		s.people = p
		s.seal()
		p = s.limited(map[string]int{"keys.proof.account.hour": 60})
		label, by := s.label("binding:email:alice@example.org"), asker(alice, "")
		s.must(p.AskHistory(s.Context(), by, label, people.Page{From: 100}))           // 20, and that there is no later
		s.must(p.AskHistory(s.Context(), by, label, people.Page{From: 10, Limit: 29})) // 29
		s.must(p.AskHistory(s.Context(), by, label, people.Page{From: 1 << 20}))       // of nothing
		s.wantRefused("more", "keys.proof.account.hour", func() error { return p.AskHistory(s.Context(), by, label, people.Page{Limit: 9}) })
		s.Clock.Advance(time.Hour)
		s.must(p.AskHistory(s.Context(), by, label, people.Page{Limit: 9}))
	})
}
