package sync

import (
	"errors"
	"slices"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
)

func keyOf(s *room.Stored) event.Key {
	key, _ := s.StateKey()
	return event.Key{Type: s.Type(), StateKey: key}
}

// readState reads the state that the client is told: with it and with the events of the
// timeline, or with it alone if it is that after the timeline, the client has the state
// that the room has at to. What filters leave out of the timeline is therefore in it.
func (v *view) readState() error {
	lazy := v.filter.state.LazyLoadMembers
	if lazy {
		v.need()
	}
	err := v.readChanged(lazy)
	if err != nil {
		return err
	}
	if !v.StateAfter {
		if v.state, err = v.before(v.state); err != nil {
			return err
		}
	}
	if lazy {
		err = v.addMembers()
	}
	if !v.filter.state.WantsRoom(v.room.ID()) {
		v.state = nil
	}
	v.state = slices.DeleteFunc(v.state, func(s *room.Stored) bool { return !v.filter.state.Wants(s) })
	slices.SortFunc(v.state, func(a, b *room.Stored) int { return int(a.Pos - b.Pos) })
	if err != nil {
		return err
	}
	v.state, err = v.Rooms.Veil(v.ctx, v.room, v.User, v.state)
	return err
}

// readChanged reads the state at to: what the client does not have of it.
func (v *view) readChanged(lazy bool) (err error) {
	if !v.whole {
		v.state = slices.Clone(v.changed)
		return nil
	}
	needed := map[string]bool{}
	for _, user := range v.needed {
		needed[user] = true
	}
	v.state, err = v.Rooms.StateOf(v.ctx, v.room, v.to, func(key event.Key) bool {
		return !lazy || key.Type != memberType || needed[key.StateKey]
	})
	return err
}

// before is the state before the timeline, given that after it: places that events of the
// timeline take have those who held them before.
func (v *view) before(after []*room.Stored) ([]*room.Stored, error) {
	first := map[event.Key]*room.Stored{}
	for _, s := range v.timeline.Events {
		if _, isState := s.StateKey(); isState && first[keyOf(s.Stored)] == nil {
			first[keyOf(s.Stored)] = s.Stored
		}
	}
	if len(first) == 0 {
		return after, nil
	}
	before := after[:0]
	for _, s := range after {
		if taker := first[keyOf(s)]; taker != nil {
			held, err := v.heldBefore(taker)
			if err != nil {
				return nil, err
			}
			if s = held; s == nil {
				continue
			}
		}
		before = append(before, s)
	}
	return before, nil
}

// heldBefore is who held a place before the timeline that an event of it takes, nil if
// nobody did, or the client knows.
func (v *view) heldBefore(taker *room.Stored) (*room.Stored, error) {
	key, begin := keyOf(taker), v.timeline.Begin
	if v.whole {
		if taker.Replaced == nil || begin == 0 {
			return nil, nil
		}
		return known(v.Rooms.PlaceAt(v.ctx, v.room, key.Type, key.StateKey, begin))
	}
	missed, err := v.Rooms.StateDelta(v.ctx, v.room, v.since, begin)
	for _, s := range missed {
		if keyOf(s) == key {
			return s, err
		}
	}
	return nil, err
}

// known is an event, nil if there is none.
func known(s *room.Stored, err error) (*room.Stored, error) {
	if errors.Is(err, room.ErrUnknownEvent) {
		return nil, nil
	}
	return s, err
}

// need collects whose memberships the client needs: those of senders and of those who give
// the room its name; with the whole state also the user's own.
func (v *view) need() {
	add := func(user string) {
		if !slices.Contains(v.needed, user) {
			v.needed = append(v.needed, user)
		}
	}
	for _, s := range v.timeline.Events {
		add(s.Sender())
	}
	if v.whole {
		add(v.User.String())
	}
	if v.summary != nil && !v.named {
		for _, user := range v.summary.Heroes {
			add(user)
		}
	}
}

// addMembers adds the memberships that the client needs and has not, and remembers which
// ones it is told.
func (v *view) addMembers() error {
	if v.whole {
		return nil // has them
	}
	at := v.timeline.Begin
	if v.StateAfter {
		at = v.to
	}
	for _, user := range v.needed {
		key := event.Key{Type: memberType, StateKey: user}
		if slices.ContainsFunc(v.state, func(s *room.Stored) bool { return keyOf(s) == key }) {
			continue
		}
		member, err := v.memberAt(user, at)
		if err != nil {
			return err
		}
		if member == nil || !v.filter.state.IncludeRedundantMembers && v.device.knows(v.room, user, member.Pos) {
			continue
		}
		v.state = append(v.state, member)
	}
	return nil
}

// memberAt is a user's membership after a position. One that has not changed since then is
// the one of now, which need not be looked for.
func (v *view) memberAt(user string, at stream.Pos) (*room.Stored, error) {
	changed := slices.ContainsFunc(v.changed, func(s *room.Stored) bool {
		return s.Type() == memberType && keyOf(s).StateKey == user
	})
	if !changed {
		at = v.to
	}
	return known(v.Rooms.MemberAt(v.ctx, v.room, user, at))
}

// remember takes note of the memberships that the client is told.
func (v *view) remember() {
	if !v.filter.state.LazyLoadMembers {
		return
	}
	for _, s := range v.state {
		v.note(s)
	}
	if v.StateAfter {
		return
	}
	for _, s := range v.timeline.Events {
		v.note(s.Stored)
	}
}

func (v *view) note(s *room.Stored) {
	if key, isState := s.StateKey(); isState && s.Type() == memberType {
		v.noteMember(memberKey(v.room, key), s.Pos)
	}
}

func (a *answer) noteMember(key uint64, event stream.Pos) {
	if a.members == nil {
		a.members = map[uint64]stream.Pos{}
	}
	a.members[key] = event
}
