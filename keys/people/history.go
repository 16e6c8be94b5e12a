package people

import (
	"context"
	"fmt"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/proof"
)

// History proves all versions of a label that are in the newest checkpoint. Whoever asks has
// shown that the label is theirs. Errors: ErrNotYet as for Lookup, ErrDamaged.
func (p *People) History(ctx context.Context, l entry.Label, last int64) (*proof.History, error) {
	m, err := p.moment(ctx, last)
	if err != nil {
		return nil, err
	}
	rows, err := selectHistory(ctx, p.DB, p.tagOf(l))
	if err != nil {
		return nil, fmt.Errorf("reading the versions of a label: %w", err)
	}
	if m, err = p.momentOf(rows, m); err != nil {
		return nil, err
	}
	h := &proof.History{Anchor: m.anchor}
	for _, v := range rows {
		if v.position == 0 || v.position >= m.size {
			break // those after it are no older
		}
		shown, err := p.past(ctx, l, v, m)
		if err != nil {
			return nil, err
		}
		h.Versions = append(h.Versions, shown)
	}
	h.Beyond, err = p.climb(l, proof.Beyond(int64(len(h.Versions))), m, noneThere)
	return h, err
}

// momentOf is the moment for the label of rows.
func (p *People) momentOf(rows []version, m moment) (moment, error) {
	if len(rows) == 0 {
		return m, nil
	}
	newest, err := p.openValue(rows[len(rows)-1])
	return m.of(newest), err
}

// Behind tells whether a label has versions that are promised and not in the log yet.
func (p *People) Behind(ctx context.Context, l entry.Label) (bool, error) {
	waiting, err := selectWaiting(ctx, p.DB, p.tagOf(l))
	if err != nil {
		return false, fmt.Errorf("reading what is pending of a label: %w", err)
	}
	return len(waiting) > 0, nil
}

// noneThere is what the rungs beyond the newest version show.
func noneThere(rungs []ladder.Rung) error {
	for _, r := range rungs {
		if r.Present {
			return fmt.Errorf("%w: rung %s", ladder.ErrRungs, r)
		}
	}
	return nil
}

// past is a version in the map and the log of a moment.
func (p *People) past(ctx context.Context, l entry.Label, v version, m moment) (proof.Version, error) {
	rung := p.rung(l, v.tag, v.number, m)
	if rung.Map.Kind != prefixtree.Inclusion {
		return proof.Version{}, fmt.Errorf("%w: version %d of a label is not in the map", ErrDamaged, v.number)
	}
	included, err := p.tiles.ProveRecord(ctx, m.size, v.position)
	if err != nil {
		return proof.Version{}, err
	}
	opening, value, err := p.open(v)
	if err != nil {
		return proof.Version{}, err
	}
	shown := proof.NewErased(rung)
	if opening != nil {
		shown = proof.NewVersion(rung, entry.Opening(*opening), value)
	}
	shown.Place = proof.NewPlace(v.position, included)
	return shown, nil
}
