package lookup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// Kind is what a change is.
type Kind string

// The kinds of changes.
const (
	Bound   Kind = "bind"   // nobody was behind the address, or the same user
	Rebound Kind = "rebind" // another user was
	Unbound Kind = "unbind" // nobody is any more
	Expired Kind = "expire" // nor is, because its life had ended
	Erased  Kind = "erase"  // nor is it remembered who was
	Lost    Kind = "lost"   // nobody knows what it was: Replay has put it where a change was missing
)

// errGap is the error of a feed that lacks changes which were written, so that nobody can
// follow it.
var errGap = errors.New("the feed of bindings lacks changes")

// Change is a row of the feed. Of an address or a user that was erased later only Position,
// Kind and At are left, and of Lost there never was more.
type Change struct {
	Position int64 // from 1, without a gap
	Kind     Kind
	Address  threepid.Address
	User     matrix.UserID // who is behind the address now; of Unbound and Expired, who was
	Former   matrix.UserID // whose place Rebound took
	At       time.Time
	NotAfter time.Time // of Bound and Rebound
	Moved    bool      // it was brought in from another server, so nobody is waiting to hear of it
	// Quiet says that it tells the owner nothing new, as a Bound where the same user was
	// behind the address. It is for those who are told; the feed does not keep it.
	Quiet bool

	index []byte
	sid   string
}

// binding is what an address has after a Bound or Rebound.
func (c Change) binding() binding {
	return binding{address: c.Address, user: c.User, sid: c.sid, bound: c.At, notAfter: c.NotAfter}
}

// Association is what Bind answered of a Bound or Rebound, and would be of another that was
// not asked for.
func (c Change) Association() Association { return c.binding().association() }

// change writes what make decides in a transaction of its own, as the feed's next changes.
// All who change bindings write the feed's head, so those of one process take turns
// instead of being rivals. On an error of fn nothing is changed.
func (d *Directory) change(ctx context.Context, fn func(tx *store.Tx) error) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.DB.Tx(ctx, fn)
}

// append writes a change to the feed, and tells it to those who must know of it in the
// same transaction.
func (d *Directory) append(ctx context.Context, tx *store.Tx, c Change) (err error) {
	if c.Position, err = nextPosition(ctx, tx); err != nil {
		return fmt.Errorf("taking a position in the feed: %w", err)
	}
	if err := d.insertChange(ctx, tx, c); err != nil {
		return fmt.Errorf("writing to the feed: %w", err)
	}
	for _, told := range d.Told {
		if err := told(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// Position is that of the newest change.
func (d *Directory) Position(ctx context.Context) (int64, error) {
	return selectPosition(ctx, d.DB)
}

// Forgotten tells whether the feed has been made to forget whose the change at a position
// was.
func (d *Directory) Forgotten(ctx context.Context, position int64) (bool, error) {
	known, err := selectKnown(ctx, d.DB, position)
	if err != nil {
		return false, fmt.Errorf("reading the feed: %w", err)
	}
	return !known, nil
}

// FormerAt is whose place the change at a position took, as far as the feed has it: empty if
// nobody's, or if it has been made to forget the user or the address.
func (d *Directory) FormerAt(ctx context.Context, position int64) (matrix.UserID, error) {
	former, err := selectFormer(ctx, d.DB, position)
	if err != nil {
		return "", fmt.Errorf("reading the feed: %w", err)
	}
	return former, nil
}

// Changes returns at most limit changes after a position, in their order.
func (d *Directory) Changes(ctx context.Context, after int64, limit int) ([]Change, error) {
	changes, err := d.selectChanges(ctx, d.DB, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the feed: %w", err)
	}
	return changes, nil
}

// NewestChange is the position of the newest change in the feed, 0 before the first.
func (d *Directory) NewestChange(ctx context.Context) (int64, error) {
	position, err := selectPosition(ctx, d.DB)
	if err != nil {
		return 0, fmt.Errorf("reading the end of the feed: %w", err)
	}
	return position, nil
}
