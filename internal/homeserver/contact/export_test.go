package contact

import (
	"context"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Waiting is how many wait for the turn of an address, or have it.
func (o *order) Waiting() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.turns {
		n += t.users
	}
	return n
}

// Order is what has requests about an address go one after the other.
func (c *Contacts) Order() interface{ Waiting() int } { return &c.order }

// RunEach is Run with the moments at which wishes are looked for.
var RunEach = (*Contacts).run

// WishUnbound is what Unbind does before it asks identity servers.
func WishUnbound(c *Contacts, ctx context.Context, user matrix.UserID, a threepid.Address) error {
	return c.DB.Tx(ctx, func(tx *store.Tx) error {
		_, err := c.putUnbindings(ctx, tx, user, nil, a)
		return err
	})
}
