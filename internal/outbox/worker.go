package outbox

import (
	"context"
	"sync"
	"time"
)

const (
	// lookEvery bounds how late a due job of another replica is found.
	lookEvery = time.Second
	// Ended jobs are forgotten: done and withdrawn ones after a day, until which their
	// key is refused again, dead ones after a week.
	keepDone      = 24 * time.Hour
	keepDead      = 7 * 24 * time.Hour
	leasedAtATime = 16
	// sweptAtATime keeps others from waiting long behind a sweep.
	sweptAtATime = 1000
)

// Run attempts due jobs until ctx ends, then waits for the attempts under way.
func (o *Outbox) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for _, k := range o.kinds {
		workers.Go(func() { o.work(ctx, k) })
	}
	workers.Wait()
	o.busy.Wait()
	return nil
}

// AttemptDue attempts what is due now, and returns when that has ended and is recorded. It
// is one look of Run, for those who would otherwise have to wait for it.
func (o *Outbox) AttemptDue(ctx context.Context) {
	for _, k := range o.kinds {
		for o.takeDue(ctx, k) {
		}
	}
	o.busy.Wait()
}

// work looks for due jobs of one kind, every second and when woken.
func (o *Outbox) work(ctx context.Context, k *kind) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		for o.takeDue(ctx, k) {
		}
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-tick.C:
		}
	}
}

// takeDue leases as many due jobs as there are free slots and starts them. It
// tells whether there may be more.
func (o *Outbox) takeDue(ctx context.Context, k *kind) bool {
	slots := o.takeSlots(ctx, k)
	if slots == 0 {
		return false
	}
	rows, err := leaseJobs(ctx, o.DB, k.Name, o.Now(), slots)
	if err != nil && ctx.Err() == nil {
		o.Log.Error("outbox cannot look for work", "kind", k.Name, "error", err)
	}
	for range slots - len(rows) {
		<-k.slots
	}
	for _, row := range rows {
		o.start(k, row, func(error) {})
	}
	return len(rows) == slots
}

// takeSlots waits for one free slot and takes what else is free with it.
func (o *Outbox) takeSlots(ctx context.Context, k *kind) int {
	select {
	case k.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < leasedAtATime; n++ {
		select {
		case k.slots <- struct{}{}:
		default:
			return n
		}
	}
	return leasedAtATime
}

// Sweep forgets jobs that ended long ago, in steps of a transaction each.
func (o *Outbox) Sweep(ctx context.Context) error {
	now := o.Now()
	for {
		deleted, err := deleteEnded(ctx, o.DB, now.Add(-keepDone), now.Add(-keepDead), sweptAtATime)
		if err != nil || deleted < sweptAtATime {
			return err
		}
	}
}
