package inbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// ErrJoin is a room that another server lets a user into and that is not as it must be.
var ErrJoin = errors.New("what the other server says of the room is not to be believed")

// Join lets a user of this server into a room: one that is here, or one of other servers,
// which is brought here (server-server API, "Joining Rooms"). Errors: those of room.Join,
// ErrNoServer, ErrJoin, event.ErrVersion, fedclient.Refusal and fedclient's.
func (in *Inbound) Join(ctx context.Context, w Wish) error {
	w.Target = w.Sender
	if done, err := in.joinLocally(ctx, w); done {
		return err
	}
	give, err := in.turns.Take(ctx, w.Room)
	if err != nil {
		return err
	}
	defer give()
	if done, err := in.joinLocally(ctx, w); done { // another user of ours was faster
		return err
	}
	return each(ctx, in.servers(ctx, w), func(server matrix.ServerName) error { return in.joinBy(ctx, server, w) })
}

// joinLocally is done if the room is here, unless nobody here can let the user in and
// somebody elsewhere may.
func (in *Inbound) joinLocally(ctx context.Context, w Wish) (done bool, err error) {
	if !in.isHere(ctx, w) {
		return false, nil
	}
	err = in.Rooms.Join(ctx, w.Membership)
	return !errors.Is(err, authz.ErrAuthoriser), err
}

// joinBy joins by one server.
func (in *Inbound) joinBy(ctx context.Context, server matrix.ServerName, w Wish) error {
	t, err := in.Remote.MakeJoin(ctx, server, matrix.RoomID(w.Room), w.Sender, versions())
	if err != nil {
		return err
	}
	e, err := in.complete(ctx, w, t, room.Join)
	if err != nil {
		return err
	}
	joined, err := in.Remote.SendJoin(ctx, server, matrix.RoomID(w.Room), e.ID(), e.JSON())
	if err != nil {
		return err
	}
	if e, err = in.counterSigned(ctx, e, joined.Event); err != nil {
		return err
	}
	if in.Rooms.Resident(w.Room) {
		return in.joinHere(ctx, server, w.Room, e)
	}
	i, err := in.entered(ctx, w.Room, e, joined)
	if err != nil {
		return err
	}
	in.catchUp(ctx, server, i)
	return in.Rooms.Import(ctx, i)
}

// catchLife is how long somebody who comes back waits for what was said meanwhile.
const catchLife = 10 * time.Second

// catchUp takes in what has been said in a room since the last user of this server has left
// it, before one comes back: what is fetched later stands before all that is here. What
// cannot be had is a gap.
func (in *Inbound) catchUp(ctx context.Context, server matrix.ServerName, i room.Import) {
	r, err := in.Rooms.Room(i.RoomID)
	if err != nil || r.Version() != i.Version {
		return
	}
	if ends, _, err := in.Rooms.Extremities(ctx, r.ID()); err != nil || len(ends) == 0 {
		return // it is known by an invitation alone
	}
	ctx, cancel := context.WithTimeout(ctx, catchLife)
	defer cancel()
	// The state where a gap begins is this one but for a little, which alone is to be asked for.
	_, err = in.Rooms.Outliers(ctx, r.ID(), slices.Concat(i.Auth, i.State))
	if err == nil {
		err = in.fill(ctx, server, r, i.Join)
	}
	if err != nil {
		in.Log.WarnContext(ctx, "what was said while nobody here was in a room is not known", "room", r.ID(), "error", err)
	}
}

// joinHere takes in a join that another server has let into a room that is here already.
func (in *Inbound) joinHere(ctx context.Context, server matrix.ServerName, roomID string, e *event.Event) error {
	r, err := in.Rooms.Room(roomID)
	if err != nil {
		return err
	}
	v, err := in.take(ctx, server, r, e)
	if err != nil {
		return err
	}
	return v.Why
}

// isHere tells whether a room is one that this server has all of: somebody here is in it, or
// nobody elsewhere is. Who was invited from elsewhere since is invited to what is there: that
// counts for nothing in what is here, where nobody has judged it.
func (in *Inbound) isHere(ctx context.Context, w Wish) bool {
	if in.Rooms.Resident(w.Room) {
		return true
	}
	r, err := in.Rooms.Room(w.Room)
	if err != nil {
		return false
	}
	if stay := in.Rooms.Standing(w.Sender, w.Room); stay.Membership == room.Invite || stay.Membership == room.Knock {
		own, err := in.Rooms.Membership(ctx, w.Sender, w.Room)
		if err != nil || own.Outlier() {
			return false
		}
	}
	servers, err := in.Rooms.JoinedServers(ctx, r)
	return err == nil && len(servers) == 0
}

