package inbound

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// stateBefore brings the state before an event here, as a server tells it, and returns its
// ids. Of events that cannot be had, or rest on such, nothing is known.
func (in *Inbound) stateBefore(ctx context.Context, server matrix.ServerName, r *room.Room, e *event.Event) ([]string, error) {
	unload, err := in.load(ctx, server)
	if err != nil {
		return nil, err
	}
	defer unload()
	told, err := in.Remote.StateIDs(ctx, server, matrix.RoomID(r.ID()), e.ID())
	if err != nil {
		return nil, fmt.Errorf("asking for a state: %w", err)
	}
	all := slices.Concat(told.State, told.AuthChain)
	unknown, err := in.Rooms.Unknown(ctx, r.ID(), all)
	if err != nil {
		return nil, err
	}
	if err := in.affords(ctx, server, r, len(unknown)); err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		if err := in.fetch(ctx, server, r, e, unknown, len(all)); err != nil {
			return nil, err
		}
	}
	still, err := in.Rooms.Unknown(ctx, r.ID(), told.State)
	if err != nil {
		return nil, err
	}
	lacking := make(map[string]bool, len(still))
	for _, id := range still {
		lacking[id] = true
	}
	before := make([]string, 0, len(told.State))
	for _, id := range told.State {
		if !lacking[id] && id != e.ID() {
			before = append(before, id)
		}
	}
	return before, nil
}

// load waits until servers of an owner may be asked for something that may be as large as a
// room's state: one such answer of theirs is kept in memory at a time.
func (in *Inbound) load(ctx context.Context, server matrix.ServerName) (unload func(), err error) {
	return in.loads.Take(ctx, server.Owner())
}

// fetch brings events of a state here: one by one if they are few, else the whole state.
func (in *Inbound) fetch(ctx context.Context, server matrix.ServerName, r *room.Room, e *event.Event, ids []string, of int) error {
	var raw []jsontext.Value
	if len(ids) <= maxSingle && len(ids)*5 <= max(of, 50) {
		raw = in.fetchEach(ctx, server, ids)
	} else {
		whole, err := in.Remote.State(ctx, server, matrix.RoomID(r.ID()), e.ID())
		if err != nil {
			return fmt.Errorf("asking for a state: %w", err)
		}
		raw = slices.Concat(whole.AuthChain, whole.State)
	}
	asked := make(map[string]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	events := in.readThose(ctx, r.ID(), r.Version(), raw, func(id string) bool { return asked[id] })
	_, err := in.Rooms.Outliers(ctx, r.ID(), events)
	return err
}

// atOnce is how many questions are asked of one server at a time.
const atOnce = 5

func (in *Inbound) fetchEach(ctx context.Context, server matrix.ServerName, ids []string) []jsontext.Value {
	raw := make([]jsontext.Value, len(ids))
	var workers sync.WaitGroup
	next := make(chan int)
	for range min(atOnce, len(ids)) {
		workers.Go(func() {
			for i := range next {
				raw[i], _ = in.Remote.Event(ctx, server, ids[i])
			}
		})
	}
	for i := range ids {
		next <- i
	}
	close(next)
	workers.Wait()
	return slices.DeleteFunc(raw, func(v jsontext.Value) bool { return v == nil })
}
