package caller

import (
	"context"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Acceptance is that a user accepted a document at another server, which the operator
// who moves it here vouches for. Accepted is zero where the time was not kept.
type Acceptance struct {
	User     matrix.UserID
	URL      string
	Accepted time.Time
}

// Carried counts acceptances from another server.
type Carried struct {
	Added int
	Same  int // they were accepted here too
	// Unknown are of documents that are none of the current ones, and say nothing here.
	Unknown int
}

// Carry records, of a batch, what concerns the current documents, in one transaction.
// A URL stands for the version too, so who accepted it there has accepted it here.
func (g *Gate) Carry(ctx context.Context, batch []Acceptance) (Carried, error) {
	var c Carried
	err := g.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		c, err = g.carry(batch, func(a Acceptance) (bool, error) { return insertCarried(ctx, tx, a) })
		return err
	})
	if err != nil {
		return Carried{}, fmt.Errorf("carrying accepted terms: %w", err)
	}
	return c, nil
}

// CompareAccepted says what Carry would do, and does nothing.
func (g *Gate) CompareAccepted(ctx context.Context, batch []Acceptance) (Carried, error) {
	c, err := g.carry(batch, func(a Acceptance) (bool, error) {
		accepted, err := selectAccepted(ctx, g.DB, a.User)
		return !accepted[a.URL], err
	})
	if err != nil {
		return Carried{}, fmt.Errorf("comparing accepted terms: %w", err)
	}
	return c, nil
}

// carry counts a batch; put tells whether an acceptance is new.
func (g *Gate) carry(batch []Acceptance, put func(Acceptance) (bool, error)) (c Carried, err error) {
	known := g.Terms.urls()
	for _, a := range batch {
		if !known[a.URL] {
			c.Unknown++
			continue
		}
		first, err := put(a)
		switch {
		case err != nil:
			return c, err
		case first:
			c.Added++
		default:
			c.Same++
		}
	}
	return c, nil
}
