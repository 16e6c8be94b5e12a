package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/log"
	"signet/keys/prefixtree"
	"signet/keys/proof"
)

// Page is a part of a history: so many versions, from one on.
type Page struct {
	From  uint32
	Limit int // at most proof.MaxVersions, which 0 is too
}

// limit is how many versions the page has at most.
func (p Page) limit() int {
	if p.Limit <= 0 {
		return proof.MaxVersions
	}
	return min(p.Limit, proof.MaxVersions)
}

// ErrPage is the error of a page that begins after the newest version.
var ErrPage = errors.New("the history has no such version yet")

// History proves versions of a label that are in the newest checkpoint and, with the newest of
// them, that there is no later one. Whoever asks has shown that the label is theirs. Errors:
// ErrNotYet and ErrLastSize as for Lookup, ErrPage, ErrDamaged.
func (p *People) History(ctx context.Context, l entry.Label, page Page, last int64) (*proof.History, error) {
	m, err := p.moment(ctx, last)
	if err != nil {
		return nil, err
	}
	rows, err := selectPage(ctx, p.DB, p.tagOf(l), page.From, page.limit()+1, m.size)
	if err != nil {
		return nil, fmt.Errorf("reading the versions of a label: %w", err)
	}
	if len(rows) == 0 && page.From > 0 {
		return nil, ErrPage
	}
	if m, err = p.momentOf(ctx, l, m); err != nil {
		return nil, err
	}
	h := &proof.History{Anchor: m.anchor, From: page.From}
	if len(rows) > page.limit() {
		h.Next, rows = rows[page.limit()].number, rows[:page.limit()]
	}
	for _, v := range rows {
		shown, err := p.past(ctx, l, v, m)
		if err != nil {
			return nil, err
		}
		h.Versions = append(h.Versions, shown)
	}
	if h.Next == 0 {
		h.Beyond, err = p.climb(l, proof.Beyond(int64(page.From)+int64(len(rows))), m, noneThere)
	}
	return h, err
}

// momentOf is the moment for a label, whose newest version may be on its way into the log.
func (p *People) momentOf(ctx context.Context, l entry.Label, m moment) (moment, error) {
	newest, err := selectNewest(ctx, p.DB, p.tagOf(l))
	if errors.Is(err, sql.ErrNoRows) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("reading the newest version: %w", err)
	}
	value, err := p.openValue(newest)
	return m.of(value), err
}

// Versions counts the versions of a label that are in the newest checkpoint.
func (p *People) Versions(ctx context.Context, l entry.Label) (int64, error) {
	c, err := p.tiles.Checkpoint(ctx)
	if errors.Is(err, log.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	newest, err := selectLogged(ctx, p.DB, p.tagOf(l), c.N)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the newest version: %w", err)
	}
	return int64(newest.number) + 1, nil
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
