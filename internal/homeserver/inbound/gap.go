package inbound

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Bounds of what is asked for because of one event.
const (
	maxMissing = 20  // events of a gap that are asked for at a time
	maxAsked   = 10  // times
	maxSingle  = 100 // events that are asked for one by one
)

// take has an event accepted, and asks its origin for what it rests on: for what lies between
// first, since what it cites is most often there.
func (in *Inbound) take(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) (room.Verdict, error) {
	v, err := in.Rooms.Accept(ctx, r.ID(), room.Arrival{Event: e})
	if _, lacks := errors.AsType[room.MissingEvents](err); !lacks {
		return v, err
	}
	gaps, err := in.Rooms.Stateless(ctx, r.ID(), e.PrevEvents())
	if err != nil {
		return v, err
	}
	ctx, cancel := in.patience(ctx, origin, r)
	defer cancel()
	if len(gaps) > 0 {
		if err := in.fill(ctx, origin, r, e); err != nil {
			return v, err
		}
	}
	return in.acceptAnyhow(ctx, origin, r, e)
}

// strangersPart is the part of Patience that there is for a server which nobody in the room
// is of, as far as is known here: it may have come just now, or only want to hold the room up.
const strangersPart = 6

// patience bounds how long a room waits for what a server answers about an event of its.
func (in *Inbound) patience(ctx context.Context, origin matrix.ServerName, r *room.Room) (context.Context, context.CancelFunc) {
	if p, err := in.Rooms.PresenceOf(ctx, r, origin); err == nil && p.Joined {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, in.Patience/strangersPart)
}

// acceptAnyhow is room.Accept for an event that may rest on what is not here. Where what it
// follows is missing, its origin says what the state was, and so what it may cite; and where
// that does not suffice, what it does cite.
func (in *Inbound) acceptAnyhow(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) (room.Verdict, error) {
	a := room.Arrival{Event: e}
	v, err := in.Rooms.Accept(ctx, r.ID(), a)
	if _, lacks := errors.AsType[room.MissingEvents](err); !lacks {
		return v, err
	}
	gaps, err := in.Rooms.Stateless(ctx, r.ID(), e.PrevEvents())
	if err != nil {
		return v, err
	}
	if len(gaps) > 0 {
		if a.Before, err = in.stateBefore(ctx, origin, r, e); err != nil {
			return v, err
		}
	}
	cited, err := in.Rooms.Unknown(ctx, r.ID(), e.AuthEvents())
	if err == nil && len(cited) > 0 {
		err = in.fetchAuth(ctx, origin, r, e)
	}
	if err != nil {
		return v, err
	}
	return in.Rooms.Accept(ctx, r.ID(), a)
}

// fill asks for the events between the room's end and an event, and takes them in, the
// earliest first. What it does not get is a gap.
func (in *Inbound) fill(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) error {
	between, err := in.between(ctx, origin, r, e)
	if err != nil {
		return err
	}
	asks := true
	for _, missing := range between {
		if asks {
			missing, asks = in.whole(ctx, origin, r, missing)
		}
		if _, err := in.acceptAnyhow(ctx, origin, r, missing); err != nil {
			if ctx.Err() != nil {
				return err
			}
			in.Log.WarnContext(ctx, "an event of a gap is not taken in", "event", missing.ID(), "error", err)
		}
	}
	return nil
}

// between are events that an event follows, the earliest first. Servers give a few at a time,
// the latest: they are asked again until those that are here are reached, since what is
// fetched after them would stand before all that is here.
func (in *Inbound) between(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) (order []*event.Event, err error) {
	ends, depth, err := in.Rooms.Extremities(ctx, r.ID())
	if err != nil {
		return nil, err
	}
	byID, latest := map[string]*event.Event{}, []string{e.ID()}
	for range maxAsked {
		raw, err := in.Remote.MissingEvents(ctx, origin, matrix.RoomID(r.ID()), remote.Missing{
			Earliest: ends, Latest: latest, Limit: maxMissing, MinDepth: min(depth, e.Depth())})
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		had := len(order)
		for _, missing := range in.read(ctx, r.ID(), r.Version(), raw[:min(len(raw), maxMissing)]) {
			byID[missing.ID()] = missing
		}
		// What else a server sends, nobody has asked for.
		if order = inOrder(e.PrevEvents(), byID); len(order) == had {
			break
		}
		if latest, err = in.edge(ctx, r, order, byID); err != nil || len(latest) == 0 {
			return order, err
		}
	}
	return order, nil
}

