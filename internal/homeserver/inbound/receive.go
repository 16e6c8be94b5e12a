package inbound

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// arrival is an event as it came.
type arrival struct {
	origin matrix.ServerName
	roomID string
	room   *room.Room // nil of a room that is not known here
	event  *event.Event
	raw    jsontext.Value
}

// Receive takes in the events of a transaction and returns what became of each, by id: nil
// for all that another server need not send again, rejected events too. What cannot be read
// at all has no id and is left out. It returns when every room has had its turn, or after
// Patience: what is left then is stored and goes on in the background.
func (in *Inbound) Receive(ctx context.Context, origin matrix.ServerName, pdus []jsontext.Value) map[string]error {
	results := make(map[string]error, len(pdus))
	byRoom, order := map[string][]jsontext.Value{}, []string(nil)
	for _, raw := range pdus {
		id, err := roomOf(raw)
		if err != nil {
			continue
		}
		if byRoom[id] == nil {
			order = append(order, id)
		}
		byRoom[id] = append(byRoom[id], raw)
	}
	ctx = context.WithoutCancel(ctx) // who has sent it may have gone
	var rooms sync.WaitGroup
	var mu sync.Mutex // guards results
	for _, id := range order {
		rooms.Go(func() {
			came := in.receiveRoom(ctx, origin, id, byRoom[id])
			mu.Lock()
			defer mu.Unlock()
			for eventID, err := range came {
				results[eventID] = err
			}
		})
	}
	rooms.Wait()
	return results
}

// open reads an event of a room as far as it says by itself which it is. The event is nil if
// it does not.
func (in *Inbound) open(origin matrix.ServerName, roomID string, raw jsontext.Value) (a arrival, err error) {
	defer func() {
		if recover() != nil {
			a.event, err = nil, ErrPanic
		}
	}()
	a = arrival{origin: origin, roomID: roomID, raw: raw}
	v := event.Default
	if a.room, err = in.Rooms.Room(a.roomID); err == nil {
		v = a.room.Version()
	} else if v, err = in.outsideVersion(a.roomID); err != nil {
		return a, err
	}
	a.event, err = v.Parse(raw)
	return a, err
}

// outsideVersion is the version of a room that is known here by an invitation alone. Another
// is taken for one of the default version: of such an event nothing but its id is needed.
func (in *Inbound) outsideVersion(roomID string) (event.Version, error) {
	r := in.Rooms.Outside(roomID)
	if r == nil {
		return 0, room.ErrUnknownRoom
	}
	return r.Version(), nil
}

// roomOf is the room that an event says it is of; that of the m.room.create of version 12
// it does not say.
func roomOf(raw jsontext.Value) (roomID string, err error) {
	defer func() {
		if recover() != nil {
			err = ErrPanic
		}
	}()
	canonical, err := event.Canonical(raw, false)
	if err != nil {
		return "", err
	}
	id, isText := event.Value(canonical).Field("room_id").Text()
	if _, err := matrix.ParseRoomID(id); err != nil || !isText {
		return "", event.ErrRoomID
	}
	return id, nil
}

// receiveRoom takes in the events of one room, in their order. What it knows of the room it
// looks at in its turn: who lets a user of ours in sends what is said next while they join.
func (in *Inbound) receiveRoom(ctx context.Context, origin matrix.ServerName, roomID string, pdus []jsontext.Value) map[string]error {
	results := make(map[string]error, len(pdus))
	ctx, cancel := context.WithTimeout(ctx, in.Patience)
	defer cancel()
	give, err := in.turn(ctx, origin, roomID)
	if err == nil {
		defer give()
	}
	for _, raw := range pdus {
		a, err := in.open(origin, roomID, raw)
		if a.event == nil {
			continue
		}
		if err == nil {
			err = in.receiveOne(ctx, a)
		}
		results[a.event.ID()] = err
	}
	return results
}

// turn takes the turn of a room for what a server has sent. However much servers of one owner
// send at once, it waits in one place: others come between.
func (in *Inbound) turn(ctx context.Context, origin matrix.ServerName, roomID string) (give func(), err error) {
	leave, err := in.lines.Take(ctx, roomID+" "+origin.Owner())
	if err != nil {
		return nil, err
	}
	end, err := in.turns.Take(ctx, roomID)
	if err != nil {
		leave()
		return nil, err
	}
	return func() { end(); leave() }, nil
}

// receiveOne deals with an event now or, if there is no time, later.
func (in *Inbound) receiveOne(ctx context.Context, a arrival) error {
	lasting := context.WithoutCancel(ctx)
	if err := in.mayCome(lasting, a); err != nil {
		return err
	}
	attempts, err := in.attempts(lasting, a)
	switch {
	case err != nil:
		return err
	case attempts >= maxAttempts:
		return ErrGivenUp
	case attempts > 0:
		return in.comeAgain(lasting, a)
	case ctx.Err() != nil:
		return in.putOff(lasting, a, 0)
	}
	err = in.handle(ctx, a)
	if !isPassing(err) {
		return err
	}
	in.Log.WarnContext(ctx, "an event is dealt with later", "event", a.event.ID(), "origin", a.origin, "error", err)
	return in.putOff(lasting, a, 1)
}

// mayCome tells whether an event may come from a server at all.
func (in *Inbound) mayCome(ctx context.Context, a arrival) error {
	if a.room == nil || !in.Rooms.Resident(a.roomID) {
		return in.mayComeOutside(a)
	}
	return in.admit(ctx, a.origin, a.room)
}

// isPassing tells whether an event may be dealt with another time.
func isPassing(err error) bool {
	switch {
	case err == nil, errors.Is(err, ErrSignature), errors.Is(err, ErrDenied), errors.Is(err, ErrNotHere), errors.Is(err, room.ErrOtherRoom), errors.Is(err, room.ErrResident), errors.Is(err, ErrStranger):
		return false
	}
	return true
}

// handle deals with an event, whose turn it is. A panic is an error of the event alone.
func (in *Inbound) handle(ctx context.Context, a arrival) (err error) {
	defer func() {
		if p := recover(); p != nil {
			in.Log.ErrorContext(ctx, "dealing with an event has panicked", "event", a.event.ID(), "panic", fmt.Sprint(p))
			err = ErrPanic
		}
	}()
	if err := in.verify(ctx, a.event); err != nil {
		return err
	}
	if a.room == nil || !in.Rooms.Resident(a.roomID) {
		return in.handleOutside(ctx, a)
	}
	e, _ := in.whole(ctx, a.origin, a.room, a.event)
	_, err = in.take(ctx, a.origin, a.room, e)
	return err
}
