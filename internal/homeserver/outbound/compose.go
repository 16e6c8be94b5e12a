package outbound

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

type streamPos = stream.Pos

// compose is what is sent next: what was sent before and not taken, or what stands first in
// the queue. nil is nothing.
func (o *Outbound) compose(ctx context.Context, d *destination) (*parcel, error) {
	if err := o.thin(ctx, d); err != nil {
		return nil, fmt.Errorf("thinning a queue: %w", err)
	}
	p := d.again
	if p == nil {
		p = &parcel{id: o.newID(), toPos: maxPos, toSeq: maxSeq, passed: o.passing(d)}
	}
	again := &parcel{id: p.id, passed: p.passed}
	if err := o.read(ctx, d, p, again); err != nil {
		return nil, fmt.Errorf("reading a queue: %w", err)
	}
	if len(again.events)+len(again.edus)+len(again.passed) == 0 {
		if d.again == nil {
			return nil, nil
		}
		d.again = nil // nothing is left of it
		return o.compose(ctx, d)
	}
	d.again = again
	return again, nil
}

// read reads the head of the queue, as far as limits goes, into p.
func (o *Outbound) read(ctx context.Context, d *destination, limits, p *parcel) error {
	pdus, edus := maxPDUs, maxEDUs-len(p.passed)
	if d.narrow {
		pdus, edus = 1, 1
	}
	events, err := selectEvents(ctx, o.DB, d.name, limits.toPos, pdus)
	if err != nil {
		return err
	}
	if len(events) > 0 && events[0].invites {
		p.events, p.invites, p.passed = events[:1], true, nil
		p.toPos, p.toSeq = events[0].pos, -1
		return nil
	}
	if i := slices.IndexFunc(events, func(e eventRow) bool { return e.invites }); i >= 0 {
		events = events[:i]
	}
	p.events, p.toPos, p.toSeq = events, -1, -1
	if len(events) > 0 {
		p.toPos = events[len(events)-1].pos
	}
	if d.narrow && len(events) > 0 || limits.toSeq < 0 {
		return nil
	}
	if p.edus, err = selectEDUs(ctx, o.DB, d.name, limits.toSeq, edus); err != nil {
		return err
	}
	p.edus = p.edus[:fitting(p.edus)]
	if len(p.edus) > 0 {
		p.toSeq = p.edus[len(p.edus)-1].seq
	}
	return nil
}

// fitting is how many EDUs are sent at once.
func fitting(edus []eduRow) int {
	octets := 0
	for i, row := range edus {
		if octets += len(row.edu.Content); i > 0 && octets > maxOctets {
			return i
		}
	}
	return len(edus)
}

// passing takes what is not stored.
func (o *Outbound) passing(d *destination) []remote.EDU {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]remote.EDU, 0, len(d.passing))
	for _, topic := range slices.Sorted(maps.Keys(d.passing)) {
		all = append(all, d.passing[topic])
	}
	d.passing = nil
	return all
}

// maxWaiting is how many EDUs wait for a server that is away: the newest. Which device list it
// has missed, it learns by the next update of it.
const maxWaiting = 10_000

// thin leaves of a long queue to a server that was away the newest event of each room: it asks
// for the others, if anybody there wants them.
func (o *Outbound) thin(ctx context.Context, d *destination) error {
	o.mu.Lock()
	away := d.failures > 0
	o.mu.Unlock()
	if !away {
		return nil
	}
	events, edus, err := countWaiting(ctx, o.DB, d.name)
	if err != nil || events <= maxPDUs && edus <= o.MaxWaiting {
		return err
	}
	d.again = nil
	return o.DB.TxSoon(ctx, func(tx *store.Tx) error {
		if events > maxPDUs {
			if err := deleteOlder(ctx, tx, d.name); err != nil {
				return err
			}
		}
		return deleteOldest(ctx, tx, d.name, o.MaxWaiting)
	})
}
