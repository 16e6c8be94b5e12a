package proof

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/value"
)

// Pages verifies a history page by page, in their order: each begins with the version that
// comes next, stands in the log that the page before has shown or in a continuation of it, and
// follows on the last value before. A page that is refused changes nothing, so that another may
// be given in its place.
type Pages struct {
	policy Policy
	asked  Asked
	after  int64 // the greatest position so far
	begun  bool
	past   Past
}

// NewPages verifies the history of a label from Asked.From on, as VerifyHistory does a page.
func NewPages(asked Asked, p Policy) *Pages { return &Pages{policy: p, asked: asked} }

// Add verifies the next page and returns what it shows. Errors as of VerifyHistory, with ErrPage
// for a gap, for a page that came before, and for one after the last.
func (s *Pages) Add(h *History, now time.Time) (Past, error) {
	if s.Whole() {
		return Past{}, &Failed{Step: StepLadder, Err: ErrPage}
	}
	page, err := verifyPage(h, s.asked, s.policy, now, s.after)
	if err != nil {
		return Past{}, err
	}
	s.keep(page)
	return page, nil
}

func (s *Pages) keep(page Past) {
	head, values := page.Head, append(s.past.Values, page.Values...)
	positions, revoked := append(s.past.Positions, page.Positions...), append(s.past.Revoked, page.Revoked...)
	from := s.asked.From
	if s.begun {
		from = s.past.From
	}
	s.past, s.begun = page, true
	s.past.From, s.past.Values, s.past.Positions, s.past.Revoked = from, values, positions, revoked
	s.asked.Head, s.asked.From = &head, from+uint32(len(values))
	if len(page.Values) > 0 {
		s.asked.Previous, _ = page.Values[len(page.Values)-1].(*value.User)
	}
	s.after = max(s.after, slices.Max(append(page.Positions, 0)))
}

// Asked is what the next page is asked for with: where it begins, and the log that was seen.
func (s *Pages) Asked() Asked { return s.asked }

// LastSize is the size of the log that was seen last, 0 for none, as a server is told it.
func (s *Pages) LastSize() int64 { return cmp.Or(s.asked.Head, &tlog.Tree{}).N }

// Whole tells whether the last page was added, so that no later version is missing.
func (s *Pages) Whole() bool { return s.begun && !s.past.More }

// Past is what all pages so far have shown. Held is of the newest.
func (s *Pages) Past() Past { return s.past }
