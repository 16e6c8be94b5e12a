package room

import (
	"bytes"
	"context"
	"errors"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Sending is an event that a user sends into a room. Content is a JSON object.
type Sending struct {
	Room     string
	Sender   matrix.UserID
	Type     string
	StateKey *string // nil for an event that is no state event
	Content  []byte
	// Transaction makes the request one that is done once; the zero value does not.
	Transaction Transaction
	// BeforeInvite, if set, is asked once it is known that this invites somebody: its error ends it.
	BeforeInvite func() error
}

// What sending refuses, beside what authz.Check and event.Build do.
var (
	ErrRedacts     = errors.New("the redaction names no event that it redacts")
	ErrMayNot      = errors.New("you are not allowed to do that in the room")
	ErrBadAlias    = errors.New("the alias does not lead to the room")
	ErrAliasFormat = errors.New("not a valid room alias")
)

// Send sends an event and returns its id once everybody can see it. Errors: ErrUnknownRoom,
// ErrRedacts, ErrBadAlias, an authz.Refusal, those of BeforeInvite, Invitable and event.Build.
func (rs *Rooms) Send(ctx context.Context, s Sending) (eventID string, err error) {
	r, err := rs.Room(s.Room)
	if err != nil {
		return "", err
	}
	if s.Type == redactionType && s.StateKey == nil {
		target, _ := event.Value(s.Content).Field("redacts").Text()
		return rs.redact(ctx, r, s, target)
	}
	if err := rs.checkAliases(ctx, r, s); err != nil {
		return "", err
	}
	if s.Type == memberType {
		s.Content = unauthorised(s.Content)
		if err := rs.checkInvited(ctx, s); err != nil {
			return "", err
		}
	}
	return rs.send(ctx, r, s, func(t *tip) (draft, error) {
		if err := same(ctx, rs, r, t, s); err != nil {
			return draft{}, err
		}
		return s.draft(), nil
	})
}

// checkInvited refuses an invitation, sent as the state that it is, which is not wanted.
func (rs *Rooms) checkInvited(ctx context.Context, s Sending) error {
	membership, _ := event.Value(s.Content).Field("membership").Text()
	if s.StateKey == nil || membership != Invite {
		return nil
	}
	if s.BeforeInvite != nil {
		if err := s.BeforeInvite(); err != nil {
			return err
		}
	}
	return rs.invitable(ctx, s.Sender, matrix.UserID(*s.StateKey))
}

// unauthorised is the content of a membership without who has let the user in: the event needs
// the signature of that user's server, so that it is not for clients to say (room version 8,
// "Authorization rules").
func unauthorised(content []byte) []byte {
	canonical, err := event.Canonical(content, true)
	if err != nil {
		return content // Build tells what is wrong with it
	}
	return event.Value(canonical).Without("join_authorised_via_users_server")
}

// send is actOnce for an event that a client sends.
func (rs *Rooms) send(ctx context.Context, r *Room, s Sending, think func(*tip) (draft, error)) (eventID string, err error) {
	if s.Transaction.ID == "" {
		return rs.act(ctx, r, think)
	}
	t := newTransaction(s.Sender, s.Transaction, s.Room, s.Type)
	if eventID, err = rs.done(ctx, t); err != nil || eventID != "" {
		return eventID, err
	}
	return rs.actOnce(ctx, r, t, think)
}

func (s Sending) draft() draft {
	return draft{typ: s.Type, stateKey: s.StateKey, sender: string(s.Sender), content: s.Content,
		sent: Sent{Device: s.Transaction.Device, TransactionID: s.Transaction.ID}}
}

// same is a settledError if the state is what the sender wants already, and of their own.
func same(ctx context.Context, rs *Rooms, r *Room, t *tip, s Sending) error {
	if s.StateKey == nil {
		return nil
	}
	in := t.state[event.Key{Type: s.Type, StateKey: *s.StateKey}]
	if in == nil {
		return nil
	}
	if err := rs.read(ctx, r, in); err != nil {
		return err
	}
	now := in.stored.Load()
	canonical, err := event.Canonical(s.Content, true)
	if err != nil || now.Sender() != string(s.Sender) || !bytes.Equal(canonical, now.Content()) {
		return nil // Build tells what is wrong with content
	}
	if t.membership(string(s.Sender)) != Join {
		return authz.ErrNotJoined
	}
	return settledError{now.ID()}
}
