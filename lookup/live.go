package lookup

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"signet/internal/together"
	"signet/lookup/table"
)

// live is all bindings in memory, which follow the feed.
type live struct {
	mu       sync.RWMutex // guards the rest
	table    *table.Table
	position int64           // up to which the table has followed
	whole    map[string]bool // peppers whose hashes are all made

	building sync.Mutex // held by who makes hashes, ends an epoch or loads
	newest   *together.Errand
	gap      atomic.Bool // the feed lacked a change when it was last read
}

const (
	// followedAtATime bounds how long those who look up wait for a part of the feed.
	followedAtATime = 1000
	// unread is the position of a table that was not loaded.
	unread = -1
	// followTimeout bounds how long all wait for the database.
	followTimeout = 2 * time.Minute
	// madeAtATime and madeEvery let a look-up wait no longer than a millisecond for the
	// hashes of the next epoch, which are made at 50,000 a second.
	madeAtATime = 500
	madeEvery   = 10 * time.Millisecond
)

// follow returns when the table knows of every change that was committed before. Those who
// look up at the same time ask the database together.
func (d *Directory) follow() error {
	if err := d.live.newest.Do(); err != nil {
		return fmt.Errorf("following the feed: %w", err)
	}
	return nil
}

// Load returns when all bindings are in memory.
func (d *Directory) Load() error { return d.follow() }

