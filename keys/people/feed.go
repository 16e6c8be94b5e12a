package people

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/keys/entry"
)

// unbinding says that nobody is behind an address any more, in the shape of an association.
type unbinding struct {
	Address   string  `json:"address"`
	Medium    string  `json:"medium"`
	MXID      *string `json:"mxid"`
	NotBefore int64   `json:"not_before"`
	TS        int64   `json:"ts"`
}

// follow adds what the feed tells to the batch, at most limit versions.
func (b *batch) follow(ctx context.Context, limit int) error {
	for {
		changes, err := b.Feed.Bindings(ctx, b.feed, limit)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := b.take(ctx, changes); err != nil {
			return err
		}
		if len(b.queued)+len(b.bound) > 0 {
			return nil
		}
		// Nothing of these is logged, so nothing would move the position in the feed.
		if err := b.pass(ctx); err != nil {
			return err
		}
	}
}

// pass moves the position in the feed, and writes what is held, without the log.
func (b *batch) pass(ctx context.Context) error {
	err := b.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := b.advance(ctx, tx); err != nil {
			return err
		}
		return b.keep(ctx, tx)
	})
	if err != nil {
		return err
	}
	b.state.feed, b.skips, b.held, b.labels = b.feed, 0, nil, nil
	return nil
}

// take makes versions of changes. Those of addresses that were erased since, and of addresses
// that are no labels, have none.
func (b *batch) take(ctx context.Context, changes []Binding) error {
	var values []any
	for _, c := range changes {
		b.feed = c.Position
		if c.Address.IsZero() {
			continue
		}
		l, err := entry.BindingLabel(c.Address)
		if err != nil {
			b.skips++
			continue
		}
		values = append(values, associationOf(c))
		b.bound = append(b.bound, candidate{label: l, version: version{tag: b.tagOf(l), userTag: b.userTag(c.User)}})
	}
	if len(values) == 0 {
		return nil
	}
	signed, err := b.Signer.SignAll(ctx, values)
	if err != nil {
		return fmt.Errorf("signing associations: %w", err)
	}
	for i, s := range signed {
		b.bound[i].plain = s
	}
	if err := b.number(ctx); err != nil {
		return err
	}
	b.hold()
	return nil
}

// hold has versions wait whose label is set aside, behind what waits of it.
func (b *batch) hold() {
	var bound []candidate
	for _, c := range b.bound {
		if b.aside.has(c.tag) {
			b.held = append(b.held, c)
		} else {
			bound = append(bound, c)
		}
	}
	b.bound = bound
}

// associationOf is what a change comes to: what was answered when it was made, or that nobody
// is behind the address.
func associationOf(c Binding) any {
	if c.Association != nil {
		return c.Association
	}
	ts := store.Millis(c.At)
	return unbinding{Address: c.Address.String(), Medium: string(c.Address.Medium()), NotBefore: ts, TS: ts}
}

// number gives the versions of the feed their numbers.
func (b *batch) number(ctx context.Context) error {
	labels := map[tag]*label{}
	for i := range b.bound {
		labels[b.bound[i].tag] = &label{tag: b.bound[i].tag}
	}
	known, err := selectLabels(ctx, b.DB, slices.Collect(maps.Keys(labels)))
	if err != nil {
		return fmt.Errorf("reading labels: %w", err)
	}
	for _, l := range known {
		*labels[l.tag] = l
	}
	now := b.Now().UnixMilli()
	for i := range b.bound {
		c := &b.bound[i]
		l := labels[c.tag]
		if l.next > math.MaxUint32 {
			return fmt.Errorf("a label has %d versions", l.next)
		}
		c.number, c.queued = uint32(l.next), max(now, l.queued)
		c.value = b.sealValue(c.plain, c.tag, c.number)
		l.next, l.queued, l.sealed = l.next+1, c.queued, b.sealLabel(c.label, c.tag)
	}
	for _, l := range labels {
		b.labels = append(b.labels, *l)
	}
	return nil
}

// labelsOf are those of an address: of its keys, and of who is behind it. An address may be
// too long to have them.
func labelsOf(a threepid.Address) (all []entry.Label) {
	if l, err := entry.AddressLabel(a); err == nil {
		all = append(all, l)
	}
	if l, err := entry.BindingLabel(a); err == nil {
		all = append(all, l)
	}
	return all
}

// labelsOfUser are those of a user id, which may have none.
func labelsOfUser(user matrix.UserID) (all []entry.Label) {
	if l, err := entry.UserLabel(user); err == nil {
		all = append(all, l)
	}
	return all
}

// Skipped counts the changes of bindings that have no place in the log, because the address is
// too long to be a label.
func (p *People) Skipped(ctx context.Context) (int64, error) {
	now, err := selectState(ctx, p.DB)
	if err != nil {
		return 0, fmt.Errorf("reading where the log of people's keys is: %w", err)
	}
	return now.skipped, nil
}

// Pending counts what waits to be logged: versions, and changes of bindings that were not
// followed yet.
func (p *People) Pending(ctx context.Context) (int64, error) {
	now, err := selectState(ctx, p.DB)
	if err != nil {
		return 0, fmt.Errorf("reading where the log of people's keys is: %w", err)
	}
	newest, err := p.Feed.NewestChange(ctx)
	if err != nil {
		return 0, err
	}
	versions, err := countPending(ctx, p.DB)
	if err != nil {
		return 0, fmt.Errorf("counting what is pending: %w", err)
	}
	return versions + max(newest-now.feed, 0), nil
}
