package resident

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// take takes a membership into its room that another server has signed for a user of its
// own. Errors: room.ErrUnknownRoom, ErrDenied, those of event.Parse, ErrEventHash,
// ErrEventID, ErrOtherEvent, ErrNotOwnUser, ErrSignature, and why the rules refuse it.
func (s *Resident) take(ctx context.Context, signed Signed) (*room.Room, *event.Event, error) {
	r, err := s.hosted(ctx, signed.Server, signed.Room)
	if err != nil {
		return nil, nil, err
	}
	e, err := signed.parse(r)
	if err != nil {
		return nil, nil, err
	}
	if e, err = s.grant(ctx, r, e); err != nil {
		return nil, nil, err
	}
	if err := s.verify(ctx, e); err != nil {
		return nil, nil, err
	}
	if err := s.accept(ctx, r, e); err != nil {
		return nil, nil, err
	}
	return r, e, s.holds(ctx, r, e)
}

// holds tells whether a membership that was taken is the user's now. One that was over long
// ago may be sent again by anybody who has kept it; it tells of the room as it is nothing.
// The error is ErrRefused.
func (s *Resident) holds(ctx context.Context, r *room.Room, e *event.Event) error {
	is, err := s.Rooms.MembershipNow(ctx, r, matrix.UserID(e.Sender()))
	if membership, _ := e.Field("membership").Text(); err == nil && is != membership {
		err = ErrRefused
	}
	return err
}

// parse reads the event and checks that it is what it is sent as.
func (signed Signed) parse(r *room.Room) (*event.Event, error) {
	e, err := r.Version().Parse(signed.Event)
	if err != nil {
		return nil, err
	}
	user, isState := e.StateKey()
	membership, _ := e.Field("membership").Text()
	switch {
	case e.Redacted():
		return nil, ErrEventHash
	case e.ID() != signed.EventID:
		return nil, ErrEventID
	case e.RoomID() != r.ID(), e.Type() != "m.room.member", !isState, membership != string(signed.Change), user != e.Sender():
		return nil, ErrOtherEvent
	case event.ServerOf(user) != signed.Server:
		return nil, ErrNotOwnUser
	}
	return e, nil
}

// grant signs a join into a restricted room that names a user of ours as who lets the user
// in, if the user may be let in: others take that for sure (server-server API, "Restricted
// rooms"). Whether ours may invite is for the rules.
func (s *Resident) grant(ctx context.Context, r *room.Room, e *event.Event) (*event.Event, error) {
	granter, named := e.Field("join_authorised_via_users_server").Text()
	if !named || !r.Version().RestrictedJoins() || event.ServerOf(granter) != s.ServerName {
		return e, nil
	}
	switch admitted, err := s.Rooms.Admits(ctx, r, matrix.UserID(e.Sender())); {
	case err != nil:
		return nil, err
	case !admitted: // who needs nobody to let them in: that one does is not for us to say
		return e, nil
	}
	signer, err := s.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	return e.Sign(signer)
}

// maxKeys is how many keys of other servers one event is checked with: their ids are
// whatever its sender writes.
const maxKeys = 8

// verify checks the signatures that an event must have. The error is ErrSignature.
func (s *Resident) verify(ctx context.Context, e *event.Event) error {
	signer, err := s.Signer(ctx)
	if err != nil {
		return fmt.Errorf("reading the signing key: %w", err)
	}
	asked := 0
	err = e.Verify(func(server matrix.ServerName, id matrix.KeyID, ts int64) (ed25519.PublicKey, bool) {
		if server == s.ServerName && id == signer.Key.ID {
			return signer.Key.Public(), true
		}
		if asked++; asked > maxKeys {
			return nil, false
		}
		if !e.Version().KeyValidity() {
			ts = 0
		}
		key, err := s.Keys.VerifyKey(ctx, server, id, time.UnixMilli(ts))
		return key, err == nil
	})
	if err != nil {
		return ErrSignature
	}
	return nil
}

// accept has a room take an event in, whose signatures hold. The error is why it does not.
// One that was taken before is taken.
func (s *Resident) accept(ctx context.Context, r *room.Room, e *event.Event) error {
	err := s.Graph.Accept(ctx, r.ID(), e)
	if _, missing := errors.AsType[room.MissingEvents](err); missing {
		return ErrCites
	}
	if err != nil {
		return err
	}
	found, err := s.Rooms.Held(ctx, r, []string{e.ID()})
	if err == nil && (len(found) == 0 || found[0].Rejected() || found[0].SoftFailed()) {
		err = ErrRefused
	}
	return err
}

func sorted(state map[event.Key]string) []string { return slices.Sorted(maps.Values(state)) }
