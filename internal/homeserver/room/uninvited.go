package room

import (
	"context"
	"errors"
	"iter"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Who is refused at the doors of this server may be let in by another server of a room. That
// is part of the room's graph, on which all servers build, but fails softly here: it is not
// told, and what follows is not, until another server's event has it in the room's state, where
// it stays what it was. So people here see nobody come in whom they would have been spared, and
// go on with those who were in the room before.

// uninvited is why an event fails softly that brings somebody in, or is of somebody who was
// brought in, whose server is refused: given the state that it was sent in. The error is errUnasked
// for an invitation of which Bidden has to be asked first.
func (rs *Rooms) uninvited(ctx context.Context, r *Room, j *judgement, t *tip) (failed, err error) {
	e := j.Event
	refusal := rs.refuse(event.ServerOf(e.Sender()))
	target, _ := e.StateKey()
	invites := e.Type() == memberType && rs.local(target) && membershipOf(e) == Invite
	switch {
	case invites && refusal == nil:
		return rs.bidden(j)
	case invites || refusal == nil:
		return refusal, nil
	}
	own := t.state[event.Key{Type: memberType, StateKey: e.Sender()}]
	if own == nil {
		return refusal, nil
	}
	if err := rs.read(ctx, r, own); err != nil {
		return nil, err
	}
	switch s := own.stored.Load(); {
	case s.fate == softFailed:
		return refusal, nil
	case e.Is(memberType, e.Sender()) && membershipOf(e) == Leave, membershipOf(s.Event) == Join:
		return nil, nil
	}
	return refusal, nil
}

// errUnasked is an invitation that everything allows, as far as Bidden was not asked: that may
// write, and so is no matter for who holds the room.
var errUnasked = errors.New("whether the invitation may reach its user was not asked")

// bidden is what Bidden has said of an invitation, which may be judged more than once.
func (rs *Rooms) bidden(j *judgement) (refusal, err error) {
	if rs.Bidden == nil || rs.local(j.Event.Sender()) || j.asked {
		return j.unbidden, nil
	}
	return nil, errUnasked
}

// ask asks Bidden of an invitation.
func (rs *Rooms) ask(ctx context.Context, j *judgement) (err error) {
	if j.unbidden, err = rs.Bidden(ctx, j.Event); err == nil {
		j.asked = true
	}
	return err
}

func (rs *Rooms) refuse(server matrix.ServerName) error {
	if rs.Refuse == nil || server == rs.ServerName {
		return nil
	}
	return rs.Refuse(server)
}

// IsJoined tells whether a user, of whatever server, is in a room now, and has not come into it
// in spite of this server. The error is ErrUnknownRoom.
func (rs *Rooms) IsJoined(ctx context.Context, roomID string, user matrix.UserID) (bool, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return false, err
	}
	return rs.isIn(ctx, r, user)
}

func (rs *Rooms) isIn(ctx context.Context, r *Room, user matrix.UserID) (bool, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return false, err
	}
	key := event.Key{Type: memberType, StateKey: string(user)}
	l.view.mu.RLock()
	p := l.view.state[key]
	joined := p != nil && p.membership == Join
	l.view.mu.RUnlock()
	if !joined || rs.refuse(user.Server()) == nil {
		return joined, nil
	}
	own, err := rs.places(ctx, r, l, key)
	return len(own) > 0 && own[0].fate != softFailed, err
}

// Met are those of some users who are of this server, and in a room with one of another server
// for whom IsJoined is true.
func (rs *Rooms) Met(ctx context.Context, server matrix.ServerName, users iter.Seq[matrix.UserID]) (map[matrix.UserID]bool, error) {
	met, there := map[matrix.UserID]bool{}, map[*Room]bool{}
	for user := range users {
		if !rs.local(string(user)) {
			continue
		}
		rooms, err := rs.roomsOf(ctx, user)
		if err != nil {
			return nil, err
		}
		for _, r := range rooms {
			if _, known := there[r]; !known {
				if there[r], err = rs.isServerIn(ctx, r, server); err != nil {
					return nil, err
				}
			}
			if there[r] {
				met[user] = true
				break
			}
		}
	}
	return met, nil
}

// isServerIn tells whether one of another server is in a room, for whom IsJoined is true.
func (rs *Rooms) isServerIn(ctx context.Context, r *Room, server matrix.ServerName) (bool, error) {
	var there []matrix.UserID
	err := rs.eachJoined(ctx, r, func(u string) {
		if event.ServerOf(u) == server {
			there = append(there, matrix.UserID(u))
		}
	})
	if err != nil {
		return false, err
	}
	for _, u := range there {
		if in, err := rs.isIn(ctx, r, u); in || err != nil {
			return in, err
		}
	}
	return false, nil
}

// Acquainted tells whether a user of this server is in a room with another one, of whatever
// server, for whom IsJoined is true.
func (rs *Rooms) Acquainted(ctx context.Context, user, other matrix.UserID) (bool, error) {
	rooms, err := rs.roomsOf(ctx, user)
	if err != nil {
		return false, err
	}
	for _, r := range rooms {
		if in, err := rs.isIn(ctx, r, other); in || err != nil {
			return in, err
		}
	}
	return false, nil
}
