package log

import (
	"context"
	"errors"
	"time"

	"signet/internal/store"
)

// retryMax bounds how long a failing log waits before it tries again.
const retryMax = 10 * time.Second

// Run sequences until ctx ends: what was committed is sealed at the next poll or Wake, at most
// one and a quarter polls later, and meanwhile the map and the guard of a replica that stands by follow. It gives up the lease
// when it ends. Only one Run of a Log may run.
func (l *Log) Run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		sealed, err := l.Seal(ctx)
		switch {
		case err == nil, errors.Is(err, ErrSuperseded), errors.Is(err, store.ErrBusy):
			failures = 0
		case ctx.Err() == nil:
			failures++
			l.fail(ctx, err)
		}
		if sealed <= int64(l.Limit) {
			l.rest(ctx, sealed > 0, failures)
			continue
		}
		// There may be more. Others write, too, and have as much of the time as this had the
		// database to itself.
		l.sleep(ctx, l.lastAppend(), nil)
	}
	return l.resign(ctx)
}

func (l *Log) lastAppend() time.Duration {
	l.sequencing.Lock()
	defer l.sequencing.Unlock()
	return l.wrote
}

// fail lets another replica try, whose disk may be sound. A database that went back is
// nobody's to go on with.
func (l *Log) fail(ctx context.Context, err error) {
	l.Log.Error("the log is not sealed", "log", l.Name, "error", err)
	if errors.Is(err, ErrRolledBack) {
		return
	}
	if err := l.resign(ctx); err != nil {
		l.Log.Error("the lease of the log is kept", "log", l.Name, "error", err)
	}
}

// rest waits for the next poll, or for Wake.
func (l *Log) rest(ctx context.Context, sealed bool, failures int) {
	if failures > 0 {
		l.sleep(ctx, min(l.Poll<<min(failures, 16), retryMax), nil)
		return
	}
	if sealed { // those who come together share an EPOCH
		l.sleep(ctx, l.Poll/4, nil)
	}
	l.sleep(ctx, l.Poll, l.wake)
}

func (l *Log) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-wake:
	case <-time.After(d):
	}
}

// Wake makes Run seal soon instead of at its next poll. It is for after the commit of what
// is to be logged.
func (l *Log) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // one is waiting already
	}
}
