package sync

import "signet/internal/homeserver/room"

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
	if sojourn.Joined == 0 {
		if untold, err := a.untold(s); untold || err != nil {
			return err
		}
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
