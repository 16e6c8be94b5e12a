package lookup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/internal/store"
)

// Replay is what the feed, read from its beginning, says that the bindings are, and where
// their table says otherwise.
type Replay struct {
	Changes  int64 // read
	Bindings int   // that stand after them
	Missing  int   // of these, not in the table
	Other    int   // of these, of another user or another time in the table
	Surplus  int   // in the table and not of these
}

// Same tells whether the table is what the feed makes.
func (r Replay) Same() bool { return r.Missing+r.Other+r.Surplus == 0 }

// Replay reads the feed from its beginning and compares what it makes with the table of
// bindings. With repair it makes the table so. It needs the memory of one copy of it.
func (d *Directory) Replay(ctx context.Context, repair bool) (r Replay, err error) {
	err = d.change(ctx, func(tx *store.Tx) error {
		r = Replay{}
		want, err := d.replay(ctx, tx, &r)
		if err != nil {
			return err
		}
		return d.compare(ctx, tx, want, &r, repair)
	})
	if err != nil {
		return Replay{}, fmt.Errorf("replaying the feed: %w", err)
	}
	return r, nil
}

// replay returns the last change that made a binding, by the index of its address.
func (d *Directory) replay(ctx context.Context, tx *store.Tx, r *Replay) (map[string]Change, error) {
	want := map[string]Change{}
	for {
		changes, err := d.selectChanges(ctx, tx, r.Changes, followedAtATime)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			switch c.Kind {
			case Bound, Rebound:
				if want[string(c.index)] = c; c.User == "" { // it was erased since
					delete(want, string(c.index))
				}
			case Unbound, Expired, Erased:
				delete(want, string(c.index))
			}
			r.Changes++
			if c.Position != r.Changes {
				return nil, fmt.Errorf("position %d stands in the place of %d", c.Position, r.Changes)
			}
		}
		if len(changes) == 0 {
			r.Bindings = len(want)
			return want, nil
		}
	}
}

// compare uses up want.
func (d *Directory) compare(ctx context.Context, tx *store.Tx, want map[string]Change, r *Replay, repair bool) error {
	var surplus [][]byte
	for after := []byte{}; ; {
		some, err := selectRows(ctx, tx, after, followedAtATime)
		if err != nil {
			return err
		}
		for _, row := range some {
			c, there := want[string(row.index)]
			switch {
			case !there:
				surplus = append(surplus, row.index)
			case row.is(c):
				delete(want, string(row.index))
			default:
				r.Other++
			}
		}
		if len(some) == 0 {
			break
		}
		after = some[len(some)-1].index
	}
	r.Missing, r.Surplus = len(want)-r.Other, len(surplus)
	if !repair {
		return nil
	}
	return d.repair(ctx, tx, want, surplus)
}

func (d *Directory) repair(ctx context.Context, tx *store.Tx, wrong map[string]Change, surplus [][]byte) error {
	var errs []error
	for _, index := range surplus {
		_, err := deleteBinding(ctx, tx, index)
		errs = append(errs, err)
	}
	for _, c := range slices.SortedFunc(maps.Values(wrong), func(a, b Change) int { return bytes.Compare(a.index, b.index) }) {
		errs = append(errs, d.putBinding(ctx, tx, c.binding()))
	}
	return errors.Join(errs...)
}
