package sync

import (
	"errors"
	"fmt"
	"runtime/debug"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// section is a part of what is told of rooms.
type section struct {
	name        string
	memberships []string
	write       func(*answer, room.Stay) error // writes nothing if there is nothing to tell
}

var sections = []section{
	{"join", []string{room.Join}, (*answer).joined},
	{"invite", []string{room.Invite}, (*answer).invited},
	{"knock", []string{room.Knock}, (*answer).knocked},
	{"leave", []string{room.Leave, room.Ban}, (*answer).left},
}

// rooms writes what is new in rooms.
func (a *answer) rooms() error {
	stays, err := a.Rooms.StaysAt(a.ctx, a.User, a.to)
	if err != nil {
		return err
	}
	byMembership := map[string][]room.Stay{}
	for _, s := range stays {
		if a.concerns(s) {
			byMembership[s.Membership] = append(byMembership[s.Membership], s)
		}
	}
	mark := len(a.out)
	a.member("rooms")
	a.out = append(a.out, '{')
	begin := len(a.out)
	for _, s := range sections {
		var of []room.Stay
		for _, m := range s.memberships {
			of = append(of, byMembership[m]...)
		}
		if err := a.section(s, of); err != nil {
			return err
		}
	}
	if len(a.out) == begin {
		a.out = a.out[:mark]
		return nil
	}
	a.news = true
	a.out = append(a.out, '}')
	return nil
}

// concerns tells whether there may be something to tell of a room.
func (a *answer) concerns(s room.Stay) bool {
	id := s.Room.ID()
	if !a.filter.Room.WantsRoom(id) {
		return false
	}
	news := s.Pos > a.base.Pos || a.owes(s.Room)
	switch s.Membership {
	case room.Join:
		return news || a.whole() || s.Room.Last() > a.base.Pos || a.moved[matrix.RoomID(id)] || len(a.data[matrix.RoomID(id)]) > 0 || a.types(id, a.base.Pos)
	case room.Leave, room.Ban:
		return news && !a.initial() || a.whole() && a.filter.Room.IncludeLeave && !s.Forgotten
	}
	return news || a.whole() || a.revised
}

// section writes one section, if there is something in it.
func (a *answer) section(s section, stays []room.Stay) error {
	mark := len(a.out)
	a.member(s.name)
	a.out = append(a.out, '{')
	begin := len(a.out)
	write := a.inTurn
	if len(stays) >= many {
		write = a.sideBySide
	}
	if err := write(s, stays); err != nil {
		return err
	}
	if len(a.out) == begin {
		a.out = a.out[:mark]
		return nil
	}
	a.out = append(a.out, '}')
	return nil
}

// inTurn writes rooms one after the other.
func (a *answer) inTurn(s section, stays []room.Stay) error {
	for _, stay := range stays {
		if err := a.oneRoom(s, stay); err != nil {
			return err
		}
	}
	return nil
}

// oneRoom writes one room. One that cannot be read is left out, so that the others are
// told, and told from its beginning when it can be read again.
func (a *answer) oneRoom(s section, stay room.Stay) error {
	mark := len(a.out)
	err := a.try(s, stay)
	if err == nil {
		if len(a.out) > mark {
			a.device.paid(stay.Room, a.to)
		}
		return nil
	}
	a.out = a.out[:mark]
	switch {
	case a.ctx.Err() != nil:
		return a.ctx.Err()
	case errors.Is(err, store.ErrBusy), a.Rooms.DB.Ping(a.ctx) != nil:
		return err
	}
	a.Log.Error("a room is left out of an answer to /sync", "room_id", stay.Room.ID(), "error", err)
	a.device.owe(stay.Room)
	return nil
}

// try writes one room. A panic over one is an error of this one.
func (a *answer) try(s section, stay room.Stay) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return s.write(a, stay)
}

// owes tells whether the device is still to be told of a room. It is not while its token
// cannot move on: then there would be no proof that it has been.
func (a *answer) owes(r *room.Room) bool { return a.to > a.base.Pos && a.device.owes(r) }

// types tells whether who is typing in a room has changed.
func (a *answer) types(id string, since stream.Pos) bool {
	if a.Typing == nil {
		return false
	}
	_, changed := a.Typing.Since(matrix.RoomID(id), since, a.to)
	return changed
}
