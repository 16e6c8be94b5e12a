package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"signet/keys/entry"
	"signet/keys/proof"
)

// Monitor proves that nothing comes after the newest version of a label in the newest
// checkpoint, which costs less than its History. The error is ErrNotYet as for Lookup.
func (p *People) Monitor(ctx context.Context, l entry.Label, last int64) (*proof.Monitor, error) {
	m, err := p.moment(ctx, last)
	if err != nil {
		return nil, err
	}
	shown, versions := &proof.Monitor{Anchor: m.anchor}, int64(0)
	switch newest, err := selectLogged(ctx, p.DB, p.tagOf(l), m.size); {
	case err == nil:
		shown.Present, shown.Version, versions = true, newest.number, int64(newest.number)+1
		value, err := p.openValue(newest)
		if err != nil {
			return nil, err
		}
		m = m.of(value)
	case !errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("reading the newest version: %w", err)
	}
	shown.Beyond, err = p.climb(l, proof.Beyond(versions), m, noneThere)
	return shown, err
}
