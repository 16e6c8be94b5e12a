package inbound

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
)

// Status is how much of other servers is still to be dealt with.
type Status struct {
	Backlog int64     // events that wait
	GivenUp int64     // events that were not to be dealt with, of the last day
	Oldest  time.Time // when that came which waits for longest; zero if nothing does
}

// Status reads how much waits.
func (in *Inbound) Status(ctx context.Context) (Status, error) {
	s, err := selectStatus(ctx, in.DB)
	if err != nil {
		return s, fmt.Errorf("counting the backlog: %w", err)
	}
	return s, nil
}

func selectStatus(ctx context.Context, q store.Queryer) (s Status, err error) {
	var oldest int64
	err = q.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM inbound_events WHERE due_ms >= 0), (SELECT COUNT(*) FROM inbound_events WHERE due_ms < 0),
		COALESCE((SELECT MIN(received_ms) FROM inbound_events WHERE due_ms >= 0), 0)`).Scan(&s.Backlog, &s.GivenUp, &oldest)
	if oldest > 0 {
		s.Oldest = store.Time(oldest)
	}
	return s, err
}
