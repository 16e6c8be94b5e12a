package sync

import (
	"errors"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
)

// An invitation that nobody here has let through comes as an event of a room all the same:
// from its other servers, or with its state. It stays part of the room, as it must, and the
// person is told neither of it nor of its end.

const permissionType = "m.invite_permission_config"

// invited writes what somebody sees of a room who is invited.
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
		if keyOf(e) != own {
			continue
		}
		if hidden, err := a.unwelcome(e.Sender()); hidden || err != nil || e.SoftFailed() {
			return err
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

// unwelcome tells whether the user is told of no invitations by somebody: they ignore them
// (client-server API, "Ignoring Users"), want none at all ("Invite permission"), or the server
// is turned away. Of what they do themselves they are told.
func (a *answer) unwelcome(inviter string) (bool, error) {
	switch {
	case inviter == a.User.String():
		return false, nil
	case a.ignored[inviter], a.Refuse != nil && a.Refuse(event.ServerOf(inviter)) != nil:
		return true, nil
	}
	err := a.welcomes()
	if errors.Is(err, userdata.ErrInviteBlocked) {
		return true, nil
	}
	return false, err
}

// untold tells whether the user was told nothing of a room that they were never in, and is
// told nothing of the end of that: who has not let an invitation through could say as much in
// the reason why it is taken back. Whoever ends one that was told, its end is told.
func (a *answer) untold(s room.Stay) (bool, error) {
	own, err := known(a.Rooms.MemberAt(a.ctx, s.Room, a.User.String(), s.Pos))
	if own == nil || err != nil || own.Sender() == a.User.String() {
		return false, err
	}
	before, err := known(a.Rooms.MemberAt(a.ctx, s.Room, a.User.String(), s.Pos-1))
	if err != nil {
		return false, err
	}
	if before == nil {
		return a.unwelcome(own.Sender())
	}
	switch was, _ := before.Field("membership").Text(); {
	case was == room.Knock:
		return false, nil
	case before.SoftFailed():
		return true, nil
	case was == room.Invite:
		return a.unwelcome(before.Sender())
	}
	return a.unwelcome(own.Sender())
}

// decides tells whether account data says whose invitations are shown. Once it changes, those
// are told that were not.
func decides(i userdata.Item) bool { return i.Type == ignoredType || i.Type == permissionType }
