package people

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"signet/internal/store"
	"signet/keys/entry"
	"signet/keys/log"
)

// source is the log.Source.
type source struct{ *People }

// batch is what is prepared to be logged, as things were in a state.
type batch struct {
	*People
	state  state
	feed   int64 // position in the feed after the batch
	skips  int64 // changes that have no place in the log
	queued []candidate
	bound  []candidate // of the feed
	held   []candidate // of the feed, that wait for what is set aside of their labels
	labels []label     // of bound and held, as they will be
}

// candidate is a version that is being prepared.
type candidate struct {
	version
	label entry.Label
	plain []byte // the value
	drawn entry.Opening
}

// Next prepares what waits in people_versions, and then, up to limit, what the feed tells.
// That order is that of the versions of each label: an erasure queues a tombstone, which
// comes before what the feed tells after it.
func (s source) Next(ctx context.Context, limit int) (log.Batch, error) {
	if err := s.endHoldDowns(ctx, limit); err != nil {
		return log.Batch{}, fmt.Errorf("ending hold-downs: %w", err)
	}
	if err := s.endRevoked(ctx); err != nil {
		return log.Batch{}, fmt.Errorf("writing down revoked keys: %w", err)
	}
	// The state comes first: what an erasure changes in between is noticed by its counter.
	before, err := selectState(ctx, s.DB)
	if err != nil {
		return log.Batch{}, fmt.Errorf("reading where the log of people's keys is: %w", err)
	}
	b := &batch{People: s.People, state: before, feed: before.feed}
	if b.queued, err = s.pending(ctx, limit); err != nil {
		return log.Batch{}, fmt.Errorf("reading what is pending: %w", err)
	}
	if len(b.queued) < limit {
		if err := b.follow(ctx, limit-len(b.queued)); err != nil {
			return log.Batch{}, fmt.Errorf("following bindings: %w", err)
		}
	}
	entries, err := b.prepare()
	return log.Batch{Entries: entries, Logged: b.logged}, err
}

// pending reads versions that wait, in their order. Labels of which one cannot be read are set
// aside.
func (p *People) pending(ctx context.Context, limit int) ([]candidate, error) {
	p.aside.retry(p.Now())
	for {
		rows, err := selectPending(ctx, p.DB, limit, p.aside.tags())
		if err != nil {
			return nil, err
		}
		all, sound := make([]candidate, len(rows)), true
		for i, r := range rows {
			if all[i], err = p.candidate(r); err == nil {
				continue
			}
			if sound, err = false, p.aside.add(r.tag, r.number, err); err != nil {
				return nil, err
			}
		}
		if sound {
			return all, nil
		}
	}
}

// candidate reads a version that waits. The error is ErrDamaged.
func (p *People) candidate(w waiting) (c candidate, err error) {
	c.version = w.version
	if len(w.prepared) > 0 {
		if e, err := entry.Parse(w.prepared); err != nil || !isInsert(e) {
			return c, fmt.Errorf("%w: what was prepared is no INSERT", ErrDamaged)
		}
		return c, nil
	}
	if c.label, err = p.openLabel(w.labelSealed, w.tag); err != nil {
		return c, err
	}
	if c.plain, err = p.openValue(w.version); err == nil && c.plain == nil {
		err = fmt.Errorf("%w: it has no value", ErrDamaged)
	}
	return c, err
}

func isInsert(e entry.Entry) bool {
	_, is := e.(entry.Insert)
	return is
}

// all are the candidates in the order in which they are logged.
func (b *batch) all() []*candidate {
	all := make([]*candidate, 0, len(b.queued)+len(b.bound))
	for i := range b.queued {
		all = append(all, &b.queued[i])
	}
	for i := range b.bound {
		all = append(all, &b.bound[i])
	}
	return all
}

// prepare makes the entries. What the VRF costs is shared among processors.
func (b *batch) prepare() ([][]byte, error) {
	all := b.all()
	openings := make([]byte, len(all)*len(entry.Opening{}))
	if _, err := io.ReadFull(b.Rand, openings); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	entries := make([][]byte, len(all))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range all {
		workers.Go(func() error {
			entries[i] = b.make(c, openings[i*len(entry.Opening{}):])
			return nil
		})
	}
	return entries, workers.Wait()
}

// make is the INSERT of a candidate, which keeps the opening.
func (b *batch) make(c *candidate, random []byte) []byte {
	if len(c.prepared) > 0 {
		return c.prepared
	}
	c.drawn = entry.Opening(random[:len(c.drawn)])
	c.opening = b.sealOpening(c.drawn, c.tag, c.number)
	return b.insert(c.label, c.number, c.drawn, c.plain)
}

// logged writes positions. The error is log.ErrSuperseded, so that the batch is made anew, if
// an erasure came in between, or the feed was followed by another.
func (b *batch) logged(ctx context.Context, tx *store.Tx, first int64) error {
	if err := b.advance(ctx, tx); err != nil {
		return err
	}
	if err := b.keep(ctx, tx); err != nil {
		return err
	}
	for i, c := range b.all() {
		c.position = first + int64(i)
	}
	placed, err := placeVersions(ctx, tx, b.queued)
	if err != nil {
		return fmt.Errorf("writing positions: %w", err)
	}
	added, err := addVersions(ctx, tx, b.bound)
	if err != nil {
		return fmt.Errorf("writing versions of bindings: %w", err)
	}
	if placed != int64(len(b.queued)) || added != int64(len(b.bound)) {
		return fmt.Errorf("%w: %d of %d versions were pending and %d of %d new", log.ErrSuperseded, placed, len(b.queued), added, len(b.bound))
	}
	return nil
}

// keep writes the labels, and what is held.
func (b *batch) keep(ctx context.Context, tx *store.Tx) error {
	if err := putLabels(ctx, tx, b.labels); err != nil {
		return fmt.Errorf("writing labels: %w", err)
	}
	added, err := addVersions(ctx, tx, b.held)
	if err != nil {
		return fmt.Errorf("writing versions of bindings that wait: %w", err)
	}
	if added != int64(len(b.held)) {
		return fmt.Errorf("%w: %d of %d versions were new", log.ErrSuperseded, added, len(b.held))
	}
	return nil
}

// advance moves the position in the feed, if nothing has changed meanwhile.
func (b *batch) advance(ctx context.Context, tx *store.Tx) error {
	if b.feed == b.state.feed {
		now, err := selectState(ctx, tx)
		if err == nil && now != b.state {
			err = errChanged
		}
		return err
	}
	moved, err := advanceFeed(ctx, tx, b.state, b.feed, b.skips)
	if err == nil && !moved {
		err = errChanged
	}
	return err
}

var errChanged = fmt.Errorf("%w: an erasure came in between", log.ErrSuperseded)
