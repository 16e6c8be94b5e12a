package log

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
)

// Status is how a log fares, for operators.
type Status struct {
	Size      int64     // entries committed
	Published int64     // entries that the newest checkpoint covers, as this process has shown it
	Signed    time.Time // of the EPOCH that ends that checkpoint; zero before the first
	Epoch     time.Time // of the newest entry; zero in an empty log
	Leads     bool      // this process holds the lease
	Until     time.Time // end of the lease, whoever holds it
	// Err is why the last pass failed, ErrRolledBack if that stays; nil if all is well.
	Err error
}

// Status tells how the log fares.
func (l *Log) Status(ctx context.Context) (Status, error) {
	h, err := selectHead(ctx, l.DB, l.Name)
	if err != nil {
		return Status{}, fmt.Errorf("reading the head: %w", err)
	}
	held, err := selectLease(ctx, l.DB, l.Name)
	if err != nil {
		return Status{}, fmt.Errorf("reading the lease: %w", err)
	}
	s := Status{Size: h.N, Epoch: store.Time(h.ms), Leads: held.holder == l.holder && held.until.After(l.Now()), Until: held.until}
	s.Published, s.Err = l.fares()
	if s.Published > 0 {
		epoch, err := l.epochBefore(ctx, s.Published)
		if err != nil && s.Err == nil {
			return Status{}, fmt.Errorf("reading the newest checkpoint's EPOCH: %w", err)
		}
		s.Signed = epoch.Time
	}
	return s, nil
}

// fares is what this process knows without asking the database.
func (l *Log) fares() (published int64, failure error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return l.served.N, l.refused
	}
	return l.served.N, l.failure
}
