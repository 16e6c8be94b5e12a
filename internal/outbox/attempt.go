package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"signet/internal/store"
)

const (
	// leaseTime is how long a job belongs to the process that attempts it, and so
	// how long it waits when that process dies.
	leaseTime = 60 * time.Second
	// recordTime is the end of a lease, when the attempt is over and its result is
	// recorded.
	recordTime = 15 * time.Second

	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// Attempt runs held work now, in this process, and waits for its end as long as
// ctx allows: nil when it is done, ErrPending when patience ended first, else the
// handler's error. A failed job is tried again later unless the error wraps
// ErrRefused or the caller withdraws it. Without the lease, because the job was
// known before, Attempt only waits. A ticket is good for one call.
func (o *Outbox) Attempt(ctx context.Context, t Ticket) error {
	if t.lease == nil {
		return o.Wait(ctx, t.kind, t.key)
	}
	row := *t.lease
	k := o.kinds[row.kind]
	if !k.enter(ctx) {
		return errors.Join(ErrPending, o.release(ctx, row))
	}
	ended := make(chan error, 1)
	o.start(k, row, func(err error) { ended <- err })
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ErrPending
	}
}

// enter takes a slot, and waits for one as long as ctx allows. One that is free is had also by
// whose patience has ended.
func (k *kind) enter(ctx context.Context) bool {
	select {
	case k.slots <- struct{}{}:
		return true
	default:
	}
	select {
	case k.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// lookAgain is how often Wait looks whether a job has ended, in whatever replica.
const lookAgain = 50 * time.Millisecond

// Wait waits for the end of the job of that kind and key as long as ctx allows. The
// error is nil when it is done, ErrRefused when it ended otherwise, ErrPending when
// patience ended first, ErrUnknownJob when there is none.
func (o *Outbox) Wait(ctx context.Context, kind, key string) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		now, err := o.look(ctx, kind, key)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrUnknownJob
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("reading a job: %w", err)
		case now == done:
			return nil
		case now == dead, now == withdrawn:
			return fmt.Errorf("%w: the job has ended before", ErrRefused)
		}
		select {
		case <-ctx.Done():
			return ErrPending
		case <-tick.C:
		}
	}
}

// look finds out where a job stands. The ledger is asked first: a job leaves it after it
// was recorded.
func (o *Outbox) look(ctx context.Context, kind, key string) (state, error) {
	if o.ledger.has(func(r jobRow) bool { return r.kind == kind && r.key == key }) {
		return done, nil
	}
	return selectStateByKey(ctx, o.DB, kind, key)
}

// release gives a lease back unused, for the next free worker.
func (o *Outbox) release(ctx context.Context, row jobRow) error {
	err := rescheduleJob(context.WithoutCancel(ctx), o.DB, row, o.Now(), "")
	o.Wake(row.kind)
	return err
}

// start runs an attempt that holds a slot of k, in the background: a caller who
// stops waiting does not stop the message. Of a lease that has run for a while, the
// attempt has only the rest.
func (o *Outbox) start(k *kind, row jobRow, ended func(error)) {
	o.busy.Go(func() {
		defer func() { <-k.slots }()
		left := row.leaseUntil.Sub(o.Now()) - recordTime
		ctx, cancel := context.WithTimeout(context.Background(), min(left, leaseTime-recordTime))
		defer cancel()
		if ctx.Err() != nil {
			ended(errors.Join(ErrPending, o.release(ctx, row)))
			return
		}
		err := o.run(ctx, k, row)
		o.record(k, row, err)
		ended(err)
	})
}

func (o *Outbox) run(ctx context.Context, k *kind, row jobRow) (err error) {
	defer recovered(k, &err)
	if !row.expires.After(o.Now()) {
		return fmt.Errorf("%w: too late to be of use", ErrRefused)
	}
	payload, err := o.box.Open(row.payload, []byte(row.id))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return k.Attempt(ctx, Job{ID: row.id, Payload: payload, Attempt: row.attempts})
}

// recovered makes an error of a panic in what a kind's owner wrote.
func recovered(k *kind, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the handler of %s panicked: %v", k.Name, p)
	}
}

// record writes how the attempt ended, at once unless the job is done. Another process
// that has taken the job over since decides about a failure of its own. What cannot be
// written is attempted again when the lease has run out: twice rather than never.
func (o *Outbox) record(k *kind, row jobRow, failure error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	now, outcome := o.Now(), Done
	var err error
	switch {
	case failure == nil:
		o.finish(row)
	case errors.Is(failure, ErrRefused):
		outcome = Dead
		err = o.bury(ctx, k, row, failure)
	default:
		outcome = Retried
		err = rescheduleJob(ctx, o.DB, row, now.Add(k.delay(row.attempts)), failure.Error())
	}
	o.Observe(k.Name, outcome)
	log := o.Log.With("kind", k.Name, "job", row.id, "attempt", row.attempts)
	if failure != nil {
		log.Warn("outbox job failed", "outcome", outcome, "error", failure)
	}
	if err != nil {
		log.Error("outbox job not recorded; it will be attempted again", "error", err)
	}
}

// bury ends a job for good, together with what its kind does about that.
func (o *Outbox) bury(ctx context.Context, k *kind, row jobRow, why error) (err error) {
	defer recovered(k, &err)
	payload, _ := o.box.Open(row.payload, []byte(row.id)) // if it cannot be opened, that is why
	return o.DB.Tx(ctx, func(tx *store.Tx) error {
		buried, err := buryJob(ctx, tx, row, why.Error(), o.Now())
		if err != nil || !buried || k.Died == nil {
			return err
		}
		return k.Died(ctx, tx, Job{ID: row.id, Payload: payload, Attempt: row.attempts})
	})
}

// delay doubles with each attempt and is drawn between half and all of that, so
// that jobs that failed together do not come back together.
func (k Kind) delay(attempts int) time.Duration {
	first, last := cmp.Or(k.FirstRetry, firstRetry), cmp.Or(k.LastRetry, lastRetry)
	ceiling := min(first<<min(attempts-1, 20), last)
	return ceiling/2 + rand.N(ceiling/2)
}
