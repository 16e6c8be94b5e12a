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
	// gather is how long several slots are waited for when there is more to do than slots:
	// each look is a transaction, which one job alone is not worth.
	gather = 20 * time.Millisecond
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
		o.takeAll(ctx, k)
	}
	o.busy.Wait()
}

// work looks for due jobs of one kind, every second and when woken.
func (o *Outbox) work(ctx context.Context, k *kind) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		o.takeAll(ctx, k)
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		case <-tick.C:
		}
	}
}

// takeAll starts what is due, until nothing is.
func (o *Outbox) takeAll(ctx context.Context, k *kind) {
	for wanted := 1; o.takeDue(ctx, k, wanted); {
		wanted = min(k.Slots, leasedAtATime) / 2
	}
}

// takeDue leases as many due jobs as there are free slots, if it can so many as are wanted,
// and starts them. It tells whether there may be more.
func (o *Outbox) takeDue(ctx context.Context, k *kind, wanted int) bool {
	slots := o.takeSlots(ctx, k, wanted)
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

// takeSlots waits for one free slot, and a moment for so many as are wanted, and takes what
// else is free with them.
func (o *Outbox) takeSlots(ctx context.Context, k *kind, wanted int) (taken int) {
	select {
	case k.slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	patience, end := context.WithTimeout(ctx, gather)
	defer end()
	for taken = 1; taken < wanted && patience.Err() == nil; {
		select {
		case k.slots <- struct{}{}:
			taken++
		case <-patience.Done():
		}
	}
	for ; taken < leasedAtATime; taken++ {
		select {
		case k.slots <- struct{}{}:
		default:
			return taken
		}
	}
	return taken
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
