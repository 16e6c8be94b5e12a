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
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Published, s.Err = l.served.N, l.failure
	if l.refused != nil {
		s.Err = l.refused
	}
	return s, nil
}
