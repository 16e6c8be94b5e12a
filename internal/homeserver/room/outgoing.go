package room

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Dispatch says which other servers are sent an event.
type Dispatch struct {
	Room    string
	EventID string
	Pos     stream.Pos
	// To are those that are in the room when the event is sent, and that of a user whom it
	// removes.
	To []matrix.ServerName
	// Invites is the server of a user whom the event invites, if it is not in the room: it
	// has to be asked, since it knows nothing of it. Empty: nobody has to.
	Invites matrix.ServerName
}

// Outgoing takes events for other servers.
type Outgoing interface {
	// QueueEvents stores, in the transaction of the events, where each goes, in the order of the
	// stream. It sends nothing yet, must not wait for the stream, and may run again.
	QueueEvents(ctx context.Context, tx *store.Tx, all []Dispatch) error
}

// addresses is where an event goes.
type addresses struct {
	to      []matrix.ServerName
	invites matrix.ServerName
}

// present is the other servers in a room whose state is of. Where that is not the state any
// more, it is to be counted again.
type present struct {
	of      *group
	members map[matrix.ServerName]int // joined
	servers []matrix.ServerName       // in no order; never changed
}

// address finds out where an event of ours goes that follows a tip.
func (rs *Rooms) address(t *tip, s *Stored) {
	if rs.Outgoing == nil {
		return
	}
	if t.group == nil || t.present.of != t.group {
		t.present = rs.count(t)
	}
	s.addresses.to = t.present.servers
	if !s.changes {
		return
	}
	if s.isMember() {
		rs.addressMember(t, s)
	}
	t.present.of = s.group // once the event is at the tip
}

// relay is address for an event that was handed to this server, to pass it on. Whom it
// invites has signed it already, and the server of its sender, which has made it, may not
// know the room yet. One that stems from an invitation to a third-party identifier others
// make in the sender's name.
func (rs *Rooms) relay(t *tip, s *Stored) {
	rs.address(t, s)
	s.addresses.invites = ""
	maker := event.ServerOf(s.Sender())
	required, err := s.RequiredSignatures()
	if err == nil && !slices.ContainsFunc(required, func(of event.Signature) bool { return of.Server == maker }) {
		return
	}
	s.addresses.to = slices.DeleteFunc(slices.Clone(s.addresses.to), func(server matrix.ServerName) bool { return server == maker })
}

// addressMember is address for a membership, after which other servers are in the room.
func (rs *Rooms) addressMember(t *tip, s *Stored) {
	server := event.ServerOf(s.key().StateKey)
	if server == rs.ServerName {
		return
	}
	was, is := t.membership(s.key().StateKey), s.in.membership
	there := slices.Contains(s.addresses.to, server)
	switch {
	case is == Invite && !there:
		s.addresses.invites = server
	case was != "" && !there:
		s.addresses.to = append(slices.Clip(s.addresses.to), server)
	}
	if (was == Join) == (is == Join) {
		return
	}
	if is == Join {
		t.present.members[server]++
	} else if t.present.members[server]--; t.present.members[server] == 0 {
		delete(t.present.members, server)
	}
	t.present.list()
}

// count counts the other servers in the state of a tip.
func (rs *Rooms) count(t *tip) present {
	p := present{of: t.group, members: map[matrix.ServerName]int{}}
	for key, in := range t.state {
		if key.Type == memberType && in.membership == Join && !rs.local(key.StateKey) {
			p.members[event.ServerOf(key.StateKey)]++
		}
	}
	p.list()
	return p
}

func (p *present) list() {
	p.servers = make([]matrix.ServerName, 0, len(p.members))
	for server := range p.members {
		p.servers = append(p.servers, server)
	}
}

// dispatch queues the events of operations for other servers.
func (w writer) dispatch(ctx context.Context, tx *store.Tx, ops []stream.Placed[*operation]) error {
	var all []Dispatch
	for _, p := range ops {
		for _, s := range p.Op.events {
			if a := s.addresses; len(a.to) > 0 || a.invites != "" {
				all = append(all, Dispatch{Room: p.Op.room.id, EventID: s.ID(), Pos: s.Pos, To: a.to, Invites: a.invites})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := w.Outgoing.QueueEvents(ctx, tx, all); err != nil {
		return fmt.Errorf("queueing events for other servers: %w", err)
	}
	return nil
}

// Raw are events in their federation format by id, as they are stored: what was redacted is
// gone. Those that are not here are missing.
func (rs *Rooms) Raw(ctx context.Context, ids []string) (map[string]jsontext.Value, error) {
	found := make(map[string]jsontext.Value, len(ids))
	for _, id := range ids {
		text, err := selectRaw(ctx, rs.DB, id)
		if err != nil {
			return nil, fmt.Errorf("reading an event: %w", err)
		}
		if text != nil {
			found[id] = text
		}
	}
	return found, nil
}

// Invitation is what the server of an invited user is told.
type Invitation struct {
	Version event.Version
	Event   jsontext.Value
	State   []jsontext.Value // events that show what room it is
}

// Invitation reads an invitation, of which its event must still hold. Errors: ErrUnknownRoom,
// ErrUnknownEvent.
func (rs *Rooms) Invitation(ctx context.Context, roomID, eventID string) (Invitation, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return Invitation{}, err
	}
	s, err := rs.storedByID(ctx, r, eventID)
	if err != nil {
		return Invitation{}, err
	}
	shown, err := rs.Stripped(ctx, r, matrix.UserID(s.key().StateKey))
	if err != nil {
		return Invitation{}, err
	}
	i := Invitation{Version: r.version, Event: s.JSON()}
	for _, e := range shown {
		if e.ID() != eventID {
			i.State = append(i.State, e.JSON())
		}
	}
	if len(i.State) == len(shown) {
		return Invitation{}, ErrUnknownEvent // it is not what holds now
	}
	return i, nil
}