// edge are the ids of events that follow others which are neither here nor among byID, a few
// of the earliest.
func (in *Inbound) edge(ctx context.Context, r *room.Room, events []*event.Event, byID map[string]*event.Event) (ids []string, err error) {
	var beyond []string
	for _, e := range events {
		beyond = append(beyond, slices.DeleteFunc(e.PrevEvents(), func(id string) bool { return byID[id] != nil })...)
	}
	stateless, err := in.Rooms.Stateless(ctx, r.ID(), beyond)
	missing := make(map[string]bool, len(stateless))
	for _, id := range stateless {
		missing[id] = true
	}
	for _, e := range events {
		if len(ids) < maxMissing && slices.ContainsFunc(e.PrevEvents(), func(id string) bool { return missing[id] }) {
			ids = append(ids, e.ID())
		}
	}
	return ids, err
}

// inOrder are the events among byID that lead to some of them, what they follow before
// them. A circle is cut where it is entered.
func inOrder(heads []string, byID map[string]*event.Event) (order []*event.Event) {
	type step struct {
		e    *event.Event // nil of the heads
		prev []string
	}
	seen := map[string]bool{}
	stack := []step{{prev: slices.Clone(heads)}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.prev) == 0 {
			if top.e != nil {
				order = append(order, top.e)
			}
			stack = stack[:len(stack)-1]
			continue
		}
		id := top.prev[0]
		top.prev = top.prev[1:]
		if e := byID[id]; e != nil && !seen[id] {
			seen[id] = true
			stack = append(stack, step{e, e.PrevEvents()})
		}
	}
	return order
}

// fetchAuth brings the auth chain of an event here.
func (in *Inbound) fetchAuth(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) error {
	unload, err := in.load(ctx, origin)
	if err != nil {
		return err
	}
	defer unload()
	raw, err := in.Remote.EventAuth(ctx, origin, matrix.RoomID(r.ID()), e.ID())
	if err != nil {
		return fmt.Errorf("asking for an auth chain: %w", err)
	}
	chain, err := in.chain(ctx, origin, r, e, in.read(ctx, r.ID(), r.Version(), raw))
	if err != nil {
		return err
	}
	_, err = in.Rooms.Outliers(ctx, r.ID(), chain)
	return err
}

// chain are those events that an event rests on, over others of them, as far as they are not
// here. What else a server sends, nobody has asked for. The error is ErrStranger.
func (in *Inbound) chain(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event, events []*event.Event) (chain []*event.Event, err error) {
	byID := map[string]*event.Event{}
	for _, cited := range events {
		byID[cited.ID()] = cited
	}
	for next := e.AuthEvents(); len(next) > 0; {
		unknown, err := in.Rooms.Unknown(ctx, r.ID(), next)
		if err != nil {
			return nil, err
		}
		next = nil
		for _, id := range unknown {
			if cited := byID[id]; cited != nil {
				delete(byID, id)
				chain = append(chain, cited)
				next = append(next, cited.AuthEvents()...)
			}
		}
	}
	return chain, in.affords(ctx, origin, r, len(chain))
}

// ofStranger is how many events a server that nobody in the room is of may bring here for one
// of its own.
const ofStranger = 100

// affords tells whether a server may bring so many events here. The error is ErrStranger.
func (in *Inbound) affords(ctx context.Context, origin matrix.ServerName, r *room.Room, events int) error {
	if events <= ofStranger {
		return nil
	}
	if p, err := in.Rooms.PresenceOf(ctx, r, origin); err != nil || p.Joined {
		return err
	}
	return ErrStranger
}
