package outbound

import (
	"context"
	"fmt"
	"time"

	"signet/internal/store"
)

// Status is how much waits for other servers.
type Status struct {
	Events, EDUs int64
	Oldest       time.Time // when that was queued which waits for longest; zero if nothing does
	Away         int       // servers that failed and are left alone until they are due, or heard of
	Sending      int       // servers that are sent to at the moment
}

// Status reads how much waits.
func (o *Outbound) Status(ctx context.Context) (s Status, err error) {
	if s, err = selectStatus(ctx, o.DB); err != nil {
		return s, fmt.Errorf("counting what waits for other servers: %w", err)
	}
	now := o.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.known {
		if d.failures > 0 && now.Before(d.due) {
			s.Away++
		}
	}
	for class, free := range o.slots {
		s.Sending += atOnce[class] - free
	}
	return s, nil
}

func selectStatus(ctx context.Context, q store.Queryer) (s Status, err error) {
	var event, edu int64
	err = q.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM outbound_events), (SELECT COUNT(*) FROM outbound_edus),
		COALESCE((SELECT MIN(queued_ms) FROM outbound_events), 0), COALESCE((SELECT MIN(queued_ms) FROM outbound_edus), 0)`).
		Scan(&s.Events, &s.EDUs, &event, &edu)
	if event == 0 || edu != 0 && edu < event {
		event = edu
	}
	if event != 0 {
		s.Oldest = store.Time(event)
	}
	return s, err
}
