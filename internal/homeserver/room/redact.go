package room

import (
	"context"
	"errors"
	"strings"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Redaction is a user's wish to redact an event.
type Redaction struct {
	Room        string
	Sender      matrix.UserID
	EventID     string
	Reason      string
	Transaction Transaction
}

// Redact redacts an event and returns the id of the redaction. Who may redact anything may
// redact what is not here, too: the other servers are told, and if it ever comes it comes
// redacted. Errors: ErrUnknownRoom, ErrUnknownEvent, ErrMayNot, and those of Send.
func (rs *Rooms) Redact(ctx context.Context, red Redaction) (eventID string, err error) {
	r, err := rs.Room(red.Room)
	if err != nil {
		return "", err
	}
	s := Sending{Room: red.Room, Sender: red.Sender, Type: redactionType, Transaction: red.Transaction, Content: object("reason", red.Reason)}
	return rs.redact(ctx, r, s, red.EventID)
}

func (rs *Rooms) redact(ctx context.Context, r *Room, s Sending, target string) (eventID string, err error) {
	if target == "" {
		return "", ErrRedacts
	}
	if s.Content, err = r.redactionContent(s.Content, target); err != nil {
		return "", err
	}
	return rs.send(ctx, r, s, func(t *tip) (draft, error) {
		d := s.draft()
		levels := t.PowerLevels()
		if t.membership(d.sender) != Join || levels == nil {
			return draft{}, ErrMayNot
		}
		mighty := levels.User(d.sender) >= levels.Redact()
		d.redacts, err = rs.onTip(ctx, r, t, target)
		switch {
		case errors.Is(err, ErrUnknownEvent) && mighty && isEventID(target):
			d.ahead = target
		case err != nil:
			return draft{}, err
		case !mighty && d.sender != d.redacts.Sender():
			return draft{}, ErrMayNot
		}
		return d, nil
	})
}

// isEventID tells whether an event of any version may have an id.
func isEventID(id string) bool {
	return strings.HasPrefix(id, "$") && len(id) <= maxEventID && !hasZero(id)
}

// onTip reads an event that is stored, or waits to be.
func (rs *Rooms) onTip(ctx context.Context, r *Room, t *tip, id string) (*Stored, error) {
	for _, s := range t.extremities {
		if s.ID() == id {
			return s, nil
		}
	}
	return rs.storedByID(ctx, r, id)
}

// redactionContent is the content of a redaction, with its target where the room's version
// has it there.
func (r *Room) redactionContent(content []byte, target string) ([]byte, error) {
	if !r.version.RedactsInContent() {
		return content, nil
	}
	canonical, err := event.Canonical(content, true)
	if err != nil {
		return nil, err
	}
	rest := event.Value(canonical).Without("redacts")
	return with(rest, "redacts", target), nil
}

// redact is what becomes of an event that is redacted.
func redact(from *Stored) *redacted {
	to := *from
	to.Event = from.Event.Redact()
	return &redacted{from: from, to: &to}
}

// redactAhead has an event remembered that redacts one which is not here. Nobody is shown it:
// users are told of a redaction by what it redacts (room versions, "Handling redactions").
func (op *operation) redactAhead(s *Stored, target string) {
	s.fate = hidden
	if isEventID(target) {
		op.aside.ahead = target
	}
}

// redactions lets an event redact what it redacts, and be redacted by what has come before
// it. In before, what decides is known.
func (rs *Rooms) redactions(ctx context.Context, r *Room, op *operation, s *Stored, before *tip) error {
	for _, typ := range []string{createType, levelsType} {
		if err := rs.read(ctx, r, before.state[keyOf(typ)]); err != nil {
			return err
		}
	}
	ahead, err := selectRedactionAhead(ctx, rs.DB, r.nid, s.ID())
	if err != nil {
		return err
	}
	if ahead != "" {
		by, err := rs.storedByID(ctx, r, ahead)
		if err == nil && authz.MayRedact(by.Event, s.Event, before.PowerLevels()) {
			s.Event, s.Redaction = s.Event.Redact(), by
		}
	}
	id := s.Redacts()
	if id == "" || s.Type() != redactionType {
		return nil
	}
	target, err := rs.onTip(ctx, r, before, id)
	switch {
	case errors.Is(err, ErrUnknownEvent):
		op.redactAhead(s, id)
	case err != nil:
		return err
	case !authz.MayRedact(s.Event, target.Event, before.PowerLevels()):
		s.fate = hidden // it redacts nothing
	case !target.Redacted():
		op.redacts = redact(target)
	}
	return nil
}
