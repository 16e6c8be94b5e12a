package lookup

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

const (
	// remindBefore is how long before the end of a binding its owner is reminded.
	remindBefore = 30 * 24 * time.Hour
	// endingAtATime bounds how long those who bind wait for a step of a sweep.
	endingAtATime = 100
	// Of all bindings one in endingShare may end in an hour, and leastEnding where they are
	// few. Lives end one by one; if many have ended at once, it is the clock that is wrong.
	endingShare, leastEnding = 100, 10
	endingPer                = time.Hour
)

// Ending is a binding that ends unless it is made again.
type Ending struct {
	Key      string // of this binding of this address: another time it is another
	Address  threepid.Address
	User     matrix.UserID
	NotAfter time.Time
}

// Remind calls remind for bindings that end within 30 days, in the transaction that marks
// them as reminded: of several replicas one calls it, as long as the binding is not made
// again. An error of it undoes a hundred marks at most, and ends the sweep.
func (d *Directory) Remind(ctx context.Context, remind func(ctx context.Context, tx *store.Tx, e Ending) error) error {
	for left := d.mayEnd(); left > 0; left -= endingAtATime {
		n, err := d.remindSome(ctx, min(left, endingAtATime), remind)
		if err != nil {
			return fmt.Errorf("reminding of bindings that end: %w", err)
		}
		if n < endingAtATime {
			break
		}
	}
	return nil
}

func (d *Directory) remindSome(ctx context.Context, limit int, remind func(context.Context, *store.Tx, Ending) error) (n int, err error) {
	err = d.DB.Tx(ctx, func(tx *store.Tx) error {
		now := d.Now()
		some, err := d.selectUnreminded(ctx, tx, now, now.Add(remindBefore), limit)
		if err != nil {
			return err
		}
		n = len(some)
		for _, b := range some {
			index := d.indexOf(b.address)
			if err := markReminded(ctx, tx, index, now); err != nil {
				return err
			}
			e := Ending{Key: matrix.EncodeBase64(index) + " " + strconv.FormatInt(b.notAfter.UnixMilli(), 10),
				Address: b.address, User: b.user, NotAfter: b.notAfter}
			if err := remind(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Expire takes back bindings whose lives have ended, as changes of the feed. How many an
// hour all replicas together take back is bounded, so that a clock that is wrong for a
// while does not take them all: the operator is told, and the others wait.
func (d *Directory) Expire(ctx context.Context) error {
	if err := d.follow(); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = d.expireSome(ctx); err != nil {
			return fmt.Errorf("taking back bindings that have ended: %w", err)
		}
	}
	return nil
}

func (d *Directory) expireSome(ctx context.Context) (more bool, err error) {
	bound, tooMany := d.mayEnd(), false
	err = d.change(ctx, func(tx *store.Tx) error {
		now := d.Now()
		lately, err := countExpired(ctx, tx, now.Add(-endingPer), now)
		if err != nil {
			return err
		}
		left := max(0, bound-lately)
		ended, err := d.selectEnded(ctx, tx, now, min(endingAtATime, left+1)) // one more tells of too many
		if err != nil {
			return err
		}
		tooMany, more = len(ended) > left, len(ended) == endingAtATime
		for _, b := range ended[:min(left, len(ended))] {
			if err := d.expire(ctx, tx, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && tooMany {
		d.Log.Warn("more bindings have ended than may end in an hour, and the others wait: is the clock right?", "bound", bound)
		more = false
	}
	return more, err
}

func (d *Directory) expire(ctx context.Context, tx *store.Tx, b binding) error {
	c := Change{Kind: Expired, Address: b.address, User: b.user, At: d.Now(), index: d.indexOf(b.address)}
	if _, err := deleteBinding(ctx, tx, c.index); err != nil {
		return err
	}
	return d.append(ctx, tx, c)
}

// mayEnd is how many bindings may end in an hour.
func (d *Directory) mayEnd() int {
	d.live.mu.RLock()
	defer d.live.mu.RUnlock()
	return max(leastEnding, d.live.table.Len()/endingShare)
}

// EmailsOf are the e-mail addresses that a user is found by, at most limit of them, the
// one that was bound last first.
func (d *Directory) EmailsOf(ctx context.Context, q store.Queryer, user matrix.UserID, limit int) ([]threepid.Address, error) {
	found, err := d.selectEmailsOf(ctx, q, user, limit)
	if err != nil {
		return nil, fmt.Errorf("reading a user's addresses: %w", err)
	}
	var all []threepid.Address
	for _, b := range found {
		all = append(all, b.address)
	}
	return all, nil
}
