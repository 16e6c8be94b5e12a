package outbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// gatherTime is how long the first job of a group waits to be recorded.
	gatherTime = 5 * time.Millisecond
	// recordedAtATime is how many jobs a statement records at most.
	recordedAtATime = 256
)

// ledger holds the jobs that are done and not recorded yet. They are recorded in groups:
// a commit for each would cost as much as the one that put it. Whoever asks in this
// process hears that they are done. It is ready for use as it is.
type ledger struct {
	writing sync.Mutex // held by the one who records a group, while the next one gathers
	mu      sync.Mutex // guards the rest
	open    []jobRow   // in no group yet
	taken   []jobRow   // in the group that is being recorded
}

// add notes a job that is done. The one who is told that it is the first of a group has
// to see to it that the group is recorded.
func (l *ledger) add(row jobRow) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, row)
	return len(l.open) == 1
}

// has tells whether a job is done as far as the ledger knows. One that has left it is
// done in the database.
func (l *ledger) has(is func(jobRow) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.open, is) || slices.ContainsFunc(l.taken, is)
}

// record gives write the ids of a group. What it cannot write is forgotten.
func (l *ledger) record(write func(ids []string)) {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	l.open, l.taken = nil, l.open
	l.mu.Unlock()
	ids := make([]string, len(l.taken)) // it changes only under writing
	for i, row := range l.taken {
		ids[i] = row.id
	}
	write(ids)
	l.mu.Lock()
	l.taken = nil
	l.mu.Unlock()
}

// finish notes that a job is done and lets it be recorded soon. Where Run does not wait
// for that any more, or not yet, it happens all the same.
func (o *Outbox) finish(row jobRow) {
	if !o.ledger.add(row) {
		return
	}
	o.busy.Go(func() {
		time.Sleep(gatherTime)
		o.ledger.record(o.writeDone)
	})
}

// writeDone records a group. If it cannot, their leases run out and the jobs are
// attempted again: twice rather than never.
func (o *Outbox) writeDone(ids []string) {
	ctx, cancel := context.WithTimeout(context.Background(), recordTime)
	defer cancel()
	for some := range slices.Chunk(ids, recordedAtATime) {
		if err := finishJobs(ctx, o.DB, some, o.Now()); err != nil {
			o.Log.Error("outbox jobs are done and not recorded; they will be attempted again", "jobs", some, "error", err)
		}
	}
}
