package room

import (
	"context"
	"errors"
	"strings"
)

// maxHops is how many relations are followed to find out which thread an event is in.
const maxHops = 3

// Thread is the id of the root of the thread that an event is in, empty for the main
// timeline, where roots are and what relates to them in other ways (client-server API,
// "Threaded read receipts").
func (rs *Rooms) Thread(ctx context.Context, r *Room, s *Stored) (root string, err error) {
	for range maxHops {
		parent, inThread := s.relation()
		if inThread || parent == "" {
			return parent, nil
		}
		s, err = rs.recentByID(ctx, r, parent)
		if errors.Is(err, ErrUnknownEvent) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// Relates tells whether an event relates to another, itself or by way of others, none of
// which starts a thread.
func (rs *Rooms) Relates(ctx context.Context, r *Room, s *Stored, to string) (bool, error) {
	for range maxHops {
		parent, inThread := s.relation()
		if inThread || parent == "" || parent == to {
			return parent == to && parent != "", nil
		}
		var err error
		if s, err = rs.recentByID(ctx, r, parent); errors.Is(err, ErrUnknownEvent) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

// maxEventID is how long an event id may be in octets.
const maxEventID = 255

// relation is the event that an event relates to, empty for none, and whether that is the
// root of its thread. What cannot be an event's id is none.
func (s *Stored) relation() (parent string, inThread bool) {
	relation := s.Field("m.relates_to")
	kind, _ := relation.Field("rel_type").Text()
	parent, _ = relation.Field("event_id").Text()
	if kind == "" || !strings.HasPrefix(parent, "$") || len(parent) > maxEventID {
		return "", false
	}
	return parent, kind == "m.thread"
}
