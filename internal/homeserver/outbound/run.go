package outbound

import (
	"context"
	"time"
)

const (
	// tick is how long Run waits at most before it looks again.
	tick = time.Minute
	// recheck is how often it looks into the tables for what nobody has told it: a batch of
	// the stream that fails takes the news with it of what was stored before.
	recheck = 5 * time.Minute
)

// Run sends until ctx ends, and then waits for what is under way to end too.
func (o *Outbound) Run(ctx context.Context) error {
	defer o.busy.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	again := o.Now().Add(recheck)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.poke:
		case <-timer.C:
		}
		if now := o.Now(); !now.Before(again) {
			again = now.Add(recheck)
			o.lookInto(ctx)
		}
		timer.Reset(o.launch(ctx))
	}
}

// lookInto wakes all for whom something waits.
func (o *Outbound) lookInto(ctx context.Context) {
	waiting, err := selectWaiting(ctx, o.DB)
	if err != nil {
		o.Log.Error("the queue to other servers cannot be read", "error", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range waiting {
		o.wake(o.destination(name))
	}
}

// launch gives workers to those that are ready, as long as there are slots, and says how long
// nobody else will be.
func (o *Outbound) launch(ctx context.Context) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.Now(); !o.next.IsZero() && !now.Before(o.next) {
		o.next = time.Time{}
		for _, d := range o.known {
			o.schedule(d)
		}
	}
	for class := range o.ready {
		for o.slots[class] > 0 && len(o.ready[class]) > 0 {
			d := o.ready[class][0]
			o.ready[class] = o.ready[class][1:]
			o.slots[class]--
			d.queued, d.working = false, true
			o.busy.Go(func() {
				o.work(ctx, d)
				o.release(ctx, d, class)
			})
		}
	}
	if o.next.IsZero() {
		return tick
	}
	return min(max(o.next.Sub(o.Now()), 0), tick)
}

// release takes a worker's slot back.
func (o *Outbound) release(ctx context.Context, d *destination, class int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.slots[class]++
	d.working = false
	if ctx.Err() == nil {
		o.schedule(d)
	}
	o.look()
}

// taken says that a worker has seen all that was queued so far. It is to be called before the
// tables are read.
func (o *Outbound) taken(d *destination) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.pending = false
}

// idle tells whether nothing was queued since taken.
func (o *Outbound) idle(d *destination) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !d.pending
}
