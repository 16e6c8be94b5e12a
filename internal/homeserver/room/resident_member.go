package room

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Why this server cannot let a user of another one into a restricted room (server-server
// API, "Restricted rooms").
var (
	ErrCannotTell  = errors.New("this server is not in all rooms whose members may join: ask another one")
	ErrCannotGrant = errors.New("nobody of this server may invite into the room: ask another one")
)

// Propose makes the event by which a user of another server changes their own membership,
// as it would have to be now: that server signs it. Nothing is stored. Errors: an
// authz.Refusal, ErrCannotTell, ErrCannotGrant.
func (rs *Rooms) Propose(ctx context.Context, r *Room, user matrix.UserID, membership string) (*event.Event, error) {
	granted := false
	if membership == Join {
		var err error
		if granted, err = rs.Admits(ctx, r, user); err != nil {
			return nil, err
		}
	}
	signer, err := rs.Signer(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return nil, err
	}
	names := []string{"membership", membership}
	if granted {
		granter := rs.granter(&l.tip)
		if granter == "" {
			return nil, ErrCannotGrant
		}
		names = append(names, "join_authorised_via_users_server", granter)
	}
	key := string(user)
	s, _, err := rs.build(ctx, r, &l.tip, draft{typ: memberType, stateKey: &key, sender: key, content: object(names...)}, signer)
	if err != nil {
		return nil, err
	}
	return s.Event, nil
}

// Admits tells whether a user needs somebody to let them into a restricted room, and may be
// let in. The error is authz.ErrJoinRule for a user who may not, or ErrCannotTell.
func (rs *Rooms) Admits(ctx context.Context, r *Room, user matrix.UserID) (bool, error) {
	rules, err := rs.Current(ctx, r, event.Key{Type: joinRulesType})
	if errors.Is(err, ErrUnknownEvent) {
		return false, nil
	}
	if err != nil || !r.restrictedBy(rules) {
		return false, err
	}
	switch is, err := rs.MembershipNow(ctx, r, user); {
	case err != nil:
		return false, err
	case is == Invite, is == Join:
		return false, nil
	}
	return rs.fulfils(ctx, rules.Event, user)
}

// restrictedBy tells whether join rules let in whoever is in certain rooms.
func (r *Room) restrictedBy(rules *Stored) bool {
	rule, _ := rules.Field("join_rule").Text()
	return rule == "restricted" && r.version.RestrictedJoins() || rule == "knock_restricted" && r.version.KnockRestricted()
}

// fulfils tells whether a user is in one of the rooms whose members may join. Of a room that
// this server is not in it knows nothing, so that only who fails all conditions is refused:
// another server may find that one is met.
func (rs *Rooms) fulfils(ctx context.Context, rules *event.Event, user matrix.UserID) (bool, error) {
	unknown := false
	conditions, _ := rules.Field("allow").Elements()
	for _, condition := range conditions {
		is, here, err := rs.membershipAsked(ctx, condition, user)
		if err != nil || is == Join {
			return err == nil, err
		}
		unknown = unknown || !here
	}
	if unknown {
		return false, ErrCannotTell
	}
	return false, authz.ErrJoinRule
}

// membershipAsked is what a user is in the room of a condition, and whether that is known
// here.
func (rs *Rooms) membershipAsked(ctx context.Context, condition event.Value, user matrix.UserID) (is string, here bool, err error) {
	kind, _ := condition.Field("type").Text()
	id, _ := condition.Field("room_id").Text()
	r, err := rs.Room(id)
	if kind != "m.room_membership" || err != nil {
		return "", false, nil
	}
	if here, err = rs.Hosts(ctx, r); err != nil || !here {
		return "", false, err
	}
	is, err = rs.MembershipNow(ctx, r, user)
	return is, true, err
}
