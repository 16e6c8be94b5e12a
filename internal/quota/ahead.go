package quota

import (
	"context"
	"time"

	"signet/internal/store"
)

// ahead tells whether exact budgets are charged before the caller's transaction instead
// of within it. PostgreSQL keeps a row locked until COMMIT, and SERIALIZABLE then fails
// whoever waited for it, so all requests that share a subject would be rivals for as long
// as their transactions take. A statement of its own keeps the row only for itself,
// and rivals wait for it. On SQLite writers take turns anyway, and each commit of its own
// is one more fsync.
func (q *Quota) ahead() bool { return q.DB.Engine() == store.PostgreSQL }

// chargeAhead charges the exact ones, all or none. It looks first, so that what is
// refused is in nobody's way unless rivals took the last in between.
func (r *Reservation) chargeAhead(ctx context.Context) error {
	r.now = r.quota.Now().UnixNano()
	full, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.judge(full)
	enough, _ := r.divide(r.exact)
	full, err = moveAlone(ctx, r.quota.DB, r.now, moves(enough, 1))
	r.judge(full)
	for _, i := range r.exact {
		if _, moved := full[i.bucket]; moved {
			r.taken = append(r.taken, i)
		}
	}
	if err != nil {
		return err // and Release gives back what is taken
	}
	var excess []item
	r.taken, excess = r.divide(r.taken)
	return r.undo(ctx, excess)
}

// look tells when the exact ones' buckets would be full if they were charged now.
func (r *Reservation) look(ctx context.Context) (map[bucket]int64, error) {
	full := map[bucket]int64{}
	var buckets []bucket
	for _, i := range r.exact {
		if i.fits() {
			buckets = append(buckets, i.bucket)
			full[i.bucket] = r.now + i.cost(i.n)
		}
	}
	found, err := selectBuckets(ctx, r.quota.DB, buckets)
	for b, moment := range found {
		full[b] += max(0, moment-r.now)
	}
	return full, err
}

// undo gives back what went too far, but for what has come back by itself since it was
// charged: while it lay there, a bucket that would have been full may have been refilling,
// and must not end up fuller than if it had never been charged.
func (r *Reservation) undo(ctx context.Context, excess []item) error {
	now := r.quota.Now().UnixNano()
	back := moves(excess, -1)
	for at := range back {
		back[at].by = min(0, back[at].by+max(0, now-r.now))
	}
	ctx, cancel := outlive(ctx)
	defer cancel()
	_, err := moveAlone(ctx, r.quota.DB, now, back)
	return err
}

// giveBackAhead gives back what was charged ahead and comes to nothing.
func (r *Reservation) giveBackAhead() {
	if len(r.taken) == 0 {
		return
	}
	ctx, cancel := outlive(context.Background())
	defer cancel()
	if _, err := moveAlone(ctx, r.quota.DB, r.quota.Now().UnixNano(), moves(r.taken, -1)); err != nil {
		r.quota.Log.Error("released budgets stay used up until they come back by themselves", "error", err)
	}
}

// patience bounds how long what must be given back waits for the database.
const patience = 10 * time.Second

// outlive is a context for what must be done though the caller goes away.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
