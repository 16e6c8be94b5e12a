package sync

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"signet/internal/homeserver/event"
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
	return news || a.whole()
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

const (
	// many is from how many rooms on they are written by several at a time.
	many = 8
	// manyOctets is about how much each of them writes.
	manyOctets = 128 << 10
)

// sideBySide writes rooms, several at a time and in no order.
func (a *answer) sideBySide(s section, stays []room.Stay) error {
	parts := make([]answer, runtime.GOMAXPROCS(0))
	errs := make([]error, len(parts))
	var next atomic.Int64
	var working sync.WaitGroup
	for i := range parts {
		part := &parts[i]
		*part = *a
		part.out, part.members = make([]byte, 0, manyOctets), nil
		working.Go(func() {
			for n := next.Add(1); n <= int64(len(stays)) && errs[i] == nil; n = next.Add(1) {
				errs[i] = part.oneRoom(s, stays[n-1])
			}
		})
	}
	working.Wait()
	for _, part := range parts {
		if len(part.out) > 0 {
			a.comma()
			a.out = append(a.out, part.out...)
		}
		for key, event := range part.members {
			a.noteMember(key, event)
		}
	}
	return errors.Join(errs...)
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

// invited writes what somebody sees of a room who is invited. Invites by those whom the
// user ignores are not shown.
func (a *answer) invited(s room.Stay) error { return a.stripped(s, "invite_state") }

// knocked writes what somebody sees of a room who knocks.
func (a *answer) knocked(s room.Stay) error { return a.stripped(s, "knock_state") }

func (a *answer) stripped(s room.Stay, name string) error {
	state, err := a.Rooms.Stripped(a.ctx, s.Room, a.User)
	if err != nil {
		return err
	}
	own := event.Key{Type: memberType, StateKey: a.User.String()}
	for _, e := range state {
		if keyOf(e) == own && a.ignored[e.Sender()] {
			return nil
		}
	}
	a.member(s.Room.ID())
	a.out = append(a.out, '{')
	a.member(name)
	a.out = append(a.out, `{"events":[`...)
	for _, e := range state {
		a.comma()
		a.out = room.AppendStripped(a.out, e)
	}
	a.out = append(a.out, `]}}`...)
	return nil
}

// joined writes what is new in a room that the user is in.
func (a *answer) joined(s room.Stay) error {
	v := &view{answer: a, room: s.Room, since: a.base.Pos, to: a.to, whole: a.whole()}
	if s.Pos > v.since && v.since > 0 {
		sojourn, err := a.Rooms.Sojourn(a.ctx, a.User, s.Room, a.to)
		if err != nil {
			return err
		}
		v.fresh = sojourn.Joined > v.since
	}
	v.fresh = v.fresh || a.initial() || a.owes(s.Room)
	if v.fresh {
		v.since, v.whole = 0, true
	}
	if err := v.read(v.readTimeline, v.readChanges, v.readSummary, v.readState); err != nil {
		return err
	}
	mark := len(a.out)
	a.member(s.Room.ID())
	a.out = append(a.out, '{')
	news, err := v.writeJoined()
	if err != nil || !news {
		a.out = a.out[:mark]
		return err
	}
	a.out = append(a.out, '}')
	v.remember()
	return nil
}

// left writes what is new in a room that the user has left: what happened there while they
// were in it, and the memberships that they were given since.
func (a *answer) left(s room.Stay) error {
	sojourn, err := a.Rooms.Sojourn(a.ctx, a.User, s.Room, s.Pos)
	if err != nil {
		return err
	}
	v := &view{answer: a, room: s.Room, since: a.base.Pos, to: sojourn.Left}
	v.fresh = sojourn.Joined > v.since || a.owes(s.Room)
	v.whole = a.whole() || v.fresh
	if v.fresh {
		v.since = 0
	}
	switch {
	case s.Forgotten, sojourn.Joined == 0, sojourn.Left <= v.since:
		v.timeline.Begin = s.Pos - 1
	default:
		if err := v.read(v.readTimeline, v.readChanges, v.readState); err != nil {
			return err
		}
	}
	if err := v.addOwn(s.Pos); err != nil {
		return err
	}
	a.member(s.Room.ID())
	a.out = append(a.out, '{')
	v.writeTimeline()
	v.writeState()
	if err := v.writeData(); err != nil {
		return err
	}
	a.out = append(a.out, '}')
	v.remember()
	return nil
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
