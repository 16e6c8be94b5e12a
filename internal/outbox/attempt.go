package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// leaseTime is how long a job belongs to the process that attempts it, and so
	// how long it waits when that process dies.
	leaseTime = 60 * time.Second
	// attemptTime ends an attempt early enough that its result is recorded before
	// the lease runs out.
	attemptTime = 45 * time.Second

	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// Attempt runs held work now, in this process, and waits for its end as long as
// ctx allows: nil when it is done, ErrPending when patience ended first, else the
// handler's error. A failed job is tried again later unless the error wraps
// ErrRefused or the caller withdraws it.
func (o *Outbox) Attempt(ctx context.Context, id string) error {
	row, err := selectJob(ctx, o.DB, id)
	if err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	switch row.state {
	case done:
		return nil
	case dead, withdrawn:
		return fmt.Errorf("%w: the job has ended before", ErrRefused)
	}
	k := o.kinds[row.kind]
	select {
	case k.slots <- struct{}{}:
	case <-ctx.Done():
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

// release gives a lease back unused, for the next free worker.
func (o *Outbox) release(ctx context.Context, row jobRow) error {
	err := rescheduleJob(context.WithoutCancel(ctx), o.DB, row, o.Now(), "")
	o.Wake(row.kind)
	return err
}

// start runs an attempt that holds a slot of k, in the background: a caller who
// stops waiting does not stop the message.
func (o *Outbox) start(k *kind, row jobRow, ended func(error)) {
	o.busy.Go(func() {
		defer func() { <-k.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), attemptTime)
		defer cancel()
		err := o.run(ctx, k, row)
		o.record(k, row, err)
		ended(err)
	})
}

func (o *Outbox) run(ctx context.Context, k *kind, row jobRow) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler of %s panicked: %v", k.name, p)
		}
	}()
	if !row.expires.After(o.Now()) {
		return fmt.Errorf("%w: too late to be of use", ErrRefused)
	}
	payload, err := o.box.Open(row.payload, []byte(row.id))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return k.handle(ctx, Job{ID: row.id, Payload: payload, Attempt: row.attempts})
}

// record writes how the attempt ended. If it cannot, the lease runs out and the
// job is attempted again: late twice rather than never.
func (o *Outbox) record(k *kind, row jobRow, failure error) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime-attemptTime)
	defer cancel()
	now, outcome := o.Now(), Done
	var err error
	switch {
	case failure == nil:
		err = endJob(ctx, o.DB, row.id, done, "", now)
	case errors.Is(failure, ErrRefused):
		outcome = Dead
		err = endJob(ctx, o.DB, row.id, dead, failure.Error(), now)
	default:
		outcome = Retried
		err = rescheduleJob(ctx, o.DB, row, now.Add(delay(row.attempts)), failure.Error())
	}
	o.Observe(k.name, outcome)
	log := o.Log.With("kind", k.name, "job", row.id, "attempt", row.attempts)
	if failure != nil {
		log.Warn("outbox job failed", "outcome", outcome, "error", failure)
	}
	if err != nil {
		log.Error("outbox job not recorded; it will be attempted again", "error", err)
	}
}

// delay doubles with each attempt and is drawn between half and all of that, so
// that jobs that failed together do not come back together.
func delay(attempts int) time.Duration {
	ceiling := min(firstRetry<<min(attempts-1, 20), lastRetry)
	return ceiling/2 + rand.N(ceiling/2)
}
