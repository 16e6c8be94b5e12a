package room

import (
	"context"
	"fmt"
	"slices"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Upgrade is a wish to continue a room in one of another version.
type Upgrade struct {
	Room     string
	User     matrix.UserID
	Version  string
	Creators []string // beside the user, where creators are privileged
}

// transferred are the types of state that the new room takes over (client-server API,
// "Room Upgrades"). Its power levels come last: until then the user must be able to set
// the rest.
var transferred = []string{aclType, encryptionType, nameType, avatarType, topicType, guestType, visibilityType, joinRulesType}

// Upgrade makes the new room, moves the aliases of the old one there and closes the old
// one. It returns the new room's id. Errors: ErrUnknownRoom, event.ErrVersion, ErrMayNot.
func (rs *Rooms) Upgrade(ctx context.Context, u Upgrade) (replacement string, err error) {
	r, err := rs.Room(u.Room)
	if err != nil {
		return "", err
	}
	v, err := event.ParseVersion(u.Version)
	if err != nil {
		return "", err
	}
	c, err := rs.successor(ctx, r, v, u)
	if err != nil {
		return "", err
	}
	if replacement, err = rs.Create(ctx, c); err != nil {
		return "", err
	}
	if err := rs.close(ctx, r, u.User, replacement); err != nil {
		return "", err
	}
	if err := moveAliases(ctx, rs.DB, r.id, replacement); err != nil {
		return "", fmt.Errorf("moving aliases: %w", err)
	}
	return replacement, nil
}

// successor is the room that continues another.
func (rs *Rooms) successor(ctx context.Context, r *Room, v event.Version, u Upgrade) (c Creation, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return c, err
	}
	t := &l.tip
	levels := t.PowerLevels()
	if levels == nil || t.membership(string(u.User)) != Join || levels.User(string(u.User)) < levels.Event(tombstoneType, true) {
		return c, ErrMayNot
	}
	c = Creation{Creator: u.User, Version: v.String(), Preset: PrivateChat, Listed: r.listed.Load(), CreationContent: r.successorContent(t, v, u)}
	for _, typ := range transferred {
		if e := t.Event(typ, ""); e != nil {
			c.InitialState = append(c.InitialState, StateEvent{Type: typ, Content: e.Content()})
		}
	}
	if e := t.Event(levelsType, ""); e != nil {
		c.PowerLevels, c.lastLevels = successorLevels(e, v, u)
	}
	return c, nil
}

// successorContent is what the m.room.create of the new room says beside what every one
// does: what the old one said, and which room it continues.
func (r *Room) successorContent(t *tip, v event.Version, u Upgrade) []byte {
	content := members(t.Event(createType, "").Content())
	for _, name := range []string{"creator", "room_version", "additional_creators", "predecessor"} {
		delete(content, name)
	}
	content["predecessor"] = object("room_id", r.id, "event_id", t.extremities[0].ID())
	creators := slices.DeleteFunc(slices.Clone(u.Creators), func(id string) bool { return id == string(u.User) })
	if v.PrivilegedCreators() && len(creators) > 0 {
		content["additional_creators"] = marshal(creators)
	}
	return marshal(content)
}

// successorLevels are the power levels that the new room begins with, under which its
// creator can set all others, and those that it ends with, which are the old room's.
// Creators that are privileged are in neither.
func successorLevels(old *event.Event, v event.Version, u Upgrade) (first, last []byte) {
	content := members(old.Content())
	users := members(content["users"])
	for user := range users {
		if v.PrivilegedCreators() && (user == string(u.User) || slices.Contains(u.Creators, user)) {
			delete(users, user)
		}
	}
	content["users"] = marshal(users)
	if users == nil {
		content["users"] = []byte("{}")
	}
	last = marshal(content)
	if v.PrivilegedCreators() {
		return nil, last
	}
	highest := int64(administrator)
	for _, level := range levelsIn(last, v) {
		highest = max(highest, level)
	}
	return marshal(map[string]any{"users": map[string]int64{string(u.User): highest}}), last
}

// levelsIn are all levels that power levels name.
func levelsIn(content []byte, v event.Version) []int64 {
	canonical, err := event.Canonical(content, true)
	if err != nil {
		return nil
	}
	levels, err := authz.ParsePowerLevels(v, canonical)
	if err != nil {
		return nil
	}
	found := []int64{levels.Invite(), levels.Kick(), levels.Ban(), levels.Redact(), levels.Event("", true), levels.Event("", false)}
	for user := range event.Value(canonical).Field("users").Members() {
		found = append(found, levels.User(user))
	}
	for typ := range event.Value(canonical).Field("events").Members() {
		found = append(found, levels.Event(typ, true))
	}
	for key := range event.Value(canonical).Field("notifications").Members() {
		found = append(found, levels.Notification(key))
	}
	return found
}

// close tells the old room where it goes on, and lets nobody speak there any more who is
// no moderator, if the user may do that.
func (rs *Rooms) close(ctx context.Context, r *Room, user matrix.UserID, replacement string) error {
	key := ""
	_, err := rs.act(ctx, r, func(*tip) (draft, error) {
		content := object("body", "This room has been replaced", "replacement_room", replacement)
		return draft{typ: tombstoneType, stateKey: &key, sender: string(user), content: content}, nil
	})
	if err != nil {
		return err
	}
	_, err = rs.act(ctx, r, func(t *tip) (draft, error) {
		now, levels := t.Event(levelsType, ""), t.PowerLevels()
		if now == nil || levels == nil {
			return draft{}, settledError{}
		}
		content := members(now.Content())
		closed := marshal(max(moderator, levels.User("")+1))
		content["events_default"], content["invite"] = closed, closed
		return draft{typ: levelsType, stateKey: &key, sender: string(user), content: marshal(content)}, nil
	})
	if isRefusal(err) {
		return nil
	}
	return err
}