// Ready is nil while look-ups are answered. It waits for the database as long as ctx lets it.
func (d *Directory) Ready(ctx context.Context) error {
	followed := make(chan error, 1)
	go func() { followed <- d.follow() }()
	select {
	case err := <-followed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Damaged tells whether look-ups are not answered since the feed lacks changes. When it was
// mended (Replay), they are again.
func (d *Directory) Damaged() bool { return d.live.gap.Load() }

func (d *Directory) readFeed() error {
	ctx, cancel := context.WithTimeout(context.Background(), followTimeout)
	defer cancel()
	err := d.readOn(ctx)
	if err == nil || errors.Is(err, errGap) { // any other says nothing of the feed
		d.tellGap(err)
	}
	return err
}

// tellGap tells the operator of a damaged feed once, and once more when it was mended.
func (d *Directory) tellGap(err error) {
	gap := err != nil
	if d.live.gap.Swap(gap) == gap {
		return
	}
	if gap {
		d.Log.Error("the feed of bindings is damaged, and no look-up is answered until it is mended by idserver feed repair", "error", err)
		return
	}
	d.Log.Info("the feed of bindings is whole again, and look-ups are answered")
}

func (d *Directory) readOn(ctx context.Context) error {
	newest, err := selectPosition(ctx, d.DB)
	if err != nil {
		return err
	}
	at := d.live.at()
	if newest < at {
		d.Log.Error("the database was set back, so all bindings are read anew", "known_position", at, "newest_position", newest)
	}
	if at == unread || newest < at {
		if err := d.load(ctx); err != nil {
			return err
		}
	}
	for at := d.live.at(); at < newest; at = d.live.at() {
		if err := d.readSome(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// readSome makes the changes after a position. Of one that was lost nobody knows which binding
// it changed, so all are read anew.
func (d *Directory) readSome(ctx context.Context, after int64) error {
	changes, err := d.selectChanges(ctx, d.DB, after, followedAtATime)
	if err != nil {
		return err
	}
	for i, c := range changes {
		if c.Position != after+int64(i)+1 {
			changes = changes[:i]
			break
		}
		if c.Kind == Lost {
			return d.load(ctx)
		}
	}
	if len(changes) == 0 {
		return fmt.Errorf("%w, the first of them at position %d", errGap, after+1)
	}
	d.live.apply(changes)
	return nil
}

func (l *live) at() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.position
}

// apply makes changes, in their order. Each says all there is to say of its address, so it
// does no harm if the table knew of it.
func (l *live) apply(changes []Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range changes {
		l.position = c.Position
		switch c.Kind {
		case Bound, Rebound:
			if c.User != "" { // or else it was erased since, and that follows
				l.put(stored{index: c.index, address: []byte(c.Address.String()), user: []byte(c.User.String())})
			}
		case Unbound, Expired, Erased:
			if len(c.index) > 0 {
				l.table.Remove(table.KeyOf(c.index))
			}
		}
	}
}

// put needs the lock, or to be the only one that knows of l.
func (l *live) put(s stored) {
	l.table.Put(table.KeyOf(s.index), s.user, func(pepper string) table.Key { return keyOf(s.medium(), s.address, pepper) })
}

// load reads all bindings as they are, into a table that takes the place of what there was when
// it is whole. What changes meanwhile stands in the feed after the position that is read first.
func (d *Directory) load(ctx context.Context) error {
	d.live.building.Lock()
	defer d.live.building.Unlock()
	position, err := selectPosition(ctx, d.DB)
	if err != nil {
		return fmt.Errorf("reading the feed: %w", err)
	}
	bindings, err := countBindings(ctx, d.DB)
	if err != nil {
		return fmt.Errorf("counting bindings: %w", err)
	}
	all := live{table: table.New(bindings), whole: map[string]bool{}}
	for _, n := range d.epochs.accepted(d.Now()) {
		all.table.Begin(d.epochs.pepper(n))
		all.whole[d.epochs.pepper(n)] = true
	}
	err = d.eachStored(ctx, func(some []stored) {
		for _, s := range some {
			all.put(s)
		}
	})
	if err != nil {
		return fmt.Errorf("reading bindings: %w", err)
	}
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	d.live.table, d.live.whole, d.live.position = all.table, all.whole, position
	go debug.FreeOSMemory() // of what was read in between, as much again as what stays
	return nil
}

// Run makes the hashes of the next epoch in time and forgets those of the last, until ctx
// ends.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(lead / 10)
	defer tick.Stop()
	for {
		if err := d.tend(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("the hashes of the next epoch are not made yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tend follows the feed, so that nobody has to wait for much of it, makes the hashes of all
// epochs that are accepted, slowly, and forgets the others.
func (d *Directory) tend(ctx context.Context) error {
	if err := d.follow(); err != nil {
		return err
	}
	accepted := map[string]bool{}
	for _, n := range d.epochs.accepted(d.Now()) {
		pepper := d.epochs.pepper(n)
		accepted[pepper] = true
		if err := d.makeHashes(ctx, pepper, madeEvery); err != nil {
			return err
		}
	}
	d.live.building.Lock() // whoever makes hashes finds, at the end, that they are there
	defer d.live.building.Unlock()
	d.live.mu.Lock()
	defer d.live.mu.Unlock()
	for _, pepper := range d.live.table.Epochs() {
		if !accepted[pepper] {
			d.live.table.End(pepper)
			delete(d.live.whole, pepper)
		}
	}
	return nil
}

// makeHashes makes the hashes of an epoch that has none yet, resting between a few and a
// few. Meanwhile changes bring their own.
func (d *Directory) makeHashes(ctx context.Context, pepper string, rest time.Duration) error {
	l := &d.live
	l.building.Lock()
	defer l.building.Unlock()
	l.mu.Lock()
	whole := l.whole[pepper]
	l.table.Begin(pepper)
	l.mu.Unlock()
	if whole {
		return nil
	}
	for after := []byte{}; ; {
		some, err := d.selectStored(ctx, after, madeAtATime)
		if err != nil {
			return fmt.Errorf("making the hashes of an epoch: %w", err)
		}
		if len(some) == 0 {
			break
		}
		l.hash(pepper, some)
		after = some[len(some)-1].index
		if err := sleep(ctx, rest); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole[pepper] = true
	return nil
}

func (l *live) hash(pepper string, some []stored) {
	keys := make([]table.Key, len(some))
	for i, s := range some {
		keys[i] = keyOf(s.medium(), s.address, pepper)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range some {
		l.table.Hash(pepper, table.KeyOf(s.index), keys[i])
	}
}

// found is a user behind the hash at a place of a list.
type found struct {
	at   int
	user string
}

// find returns the users behind the hashes that have one, in their order. It is false while
// not all hashes of the epoch are made, or not any more.
func (l *live) find(pepper string, hashes []table.Key) (all []found, whole bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i, h := range hashes {
		if user, there := l.table.Find(pepper, h); there {
			all = append(all, found{i, user})
		}
	}
	return all, l.whole[pepper]
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
