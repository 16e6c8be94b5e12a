package room

import (
	"context"

	"signet/internal/homeserver/event"
)

// Predecessor is the id of the room that a room replaces, empty if there is none. Both have
// to say so: anybody can make a room that claims to continue another.
func (rs *Rooms) Predecessor(ctx context.Context, roomID string) (string, error) {
	old, err := rs.says(ctx, roomID, createType, "predecessor", "room_id")
	if err != nil || old == "" {
		return "", err
	}
	heir, err := rs.says(ctx, old, tombstoneType, "replacement_room")
	if err != nil || heir != roomID {
		return "", err
	}
	return old, nil
}

// Replacement is the id of the room that replaces a room, empty if there is none.
func (rs *Rooms) Replacement(ctx context.Context, roomID string) (string, error) {
	heir, err := rs.says(ctx, roomID, tombstoneType, "replacement_room")
	if err != nil || heir == "" {
		return "", err
	}
	old, err := rs.says(ctx, heir, createType, "predecessor", "room_id")
	if err != nil || old != roomID {
		return "", err
	}
	return heir, nil
}

// says is a text in the content of a room's state, empty where there is none, or no such
// room.
func (rs *Rooms) says(ctx context.Context, roomID, typ string, path ...string) (string, error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return "", nil
	}
	l, err := rs.load(ctx, r)
	if err != nil {
		return "", err
	}
	held, err := rs.places(ctx, r, l, event.Key{Type: typ})
	if err != nil || len(held) == 0 {
		return "", err
	}
	value := held[0].Field(path[0])
	for _, name := range path[1:] {
		value = value.Field(name)
	}
	text, _ := value.Text()
	return text, nil
}
