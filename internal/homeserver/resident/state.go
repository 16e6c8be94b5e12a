package resident

import (
	"context"
	"maps"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Named is events of a room that another server may have, by their ids. They are read when
// they are written, a few at a time: a large room's state is more than one keeps.
type Named struct {
	IDs      []string
	rooms    *room.Rooms
	room     *room.Room
	audience *room.Audience
}

// Each gives the events in their federation format, in no order, and what is erased for the
// server as redaction leaves it. An error of use ends it.
func (n Named) Each(ctx context.Context, use func(json []byte) error) (err error) {
	readErr := n.rooms.EachHeld(ctx, n.room, n.IDs, func(e *room.Stored) bool {
		var shown *event.Event
		if shown, err = n.audience.Shown(ctx, e); err == nil {
			err = use(shown.JSON())
		}
		return err == nil
	})
	if readErr != nil {
		return readErr
	}
	return err
}

func (s *Resident) named(g guest, ids []string) Named {
	return Named{IDs: ids, rooms: s.Rooms, room: g.room, audience: s.Rooms.Audience(g.room, g.server)}
}

// StateBefore is the state before an event and what allows it: the events that they cite
// for their authorisation, and so on (server-server API, /state). Errors: room.ErrUnknownRoom,
// room.ErrUnknownEvent, room.ErrUnknownState, ErrDenied, ErrNotInRoom, ErrTooLarge.
func (s *Resident) StateBefore(ctx context.Context, server matrix.ServerName, roomID, eventID string) (state, chain Named, err error) {
	g, e, err := s.memberAt(ctx, server, roomID, eventID)
	if err != nil {
		return state, chain, err
	}
	return s.stateBefore(ctx, g, e)
}

func (s *Resident) stateBefore(ctx context.Context, g guest, e *room.Stored) (state, chain Named, err error) {
	ids, err := s.Rooms.IDsBefore(ctx, g.room, e)
	if err != nil {
		return state, chain, err
	}
	state = s.named(g, sorted(ids))
	chain, err = s.chain(ctx, g, state.IDs)
	return state, chain, err
}

// AuthChain is what allows an event (server-server API, /event_auth). Errors: those of
// StateBefore, room.ErrUnknownState excepted.
func (s *Resident) AuthChain(ctx context.Context, server matrix.ServerName, roomID, eventID string) (Named, error) {
	g, e, err := s.memberAt(ctx, server, roomID, eventID)
	if err != nil {
		return Named{}, err
	}
	return s.chain(ctx, g, []string{e.ID()})
}

// memberAt is member for who asks about an event of the room that is not refused.
func (s *Resident) memberAt(ctx context.Context, server matrix.ServerName, roomID, eventID string) (g guest, e *room.Stored, err error) {
	if g, err = s.member(ctx, server, roomID); err != nil {
		return g, nil, err
	}
	e, err = s.held(ctx, g.room, eventID)
	return g, e, err
}

func (s *Resident) held(ctx context.Context, r *room.Room, eventID string) (*room.Stored, error) {
	found, err := s.Rooms.Held(ctx, r, []string{eventID})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0, found[0].Rejected():
		return nil, room.ErrUnknownEvent
	}
	return found[0], nil
}

// chain is what allows events, themselves left out unless one allows another. Each event
// is read once, a generation at a time.
func (s *Resident) chain(ctx context.Context, g guest, of []string) (Named, error) {
	chain, walked := map[string]bool{}, map[string]bool{}
	for _, id := range of {
		walked[id] = true
	}
	for edge := of; len(edge) > 0; {
		var next []string
		err := s.Rooms.EachHeld(ctx, g.room, edge, func(e *room.Stored) bool {
			for _, id := range cites(g.room, e) {
				chain[id] = true
				if !walked[id] {
					walked[id] = true
					next = append(next, id)
				}
			}
			return len(chain) <= s.MaxChain
		})
		if err != nil {
			return Named{}, err
		}
		if len(chain) > s.MaxChain {
			return Named{}, ErrTooLarge
		}
		edge = next
	}
	return s.named(g, slices.Sorted(maps.Keys(chain))), nil
}

// cites are the events that allow an event, m.room.create among them where it is not cited.
func cites(r *room.Room, e *room.Stored) []string {
	cited := e.AuthEvents()
	if create, implied := r.Version().CreateEventID(r.ID()); implied && create != e.ID() {
		cited = append(cited, create)
	}
	return cited
}

// Event is one event of any room (server-server API, /event). Errors: room.ErrUnknownEvent,
// ErrDenied, ErrNotInRoom.
func (s *Resident) Event(ctx context.Context, server matrix.ServerName, eventID string) (*event.Event, error) {
	r, err := s.Rooms.RoomOfEvent(ctx, eventID)
	if err != nil {
		return nil, err
	}
	g, err := s.enter(ctx, server, r)
	if err != nil {
		return nil, err
	}
	if !g.Joined {
		return nil, ErrNotInRoom
	}
	e, err := s.held(ctx, r, eventID)
	if err != nil {
		return nil, err
	}
	return s.sight(g).shown(ctx, e)
}

// EventAt is the event of a room whose time is next to ts, in milliseconds since 1970,
// before or after it. Errors: room.ErrUnknownRoom, room.ErrUnknownEvent, ErrDenied, ErrNotInRoom.
func (s *Resident) EventAt(ctx context.Context, server matrix.ServerName, roomID string, ts int64, back bool) (*event.Event, error) {
	g, err := s.member(ctx, server, roomID)
	if err != nil {
		return nil, err
	}
	sight := s.sight(g)
	for passed := range maxPassed {
		e, err := s.Rooms.Near(ctx, g.room, ts, back, passed)
		if err != nil {
			return nil, err
		}
		sees, err := sight.sees(ctx, e)
		if err != nil || sees {
			return e.Event, err
		}
	}
	return nil, room.ErrUnknownEvent
}

// maxPassed is how many events that the server may not read are passed over.
const maxPassed = 100
