package inbound

import (
	"context"
	"fmt"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Bounds of one look into the past.
const (
	gapsAtOnce   = 5
	maxPast      = 100 // events
	pastServers  = 3
	statesAtOnce = 5 // events of which the state before is asked for
)

// Backfill fetches up to limit events that precede what is here of a part of a room, and tells
// whether there were any.
func (in *Inbound) Backfill(ctx context.Context, roomID string, span room.Span, limit int) (more bool, err error) {
	r, err := in.Rooms.Room(roomID)
	if err != nil {
		return false, err
	}
	give, err := in.turns.Take(ctx, roomID)
	if err != nil {
		return false, err
	}
	defer give()
	gaps, err := in.Rooms.GapsIn(ctx, roomID, span, gapsAtOnce)
	if err != nil || len(gaps) == 0 {
		return false, err
	}
	servers, err := in.others(ctx, r)
	if err != nil {
		return false, err
	}
	err = each(ctx, servers, func(server matrix.ServerName) (err error) {
		more, err = in.backfillBy(ctx, server, r, gaps, min(limit, maxPast))
		if err == nil && !more {
			err = ErrNoServer
		}
		return err
	})
	return more, err
}

// others are some other servers in a room, those of its aliases and first members rather
// than others being unknown.
func (in *Inbound) others(ctx context.Context, r *room.Room) (servers []matrix.ServerName, err error) {
	joined, err := in.Rooms.JoinedServers(ctx, r)
	for _, server := range joined {
		if server != in.ServerName && len(servers) < pastServers {
			servers = append(servers, server)
		}
	}
	return servers, err
}

func (in *Inbound) backfillBy(ctx context.Context, server matrix.ServerName, r *room.Room, gaps []string, limit int) (more bool, err error) {
	raw, err := in.Remote.Backfill(ctx, server, matrix.RoomID(r.ID()), gaps, limit)
	if err != nil {
		return false, err
	}
	byID := map[string]*event.Event{}
	for _, e := range in.read(ctx, r.ID(), r.Version(), raw[:min(len(raw), maxPast+gapsAtOnce)]) {
		byID[e.ID()] = e
	}
	return in.history(ctx, server, r, inOrder(gaps, byID))
}

// history stores events of the past, the earliest first, with what they rest on, and tells
// whether any was new.
func (in *Inbound) history(ctx context.Context, server matrix.ServerName, r *room.Room, events []*event.Event) (more bool, err error) {
	if err := in.authOf(ctx, server, r, events); err != nil {
		return false, err
	}
	arrivals, known, states := []room.Arrival(nil), map[string]bool{}, 0
	for _, e := range events {
		lacking, err := in.lacking(ctx, r, e, known)
		if err != nil {
			return false, err
		}
		a := room.Arrival{Event: e}
		if lacking {
			if states++; states > statesAtOnce {
				continue
			}
			if a.Before, err = in.stateBefore(ctx, server, r, e); err != nil {
				return false, err
			}
		}
		known[e.ID()] = true
		arrivals = append(arrivals, a)
	}
	verdicts, err := in.Rooms.History(ctx, r.ID(), arrivals)
	for _, v := range verdicts {
		more = more || v.Outcome == room.Past || v.Outcome == room.Rejected
	}
	return more, err
}

// lacking tells whether the state before an event is known neither from what is here nor
// from what comes before it.
func (in *Inbound) lacking(ctx context.Context, r *room.Room, e *event.Event, coming map[string]bool) (bool, error) {
	stateless, err := in.Rooms.Stateless(ctx, r.ID(), e.PrevEvents())
	for _, id := range stateless {
		if !coming[id] {
			return !e.Is("m.room.create", ""), err
		}
	}
	return false, err
}

// authOf brings what events rest on here, as far as it is not among them.
func (in *Inbound) authOf(ctx context.Context, server matrix.ServerName, r *room.Room, events []*event.Event) error {
	coming := map[string]bool{}
	for _, e := range events {
		unknown, err := in.Rooms.Unknown(ctx, r.ID(), e.AuthEvents())
		if err != nil {
			return err
		}
		for _, id := range unknown {
			if coming[id] {
				continue
			}
			if err := in.fetchAuth(ctx, server, r, e); err != nil {
				return err
			}
			break
		}
		coming[e.ID()] = true
	}
	return nil
}

// At brings the event of other servers that is next to a time here, and tells its id; empty
// if there is none.
func (in *Inbound) At(ctx context.Context, roomID string, ts int64, back bool) (eventID string, err error) {
	r, err := in.Rooms.Room(roomID)
	if err != nil {
		return "", err
	}
	give, err := in.turns.Take(ctx, roomID)
	if err != nil {
		return "", err
	}
	defer give()
	servers, err := in.others(ctx, r)
	if err != nil {
		return "", err
	}
	err = each(ctx, servers, func(server matrix.ServerName) (err error) {
		eventID, err = in.atBy(ctx, server, r, time.UnixMilli(ts), back)
		return err
	})
	return eventID, err
}

func (in *Inbound) atBy(ctx context.Context, server matrix.ServerName, r *room.Room, near time.Time, back bool) (string, error) {
	closest, err := in.Remote.TimestampToEvent(ctx, server, matrix.RoomID(r.ID()), near, back)
	if err != nil {
		return "", err
	}
	unknown, err := in.Rooms.Stateless(ctx, r.ID(), []string{closest.EventID})
	if err != nil || len(unknown) == 0 {
		return closest.EventID, err
	}
	raw, err := in.Remote.Event(ctx, server, closest.EventID)
	if err != nil {
		return "", err
	}
	e, err := r.Version().Parse(raw)
	if err != nil || e.ID() != closest.EventID || e.RoomID() != r.ID() {
		return "", ErrForeign
	}
	if err := in.verify(ctx, e); err != nil {
		return "", err
	}
	if _, err := in.history(ctx, server, r, []*event.Event{e}); err != nil {
		return "", fmt.Errorf("storing an event of the past: %w", err)
	}
	return e.ID(), nil
}
