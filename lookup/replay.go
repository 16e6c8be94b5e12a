package lookup

import (
	"cmp"
	"context"
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
	Lost     int64 // changes that were written and are not there
}

// Same tells whether the feed is whole and the table is what it makes.
func (r Replay) Same() bool { return r.Missing+r.Other+r.Surplus == 0 && r.Lost == 0 }

// Replay reads the feed from its beginning and compares what it makes with the table of
// bindings. With repair it makes the table so; but where the feed lacks changes, it is the
// table that knows better, and the feed is mended by it: what is missing is a Lost change
// then, and changes at the end make of the feed what the table is. It needs the memory of one
// copy of the table, and lets those who bind wait only while it compares.
func (d *Directory) Replay(ctx context.Context, repair bool) (r Replay, err error) {
	var read replayed
	if err := read.on(ctx, d.DB); err != nil {
		return Replay{}, fmt.Errorf("replaying the feed: %w", err)
	}
	err = d.change(ctx, func(tx *store.Tx) (err error) {
		want := read
		read = replayed{} // for comparing uses it up, and this may run again
		if err := want.all(ctx, tx); err != nil {
			return err
		}
		r, err = d.compare(ctx, tx, want, repair)
		return err
	})
	if err != nil {
		return Replay{}, fmt.Errorf("replaying the feed: %w", err)
	}
	return r, nil
}

// replayed is what the feed makes, as far as it was read.
type replayed struct {
	changes  int64           // up to which position it was read
	bindings map[string]made // by the indexes of their addresses
	lost     []int64         // positions where nothing stands
}

// made is a binding as a change made it.
type made struct {
	position int64
	kind     Kind
	row
}

// on reads the feed from there to its end. Of what was read before nothing becomes wrong:
// whoever makes the feed forget a binding appends that it has ended.
func (p *replayed) on(ctx context.Context, q store.Queryer) error {
	if p.bindings == nil {
		p.bindings = map[string]made{}
	}
	for {
		some, err := selectMade(ctx, q, p.changes, followedAtATime)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, c := range some {
			p.lose(c.position - 1)
			p.changes = c.position
			p.apply(c)
		}
	}
}

// lose passes over what is missing up to a position.
func (p *replayed) lose(to int64) {
	for p.changes < to {
		p.changes++
		p.lost = append(p.lost, p.changes)
	}
}

// all is on, in a transaction, up to the newest change.
func (p *replayed) all(ctx context.Context, tx *store.Tx) error {
	if err := p.on(ctx, tx); err != nil {
		return err
	}
	newest, err := selectPosition(ctx, tx)
	if err == nil && newest < p.changes {
		err = fmt.Errorf("the newest change stands at %d, and %d are counted", p.changes, newest)
	}
	p.lose(newest)
	return err
}

func (p *replayed) apply(c made) {
	switch c.kind {
	case Bound, Rebound:
		if p.bindings[string(c.index)] = c; c.user == "" { // it was erased since
			delete(p.bindings, string(c.index))
		}
	case Unbound, Expired, Erased:
		delete(p.bindings, string(c.index))
	}
}

// compare uses up what is wanted.
func (d *Directory) compare(ctx context.Context, tx *store.Tx, want replayed, repair bool) (Replay, error) {
	lost := int64(len(want.lost))
	r := Replay{Changes: want.changes - lost, Bindings: len(want.bindings), Lost: lost}
	var surplus [][]byte
	for after := []byte{}; ; {
		some, err := selectRows(ctx, tx, after, followedAtATime)
		if err != nil {
			return r, err
		}
		for _, row := range some {
			c, there := want.bindings[string(row.index)]
			switch {
			case !there:
				surplus = append(surplus, row.index)
			case row.is(c.row):
				delete(want.bindings, string(row.index))
			default:
				r.Other++
			}
		}
		if len(some) == 0 {
			break
		}
		after = some[len(some)-1].index
	}
	r.Missing, r.Surplus = len(want.bindings)-r.Other, len(surplus)
	switch {
	case !repair:
		return r, nil
	case lost > 0:
		return r, d.mend(ctx, tx, want, surplus)
	}
	return r, d.repair(ctx, tx, want.bindings, surplus)
}

func (d *Directory) repair(ctx context.Context, tx *store.Tx, wrong map[string]made, surplus [][]byte) error {
	for _, index := range surplus {
		if _, err := deleteBinding(ctx, tx, index); err != nil {
			return err
		}
	}
	for _, c := range inOrder(wrong) {
		changes, err := d.selectChanges(ctx, tx, c.position-1, 1)
		if err != nil {
			return err
		}
		if err := d.putBinding(ctx, tx, changes[0].binding()); err != nil {
			return err
		}
	}
	return nil
}

func inOrder(bindings map[string]made) []made {
	return slices.SortedFunc(maps.Values(bindings), func(a, b made) int { return cmp.Compare(a.position, b.position) })
}
