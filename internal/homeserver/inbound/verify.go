package inbound

import (
	"context"
	"crypto/ed25519"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// maxKeys is how many keys one event is checked with: their ids are whatever its sender
// writes.
const maxKeys = 8

// checkers is how many events of one answer are checked side by side. A large room's are
// signed by many servers, whose keys are asked for first, and some of them are dead.
const checkers = 32

// verify checks the signatures that an event must have. The error is ErrSignature.
func (in *Inbound) verify(ctx context.Context, e *event.Event) error {
	asked := 0
	err := e.Verify(func(server matrix.ServerName, id matrix.KeyID, ts int64) (ed25519.PublicKey, bool) {
		if asked++; asked > maxKeys {
			return nil, false
		}
		if !e.Version().KeyValidity() {
			ts = 0
		}
		key, err := in.Keys.VerifyKey(ctx, server, id, time.UnixMilli(ts))
		return key, err == nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // it may be right
		}
		return ErrSignature
	}
	return nil
}

// read reads events of a room that another server has answered with, and leaves out what is
// none, is of another room, or is not signed. They are checked side by side.
func (in *Inbound) read(ctx context.Context, roomID string, v event.Version, raw []jsontext.Value) []*event.Event {
	return in.readThose(ctx, roomID, v, raw, func(string) bool { return true })
}

// readThose is read for events with certain ids: for nothing else is anybody asked for keys.
func (in *Inbound) readThose(ctx context.Context, roomID string, v event.Version, raw []jsontext.Value, wanted func(id string) bool) []*event.Event {
	read := make([]*event.Event, len(raw))
	var workers sync.WaitGroup
	next := make(chan int)
	for range min(checkers, len(raw)) {
		workers.Go(func() {
			for i := range next {
				read[i] = in.readOne(ctx, roomID, v, raw[i], wanted)
			}
		})
	}
	for i := range raw {
		next <- i
	}
	close(next)
	workers.Wait()
	seen := map[string]bool{}
	events := read[:0]
	for _, e := range read {
		if e != nil && !seen[e.ID()] {
			seen[e.ID()] = true
			events = append(events, e)
		}
	}
	return events
}

// readOne is nil for what is no event of the room.
func (in *Inbound) readOne(ctx context.Context, roomID string, v event.Version, raw jsontext.Value, wanted func(id string) bool) (e *event.Event) {
	defer func() {
		if recover() != nil {
			e = nil
		}
	}()
	e, err := v.Parse(raw)
	if err != nil || e.RoomID() != roomID || !wanted(e.ID()) || in.verify(ctx, e) != nil {
		return nil
	}
	return e
}

// wholeLife is how long one asks for an event that another server has not given whole.
const wholeLife = 5 * time.Second

// whole is an event as the server of its sender has it, where another gives it without what
// redaction takes: that server may have left it out, or changed it, to have everybody here
// read nothing. What cannot be had, or is redacted there too, is taken as it came; it could
// be asked for unless that server has failed.
func (in *Inbound) whole(ctx context.Context, origin matrix.ServerName, r *room.Room, e *event.Event) (_ *event.Event, answers bool) {
	sender := event.ServerOf(e.Sender())
	if !e.Redacted() || sender == origin || sender == in.ServerName {
		return e, true
	}
	if unknown, err := in.Rooms.Unknown(ctx, r.ID(), []string{e.ID()}); err != nil || len(unknown) == 0 {
		return e, true
	}
	ctx, cancel := context.WithTimeout(ctx, wholeLife)
	defer cancel()
	raw, err := in.Remote.Event(ctx, sender, e.ID())
	if err != nil {
		return e, false
	}
	wanted := func(id string) bool { return id == e.ID() }
	if got := in.readOne(ctx, r.ID(), r.Version(), raw, wanted); got != nil && !got.Redacted() && got.ReferenceHash() == e.ReferenceHash() {
		return got, true
	}
	return e, true
}
