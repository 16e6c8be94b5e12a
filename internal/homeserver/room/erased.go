package room

import (
	"context"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// show is an event that the user sees, redacted if its sender had what they sent erased
// before the user could see it (client-server API, "Account deactivation").
func (l *lens) show(ctx context.Context, s *Stored) (Seen, error) {
	s, err := l.curtailed(ctx, s)
	if err != nil {
		return Seen{}, err
	}
	e := Seen{s, l.membership(s)}
	if l.rooms.Erased == nil {
		return e, nil
	}
	since, erased := l.rooms.Erased(matrix.UserID(s.Sender()))
	if !erased || s.Pos > l.joined && l.joined <= since {
		return e, nil
	}
	if err := l.learn(ctx); err != nil {
		return e, err
	}
	if !l.saw(s, since) {
		hidden := *s
		hidden.Event, hidden.Replaced = s.Event.Redact(), nil
		e.Stored = &hidden
	}
	return e, nil
}

// saw tells whether the user could read an event by what they were in the room up to a
// position.
func (l *lens) saw(s *Stored, upTo stream.Pos) bool {
	var stays history
	for _, v := range l.stays {
		if v.pos <= upTo {
			stays = append(stays, v)
		}
	}
	stay := stays.before(s.Pos, Leave)
	switch l.readers.before(s.Pos, shared) {
	case shared, worldReadable:
		return stay == Join || stays.has(Join, s.Pos)
	case invited:
		return stay == Join || stay == Invite
	}
	return stay == Join
}