// counterSigned is the join as it is in the room: with a signature of who lets the user into
// a restricted room, where one must have signed.
func (in *Inbound) counterSigned(ctx context.Context, e *event.Event, raw jsontext.Value) (*event.Event, error) {
	required, err := e.RequiredSignatures()
	if err != nil || len(required) == 1 || raw == nil {
		return e, err
	}
	signed, err := e.Version().Parse(raw)
	if err != nil || signed.ID() != e.ID() || signed.Redacted() {
		return nil, ErrForeign
	}
	return signed, in.verify(ctx, signed)
}

// entered is the room as another server gives it, as far as its signatures hold.
func (in *Inbound) entered(ctx context.Context, roomID string, e *event.Event, joined remote.Joined) (i room.Import, err error) {
	if err := in.verify(ctx, e); err != nil {
		return i, err
	}
	i = room.Import{RoomID: roomID, Version: e.Version(), Join: e}
	i.Auth = in.read(ctx, roomID, e.Version(), joined.AuthChain)
	i.State = in.read(ctx, roomID, e.Version(), joined.State)
	for _, s := range i.State {
		if s.Is("m.room.create", "") {
			if v, err := authz.RoomVersion(s); err != nil || v != e.Version() {
				return i, fmt.Errorf("%w: it is of another version", ErrJoin)
			}
			return i, nil
		}
	}
	return i, fmt.Errorf("%w: it has no beginning", ErrJoin)
}

// Knock asks to be let into a room. Errors: those of Join.
func (in *Inbound) Knock(ctx context.Context, w Wish) error {
	w.Target = w.Sender
	if in.isHere(ctx, w) {
		return in.Rooms.Knock(ctx, w.Membership)
	}
	give, err := in.turns.Take(ctx, w.Room)
	if err != nil {
		return err
	}
	defer give()
	return each(ctx, in.servers(ctx, w), func(server matrix.ServerName) error {
		t, err := in.Remote.MakeKnock(ctx, server, matrix.RoomID(w.Room), w.Sender, versions())
		if err != nil {
			return err
		}
		e, err := in.complete(ctx, w, t, room.Knock)
		if err != nil {
			return err
		}
		state, err := in.Remote.SendKnock(ctx, server, matrix.RoomID(w.Room), e.ID(), e.JSON())
		if err != nil {
			return err
		}
		return in.Rooms.PutOutside(ctx, room.Outside{RoomID: w.Room, Version: e.Version(), Event: e, State: shown(state)})
	})
}

// Leave lets a user leave a room, refuse an invitation, or take back a knock. In a room of
// other servers it is so for the user also where nobody there can be told. The errors are
// those of room.Leave.
func (in *Inbound) Leave(ctx context.Context, w Wish) error {
	w.Target = w.Sender
	if in.isHere(ctx, w) {
		return in.Rooms.Leave(ctx, w.Membership)
	}
	give, err := in.turns.Take(ctx, w.Room)
	if err != nil {
		return err
	}
	defer give()
	own, err := in.Rooms.Membership(ctx, w.Sender, w.Room)
	if err != nil {
		return room.ErrUnknownRoom
	}
	if stay := in.Rooms.Standing(w.Sender, w.Room); stay.Membership != room.Invite && stay.Membership != room.Knock {
		return authz.ErrLeave
	}
	var left *event.Event
	err = each(ctx, in.servers(ctx, w), func(server matrix.ServerName) (err error) {
		left, err = in.leaveBy(ctx, server, w)
		return err
	})
	if err != nil {
		in.Log.WarnContext(ctx, "no server was told that a user has left", "room", w.Room, "error", err)
		if left, err = in.leaveAlone(ctx, w, own); err != nil {
			return err
		}
	}
	return in.Rooms.PutOutside(ctx, room.Outside{RoomID: w.Room, Version: left.Version(), Event: left})
}

func (in *Inbound) leaveBy(ctx context.Context, server matrix.ServerName, w Wish) (*event.Event, error) {
	t, err := in.Remote.MakeLeave(ctx, server, matrix.RoomID(w.Room), w.Sender)
	if err != nil {
		return nil, err
	}
	t.RoomVersion = in.Rooms.Outside(w.Room).Version().String()
	e, err := in.complete(ctx, w, t, room.Leave)
	if err != nil {
		return nil, err
	}
	return e, in.Remote.SendLeave(ctx, server, matrix.RoomID(w.Room), e.ID(), e.JSON())
}

// leaveAlone is a leave that no server of the room knows of.
func (in *Inbound) leaveAlone(ctx context.Context, w Wish, own *room.Stored) (*event.Event, error) {
	content, err := in.Rooms.MemberContent(ctx, w.Membership, room.Leave)
	if err != nil {
		return nil, err
	}
	signer, err := in.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	return alone(own.Event, content, in.Now().UnixMilli(), signer)
}
