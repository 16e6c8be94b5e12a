package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// commit stores a batch, shows it, and lets those go who wait for it. After an error
// nothing of it is stored.
func (c *Committer) commit(ctx context.Context, batch []entry) error {
	end := c.place(batch)
	if err := c.store(ctx, batch, end); err != nil {
		return err
	}
	awake := map[matrix.UserID]struct{}{}
	for lane, entries := range byLane(batch) {
		lane.publish(entries, func(u matrix.UserID) { awake[u] = struct{}{} })
	}
	c.visible.Store(int64(end))
	c.notifier.wake(awake)
	for _, e := range batch {
		close(e.ticket.done)
	}
	return nil
}

// place gives the batch its positions and returns the last one. They are not given again,
// whatever becomes of the batch.
func (c *Committer) place(batch []entry) (end Pos) {
	for _, e := range batch {
		e.ticket.pos = c.next
		c.next += e.positions
	}
	return c.next - 1
}

// store writes a batch in one transaction, or in none if there is nothing to write and its
// positions are set aside already. Where the database does not tell whether it
// has committed, it is asked again before the batch is given up.
func (c *Committer) store(ctx context.Context, batch []entry, end Pos) error {
	reserved := c.reserved
	if end < reserved && !slices.ContainsFunc(batch, func(e entry) bool { return e.lane.stores() }) {
		return nil
	}
	if end >= reserved {
		reserved = end + reserve
	}
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		owned, err := advance(ctx, tx, c.owner, end, reserved)
		switch {
		case err != nil:
			return fmt.Errorf("advancing the stream: %w", err)
		case !owned:
			return ErrReplaced
		}
		for lane, entries := range byLane(batch) {
			if err := lane.write(ctx, tx, entries); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrUnsettled) && c.storedAfterAll(ctx, end) {
		err = nil
	}
	if err != nil {
		return err
	}
	c.reserved = reserved
	return nil
}

// storedAfterAll tells whether a transaction was committed of which that is unsettled. It
// waits for one that still commits, by its lock on the row, and for a database that is
// away: nothing can be written to it meanwhile anyway.
func (c *Committer) storedAfterAll(ctx context.Context, end Pos) bool {
	for {
		last, owned, err := settle(ctx, c.db, c.owner)
		if err == nil {
			return owned && last == end
		}
		time.Sleep(askAgain)
	}
}

// askAgain is how long a database is left alone that could not be asked.
const askAgain = 100 * time.Millisecond

// byLane groups a batch by lane, in the order of each lane's first entry.
func byLane(batch []entry) iter.Seq2[lane, []entry] {
	return func(yield func(lane, []entry) bool) {
		var lanes []lane
		groups := map[lane][]entry{}
		for _, e := range batch {
			if _, known := groups[e.lane]; !known {
				lanes = append(lanes, e.lane)
			}
			groups[e.lane] = append(groups[e.lane], e)
		}
		for _, l := range lanes {
			if !yield(l, groups[l]) {
				return
			}
		}
	}
}
