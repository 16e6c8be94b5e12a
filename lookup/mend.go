package lookup

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// mend puts a Lost change wherever one is missing, and appends what makes the table of the
// feed. It is the table that is believed: each change was made in it by the transaction that
// wrote the change, and what was taken back must not come again.
func (d *Directory) mend(ctx context.Context, tx *store.Tx, feed replayed, surplus [][]byte) error {
	for _, position := range feed.lost {
		if err := d.insertChange(ctx, tx, Change{Position: position, Kind: Lost, At: d.Now(), index: []byte{}}); err != nil {
			return fmt.Errorf("writing to the feed: %w", err)
		}
	}
	for _, index := range surplus {
		if err := d.appendStanding(ctx, tx, made{row: row{index: index}}); err != nil {
			return err
		}
	}
	for _, c := range inOrder(feed.bindings) {
		if err := d.appendStanding(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// appendStanding appends who is behind an address by the table, where the feed makes somebody
// else of it. Nobody is told: nothing has happened.
func (d *Directory) appendStanding(ctx context.Context, tx *store.Tx, before made) error {
	standing, err := d.selectByIndex(ctx, tx, before.index)
	if err != nil {
		return err
	}
	if len(standing) == 0 {
		return d.appendEnd(ctx, tx, before)
	}
	c := standing[0].change(before.index)
	c.Quiet = true
	if before.user != "" && before.user != c.User.String() {
		c.Kind, c.Former = Rebound, matrix.UserID(before.user)
	}
	return d.append(ctx, tx, c)
}

// appendEnd appends that nobody is behind an address any more.
func (d *Directory) appendEnd(ctx context.Context, tx *store.Tx, before made) error {
	changes, err := d.selectChanges(ctx, tx, before.position-1, 1)
	if err != nil {
		return err
	}
	c := changes[0]
	return d.append(ctx, tx, Change{Kind: Unbound, Address: c.Address, User: c.User, At: d.Now(), Quiet: true, index: before.index})
}
