package log

import (
	"context"
	"fmt"
	"time"
)

// lease is the right to append.
type lease struct {
	holder string
	until  time.Time
}

// wrongClock is how far ahead no lease ends unless by a wrong clock, which would otherwise
// keep everybody from sequencing until that time.
const wrongClock = time.Hour

// lead tells whether this process holds the lease, which it renews in time, and takes if
// nobody holds it. What is appended is checked against the lease again, in its transaction.
func (l *Log) lead(ctx context.Context) (bool, error) {
	now := l.Now()
	held, err := selectLease(ctx, l.DB, l.Name)
	if err != nil {
		return false, fmt.Errorf("reading the lease: %w", err)
	}
	left, mine := held.until.Sub(now), held.holder == l.holder
	if mine && left > l.Lease/2 && left <= l.Lease {
		return true, nil
	}
	if !mine && left > 0 && left <= wrongClock { // the usual case of a replica costs no writing transaction
		return false, nil
	}
	taken, err := takeLease(ctx, l.DB, l.Name, lease{l.holder, now.Add(l.Lease)}, now, now.Add(wrongClock))
	if err != nil {
		return false, fmt.Errorf("taking the lease: %w", err)
	}
	return taken, nil
}

// resignTimeout is how long an ending process waits for the database.
const resignTimeout = 5 * time.Second

// resign gives the lease up, so that another need not wait until it ends. It does so after
// ctx has ended, too.
func (l *Log) resign(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resignTimeout)
	defer cancel()
	if err := endLease(ctx, l.DB, l.Name, l.holder); err != nil {
		return fmt.Errorf("giving up the lease: %w", err)
	}
	return nil
}
