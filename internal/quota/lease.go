package quota

import (
	"context"
	"sync"

	"signet/internal/store"
)

// exactPerHour is up to how many an hour a budget is charged in the database itself.
const exactPerHour = 1000

// leased tells whether so much of the budget is used that its rows would be rivals'
// meeting point if each charge wrote them.
func (b Budget) leased() bool { return float64(b.Limit)/b.Per.Hours() > exactPerHour }

// block is how many a process takes from the database at a time: a hundredth of the
// limit, at least 10, but never more than a tenth of it.
func (b Budget) block() int { return max(1, min(max(10, b.Limit/100), b.Limit/10)) }

// lease is what this process has taken from one bucket and not spent.
type lease struct {
	turn chan struct{} // the right to ask the database, taken by sending

	mu    sync.Mutex // guards the rest
	n     int
	until int64 // when n are given up
	full  int64 // when the bucket is full again, as last seen
}

// held is an item that was taken out of a lease, if its wait is 0.
type held struct {
	item
	from *lease
}

func (h held) release() {
	if h.wait == 0 {
		h.from.put(h.n)
	}
}

// hold takes an item out of its lease, which it fills if it must.
func (q *Quota) hold(ctx context.Context, i item) (held, error) {
	if !i.fits() {
		i.full, i.wait = 0, i.never()
		return held{item: i}, nil
	}
	l := q.leases.of(i.bucket, q.Now().UnixNano())
	h := held{item: i, from: l}
	var enough bool
	if h.full, enough = l.take(i.n, q.Now().UnixNano()); enough {
		return h, nil
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return held{}, ctx.Err()
	}
	defer func() { <-l.turn }()
	err := q.fill(ctx, l, &h.item)
	return h, err
}

// fill takes an item out of a lease whose turn the caller has, and first out of the
// database what is missing there.
func (q *Quota) fill(ctx context.Context, l *lease, i *item) (err error) {
	now := q.Now().UnixNano()
	b := l.drain(now)
	defer func() { l.refill(b) }()
	if b.n < i.n {
		if b, err = q.ask(ctx, *i, b, now); err != nil {
			return err
		}
	}
	i.full = b.full
	if b.n >= i.n {
		b.n -= i.n
		return nil
	}
	late := i.late(b.full, i.n-b.n, now)
	if now+late >= b.until { // by then what is left here is gone
		late = i.late(b.full, i.n, now)
	}
	i.wait = wholeMillis(late)
	return nil
}

// ask borrows what a lease is short of. A bucket that had not enough when it was last
// seen is only looked at, which is in nobody's way, for as long as that stays so.
func (q *Quota) ask(ctx context.Context, i item, had balance, now int64) (balance, error) {
	need := i.n - had.n
	if i.late(had.full, need, now) > 0 {
		found, err := selectBuckets(ctx, q.DB, []bucket{i.bucket})
		if err != nil {
			return had, err
		}
		had.full = now
		if full, used := found[i.bucket]; used {
			had.full = full
		}
		if i.late(had.full, need, now) > 0 {
			return had, nil
		}
	}
	return q.borrow(ctx, i, had, now)
}

// borrow adds a block to what a lease has, less if there is less, or nothing if that
// would not be enough.
func (q *Quota) borrow(ctx context.Context, i item, had balance, now int64) (balance, error) {
	need := i.n - had.n
	block := max(need, i.block())
	var got int
	var full int64
	err := q.DB.Tx(ctx, func(tx *store.Tx) error {
		i.n, got = block, block
		moved, err := moveBuckets(ctx, tx, now, moves([]item{i}, 1))
		if err != nil {
			return err
		}
		full = moved[i.bucket]
		late := i.late(full, 0, now)
		if late <= 0 {
			return nil
		}
		unit := i.cost(1)
		if got -= int(min(int64(block), (late+unit-1)/unit)); got < need {
			got = 0
		}
		i.n = block - got
		full -= i.cost(i.n)
		return giveBack(ctx, tx, now, []item{i})
	})
	if err != nil {
		return had, err
	}
	if got == 0 {
		return balance{n: had.n, until: had.until, full: full}, nil
	}
	return balance{n: had.n + got, until: now + i.window(), full: full}, nil
}

// balance is the state of a lease.
type balance struct {
	n           int
	until, full int64
}

// take takes n if the lease has them, and tells when the bucket is full again.
func (l *lease) take(n int, now int64) (full int64, enough bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now >= l.until || l.n < n {
		return 0, false
	}
	l.n -= n
	return l.full, true
}

// put gives n back. If the lease has been given up, so are they.
func (l *lease) put(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += n
}

// drain takes all that the lease has, for the one who fills it.
func (l *lease) drain(now int64) balance {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now >= l.until {
		l.n = 0
	}
	b := balance{n: l.n, until: l.until, full: l.full}
	l.n = 0
	return b
}

// refill is the end of drain. Others may have put something back since.
func (l *lease) refill(b balance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += b.n
	l.until, l.full = b.until, b.full
}

// idle tells whether nothing is lost if the lease is forgotten.
func (l *lease) idle(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now >= l.until && now >= l.full
}

// leases are the leases of a process. Forgetting one that somebody is about to fill
// loses at most what they put there.
type leases struct {
	mu       sync.Mutex // guards the rest
	byBucket map[bucket]*lease
	room     int // when there are so many, the idle ones are forgotten
}

const minLeases = 1024

func newLeases() *leases { return &leases{byBucket: map[bucket]*lease{}, room: minLeases} }

func (s *leases) of(b bucket, now int64) *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byBucket[b]
	if l != nil {
		return l
	}
	if len(s.byBucket) >= s.room {
		s.forgetIdle(now)
	}
	l = &lease{turn: make(chan struct{}, 1)}
	s.byBucket[b] = l
	return l
}

func (s *leases) forgetIdle(now int64) {
	for b, l := range s.byBucket {
		if l.idle(now) {
			delete(s.byBucket, b)
		}
	}
	s.room = 2*len(s.byBucket) + minLeases
}
