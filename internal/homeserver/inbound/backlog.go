package inbound

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Bounds of the backlog.
const (
	maxAttempts = 3
	maxBacklog  = 20_000 // events of a room
	maxOfServer = 5000   // and those that one server has sent
	firstPause  = time.Minute
	keptFor     = 24 * time.Hour
	roomsAtOnce = 4
	eventLife   = 2 * time.Minute // of one attempt
	pollEvery   = 30 * time.Second
)

// attempts is how often an event was dealt with in vain, and counted as one once it is in
// the backlog, as its origin has sent it: another may have sent a copy that is none.
func (in *Inbound) attempts(ctx context.Context, a arrival) (int, error) {
	n, err := selectAttempts(ctx, in.DB, a.event.ID(), a.origin)
	if err != nil {
		return 0, fmt.Errorf("looking into the backlog: %w", err)
	}
	return n, nil
}

// putOff stores an event that is dealt with later. The error is ErrBacklog.
func (in *Inbound) putOff(ctx context.Context, a arrival, attempts int) error {
	all, own, err := countBacklog(ctx, in.DB, a.roomID, a.origin)
	if err != nil {
		return fmt.Errorf("looking into the backlog: %w", err)
	}
	if all >= maxBacklog || own >= maxOfServer {
		return ErrBacklog
	}
	now := in.Now()
	due := now
	if attempts > 0 {
		due = now.Add(firstPause)
	}
	row := backlogRow{seq: in.seq.Add(1), eventID: a.event.ID(), roomID: a.roomID, origin: a.origin, attempts: max(attempts, 1), due: due.UnixMilli(), json: a.raw}
	if attempts == 0 {
		row.attempts = waiting
	}
	if err := insertBacklog(ctx, in.DB, row, now); err != nil {
		return fmt.Errorf("storing an event for later: %w", err)
	}
	select {
	case in.wake <- struct{}{}:
	default:
	}
	return nil
}

// comeAgain deals with an event of the backlog that was sent once more, if all that it rests
// on has come meanwhile. Nobody is asked for it, and it is not counted.
func (in *Inbound) comeAgain(ctx context.Context, a arrival) error {
	if a.room == nil || !in.Rooms.Resident(a.roomID) {
		return nil
	}
	before, err := in.Rooms.Stateless(ctx, a.roomID, a.event.PrevEvents())
	if err != nil {
		return err
	}
	cited, err := in.Rooms.Unknown(ctx, a.roomID, a.event.AuthEvents())
	if err != nil || len(before)+len(cited) > 0 {
		return err
	}
	if err := in.handle(ctx, a); err != nil {
		return nil // what is in the backlog may be right all the same
	}
	return deleteBacklog(ctx, in.DB, backlogRow{eventID: a.event.ID(), origin: a.origin})
}

// Run deals with the backlog until the context ends.
func (in *Inbound) Run(ctx context.Context) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		if err := in.Drain(ctx); err != nil && ctx.Err() == nil {
			in.Log.ErrorContext(ctx, "the backlog cannot be dealt with", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-in.wake:
		case <-poll.C:
		}
	}
}

// Drain deals once with all of the backlog that is due, a few rooms at a time.
func (in *Inbound) Drain(ctx context.Context) error {
	now := in.Now()
	if err := deleteGivenUp(ctx, in.DB, now.Add(-keptFor)); err != nil {
		return fmt.Errorf("clearing the backlog: %w", err)
	}
	rooms, err := selectBacklogRooms(ctx, in.DB, now)
	if err != nil {
		return fmt.Errorf("reading the backlog: %w", err)
	}
	var workers sync.WaitGroup
	next := make(chan string)
	for range min(roomsAtOnce, len(rooms)) {
		workers.Go(func() {
			for id := range next {
				in.drainRoom(ctx, id, now)
			}
		})
	}
	for _, id := range rooms {
		next <- id
	}
	close(next)
	workers.Wait()
	return nil
}

func (in *Inbound) drainRoom(ctx context.Context, roomID string, now time.Time) {
	for after := int64(0); ctx.Err() == nil; {
		row, err := selectBacklogNext(ctx, in.DB, roomID, after, now)
		if err != nil || row.eventID == "" {
			return
		}
		after = row.seq
		if err := in.retry(ctx, row); err != nil {
			in.Log.WarnContext(ctx, "an event of the backlog is not dealt with", "event", row.eventID, "error", err)
		}
	}
}

// retry deals with an event of the backlog. That it is tried is stored first: whatever
// happens then, it is not tried for ever.
func (in *Inbound) retry(ctx context.Context, row backlogRow) error {
	tried := max(row.attempts, 0) + 1
	due := in.Now().Add(firstPause << min(tried, 6)).UnixMilli()
	if tried >= maxAttempts {
		due = givenUp
	}
	if err := updateBacklog(ctx, in.DB, row, tried, due); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, eventLife)
	defer cancel()
	a, err := in.open(row.origin, row.roomID, row.json)
	if err == nil {
		err = in.mayCome(ctx, a)
	}
	if err == nil {
		var give func()
		if give, err = in.turn(ctx, row.origin, row.roomID); err == nil {
			err = in.handle(ctx, a)
			give()
		}
	}
	if a.event != nil && isPassing(err) {
		return err
	}
	return deleteBacklog(context.WithoutCancel(ctx), in.DB, row)
}
