package sync

import (
	"slices"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
)

const (
	memberType = "m.room.member"
	nameType   = "m.room.name"
	aliasType  = "m.room.canonical_alias"
)

// view is what an answer tells of one room.
type view struct {
	*answer
	room  *room.Room
	since stream.Pos // all before it has been told
	to    stream.Pos
	fresh bool // the client has nothing of the room
	whole bool // and so, or for other reasons, it gets the whole state

	timeline room.Timeline
	changed  []*room.Stored     // what became of the state after since
	summary  *room.MemberCounts // nil if it has not changed
	named    bool               // by its state, so that its members do not give it a name
	needed   []string           // users whose memberships the client needs, where they are loaded lazily
	state    []*room.Stored
}

// read reads what there is to tell, a part after the other.
func (v *view) read(parts ...func() error) error {
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// readTimeline reads the newest events that are wanted. Those of ignored users are left
// out, state aside.
func (v *view) readTimeline() (err error) {
	v.timeline.Begin = v.to
	if v.room.Last() <= v.since {
		v.timeline.Begin = v.since
		return nil
	}
	if v.filter.noTimeline || !v.filter.timeline.WantsRoom(v.room.ID()) {
		return nil
	}
	v.timeline, err = v.Rooms.Timeline(v.ctx, v.room, room.Stretch{
		User: v.User, Since: v.since, To: v.to, Limit: v.filter.limit, Octets: maxOctets, Filter: v.filter.timeline,
	})
	if v.fresh && !v.initial() { // what was told of the room before does not go on here
		v.timeline.Limited = true
	}
	v.timeline.Events = slices.DeleteFunc(v.timeline.Events, func(s room.Seen) bool {
		_, isState := s.StateKey()
		return !isState && v.ignored[s.Sender()]
	})
	return err
}

func (v *view) readChanges() (err error) {
	if !v.fresh {
		v.changed, err = v.Rooms.StateDelta(v.ctx, v.room, v.since, v.to)
	}
	return err
}

// readSummary counts the members where their number, or who gives the room a name, may
// have changed.
func (v *view) readSummary() error {
	news := slices.ContainsFunc(v.changed, func(s *room.Stored) bool {
		return s.Type() == memberType || s.Type() == nameType || s.Type() == aliasType
	})
	if !v.whole && !news {
		return nil
	}
	counts, err := v.Rooms.MemberCounts(v.ctx, v.room, v.User)
	if err != nil {
		return err
	}
	v.summary = &counts
	v.named, err = v.hasName()
	return err
}

// hasName tells whether the state gives the room a name.
func (v *view) hasName() (bool, error) {
	state, err := v.Rooms.StateOf(v.ctx, v.room, v.to, func(key event.Key) bool {
		return key.StateKey == "" && (key.Type == nameType || key.Type == aliasType)
	})
	if err != nil {
		return false, err
	}
	if state, err = v.Rooms.Veil(v.ctx, v.room, v.User, state); err != nil {
		return false, err
	}
	return slices.ContainsFunc(state, func(s *room.Stored) bool {
		name, _ := s.Field(strings.TrimPrefix(strings.TrimPrefix(s.Type(), "m.room."), "canonical_")).Text()
		return name != ""
	}), nil
}
