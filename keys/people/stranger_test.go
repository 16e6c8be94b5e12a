package people_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"signet/keys/people"
	"signet/keys/value"
)

// Who has no key of the label costs no more than what tells so: nothing of theirs is verified
// that is their own, and nothing signed.
func TestAForgerIsToldSoFirst(t *testing.T) {
	each(t, func(s *story) {
		s.publish(s.draft(0, 1))
		first := s.current()
		o := s.options()
		signed := 0
		o.Signer = counting{s.server, &signed}
		p, err := people.Open(s.Context(), o)
		s.must(err)
		forged := draft{label: aliceLabel, version: 1, prev: first, old: 9, from: s.Clock.Now()}
		for name, c := range map[string]struct {
			d    draft
			want error
		}{
			"another's key":     {forged, value.ErrSignature},
			"another's version": {draft{label: aliceLabel, version: 7, prev: first, old: 1, from: s.Clock.Now()}, people.ErrVersion},
			"nobody's label":    {draft{label: "email:nobody@example.org", version: 1, prev: first, old: 1, from: s.Clock.Now()}, value.ErrSignature},
		} {
			before := s.dump()
			if _, err := p.Revoke(s.Context(), c.d.json(s.TB)); !errors.Is(err, c.want) {
				s.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if s.dump() != before || signed != 0 {
				s.Errorf("%s: %d values were signed, or something written", name, signed)
			}
		}
		_, err = p.Revoke(s.Context(), draft{label: aliceLabel, version: 1, prev: first, old: 1, from: s.Clock.Now()}.json(s.TB))
		s.must(err)
	})
}

// Whoever has no key of a label learns nothing of it by claiming to: not whether it has keys, nor
// whose, nor how many versions.
func TestAStrangerLearnsNothing(t *testing.T) {
	each(t, func(s *story) {
		first := s.draft(0, 1)
		first.mxid = alice
		s.publish(first)
		prev := s.current()
		_, err := s.people.Publish(s.Context(), s.by(bob, ""), s.first(bob).json(s.TB))
		s.must(err)
		s.must(s.people.EraseKeys(s.Context(), s.by(bob, "")))
		for _, label := range []string{aliceLabel, "email:nobody@example.org", "mxid:" + bob.String()} {
			for _, d := range []draft{{version: 1}, {version: 2}, {version: 1, mxid: alice}, {version: 1, mxid: bob}, {version: 2, mxid: alice}} {
				if strings.HasPrefix(label, "mxid:") && d.mxid == alice {
					continue // which is no value
				}
				d.label, d.prev, d.old, d.from = label, prev, 9, s.Clock.Now()
				for what, ask := range map[string]func(context.Context, []byte) (people.Ticket, error){"Revoke": s.people.Revoke, "Object": s.people.Object} {
					_, err := ask(s.Context(), d.json(s.TB))
					for _, tells := range []error{people.ErrRight, people.ErrVersion, people.ErrNoKeys, people.ErrNoRecovery, value.ErrPrevious} {
						if !errors.Is(err, value.ErrSignature) || errors.Is(err, tells) {
							s.Errorf("%s of version %d of %s, for %q: %v", what, d.version, label, d.mxid, err)
						}
					}
				}
			}
		}
	})
}

// counting is a Signer that counts.
type counting struct {
	people.Signer
	n *int
}

func (c counting) Sign(ctx context.Context, v any) ([]byte, error) {
	*c.n++
	return c.Signer.Sign(ctx, v)
}
