package userdata

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/filter"
	"signet/internal/matrix"
	"signet/internal/store"
)

// maxFilters is how many filters a user has, and maxFilterOctets how large they may be
// together; making more forgets the oldest, which clients make again.
const (
	maxFilters      = 500
	maxFilterOctets = 1 << 20
)

// AddFilter stores a filter and returns its id, the same for the same filter. The error
// is filter.ErrFilter.
func (d *Data) AddFilter(ctx context.Context, user matrix.UserID, text jsontext.Value) (id string, err error) {
	if _, err := filter.Parse(text); err != nil {
		return "", err
	}
	canonical := text.Clone()
	if err := canonical.Canonicalize(); err != nil {
		return "", fmt.Errorf("%w: %w", filter.ErrFilter, err)
	}
	id = filterID(canonical)
	if _, err := selectFilter(ctx, d.DB, user, id); err == nil {
		return id, nil // as at each start of a client
	}
	err = d.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := d.admit(ctx, tx, user); err != nil {
			return err
		}
		if err := insertFilter(ctx, tx, user, storedFilter{id, canonical, d.Now()}); err != nil {
			return err
		}
		return deleteOldFilters(ctx, tx, user)
	})
	if err != nil {
		return "", fmt.Errorf("storing a filter: %w", err)
	}
	return id, nil
}

// filterID is 96 bits of the filter's hash: an id never begins with the { of a filter in
// its place.
func filterID(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Filter is a stored filter as JSON, in canonical form. The error is ErrNone.
func (d *Data) Filter(ctx context.Context, user matrix.UserID, id string) (jsontext.Value, error) {
	text, err := selectFilter(ctx, d.DB, user, id)
	if err != nil {
		return nil, fmt.Errorf("reading a filter: %w", err)
	}
	return text, nil
}
