package room

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// Membership is a user's wish about a membership: their own, or that of Target.
type Membership struct {
	Room   string // an id
	Sender matrix.UserID
	Target matrix.UserID
	Reason string
	// Content is what else the event shall say, a JSON object; nil is nothing.
	Content []byte
}

// What the memberships refuse, beside what authz.Check does.
var (
	ErrNotMember = errors.New("the user is not in the room")
	ErrNotBanned = errors.New("the user is not banned")
	ErrUserID    = errors.New("not a valid user id")
)

// Join lets a user join a room and returns when they are in it. One who is in it already
// stays as they are. Errors: ErrUnknownRoom, an authz.Refusal.
func (rs *Rooms) Join(ctx context.Context, m Membership) error {
	m.Target = m.Sender
	r, err := rs.Room(m.Room)
	if err != nil {
		return err
	}
	landed, err := rs.joins.Take(ctx, string(m.Sender)+" "+r.id)
	if err != nil {
		return err
	}
	defer landed()
	profile, err := rs.profile(ctx, m.Sender)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Join, func(t *tip) ([]byte, error) {
		if t.membership(string(m.Sender)) == Join {
			return nil, settledError{}
		}
		authoriser, err := rs.authoriser(r, t, m.Sender)
		if err != nil {
			return nil, err
		}
		return object(append(profile, "join_authorised_via_users_server", authoriser)...), nil
	})
}

// profile is how a user calls themselves, as the content of a membership has it: names and
// values. It is nothing for users of other servers.
func (rs *Rooms) profile(ctx context.Context, user matrix.UserID) ([]string, error) {
	if rs.Profiles == nil || user.Server() != rs.ServerName {
		return nil, nil
	}
	name, avatar, err := rs.Profiles.Profile(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("reading a profile: %w", err)
	}
	return []string{"displayname", name, "avatar_url", avatar}, nil
}

// change gives somebody a membership. say is the content, given the tip.
func (rs *Rooms) change(ctx context.Context, r *Room, m Membership, to string, say func(*tip) ([]byte, error)) error {
	_, err := rs.act(ctx, r, func(t *tip) (draft, error) {
		content, err := say(t)
		if err != nil {
			return draft{}, err
		}
		key := string(m.Target)
		return draft{typ: memberType, stateKey: &key, sender: string(m.Sender), content: m.content(to, content)}, nil
	})
	return err
}

// content is what the event of a membership says: what its sender wants to say too, and
// above that what we know.
func (m Membership) content(to string, known []byte) []byte {
	all := members(m.Content)
	for name, value := range members(known) {
		if all == nil {
			all = members(known)
			break
		}
		all[name] = value
	}
	if all == nil {
		all = members([]byte("{}"))
	}
	all["membership"] = quote(nil, to)
	if m.Reason != "" {
		all["reason"] = quote(nil, m.Reason)
	}
	return marshal(all)
}

// authoriser is who lets a user into a restricted room, empty if nobody has to (client-server
// API, "Restricted rooms"). It is a member of this server who could invite.
func (rs *Rooms) authoriser(r *Room, t *tip, user matrix.UserID) (string, error) {
	rules := t.Event(joinRulesType, "")
	if rules == nil || !r.version.RestrictedJoins() || t.membership(string(user)) == Invite {
		return "", nil
	}
	rule, _ := rules.Field("join_rule").Text()
	if rule != "restricted" && !(rule == "knock_restricted" && r.version.KnockRestricted()) {
		return "", nil
	}
	if !rs.inAllowed(rules, user) {
		return "", authz.ErrJoinRule
	}
	if granter := rs.granter(t); granter != "" {
		return granter, nil
	}
	return "", authz.ErrAuthoriser
}

// granter is a member of this server who could invite, empty if there is none.
func (rs *Rooms) granter(t *tip) string {
	levels := t.PowerLevels()
	if levels == nil {
		return ""
	}
	for key, in := range t.state {
		if key.Type == memberType && in.membership == Join && rs.local(key.StateKey) && levels.User(key.StateKey) >= levels.Invite() {
			return key.StateKey
		}
	}
	return ""
}

// inAllowed tells whether a user is in one of the rooms whose members may join.
func (rs *Rooms) inAllowed(rules *event.Event, user matrix.UserID) bool {
	conditions, _ := rules.Field("allow").Elements()
	for _, condition := range conditions {
		kind, _ := condition.Field("type").Text()
		id, _ := condition.Field("room_id").Text()
		if r, err := rs.Room(id); kind == "m.room_membership" && err == nil && rs.stay(user, r).Membership == Join {
			return true
		}
	}
	return false
}

// Leave lets a user leave a room, or refuse an invitation, or take back a knock. Errors:
// ErrUnknownRoom, an authz.Refusal.
func (rs *Rooms) Leave(ctx context.Context, m Membership) error {
	m.Target = m.Sender
	r, err := rs.Room(m.Room)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Leave, func(*tip) ([]byte, error) { return nil, nil })
}

// Invite invites Target. Errors: ErrUnknownRoom, ErrUserID, an authz.Refusal, that of
// Invitable.
func (rs *Rooms) Invite(ctx context.Context, m Membership) error {
	r, err := rs.about(m)
	if err == nil {
		err = rs.invitable(ctx, m.Sender, m.Target)
	}
	if err != nil {
		return err
	}
	profile, err := rs.profile(ctx, m.Target)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Invite, func(t *tip) ([]byte, error) { return object(profile...), t.mayInvite(m) })
}

// mayInvite refuses what the rules let through alone of invitations that stem from one to a
// third-party identifier: a membership of who is in the room "must never" become one
// (client-server API, m.room.member).
func (t *tip) mayInvite(m Membership) error {
	if members(m.Content)["third_party_invite"] != nil && t.membership(string(m.Target)) == Join {
		return authz.ErrInviteTarget
	}
	return nil
}

// invitable is the error of an invitation that is not to be made.
func (rs *Rooms) invitable(ctx context.Context, by, user matrix.UserID) error {
	if rs.Invitable == nil {
		return nil
	}
	return rs.Invitable(ctx, by, user)
}

// Knock asks for an invitation. Errors: ErrUnknownRoom, an authz.Refusal.
func (rs *Rooms) Knock(ctx context.Context, m Membership) error {
	m.Target = m.Sender
	r, err := rs.Room(m.Room)
	if err != nil {
		return err
	}
	profile, err := rs.profile(ctx, m.Sender)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Knock, func(*tip) ([]byte, error) { return object(profile...), nil })
}

// Kick removes Target, who has joined, was invited or has knocked. Errors: ErrUnknownRoom,
// ErrUserID, ErrNotMember, an authz.Refusal.
func (rs *Rooms) Kick(ctx context.Context, m Membership) error {
	r, err := rs.about(m)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Leave, func(t *tip) ([]byte, error) {
		switch t.membership(string(m.Target)) {
		case Join, Invite, Knock:
			return nil, nil
		}
		return nil, ErrNotMember
	})
}

// Ban bans Target. Errors: ErrUnknownRoom, ErrUserID, an authz.Refusal.
func (rs *Rooms) Ban(ctx context.Context, m Membership) error {
	r, err := rs.about(m)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Ban, func(*tip) ([]byte, error) { return nil, nil })
}

// Unban lets Target come back, once somebody invites them. Errors: ErrUnknownRoom, ErrUserID,
// ErrNotBanned, an authz.Refusal.
func (rs *Rooms) Unban(ctx context.Context, m Membership) error {
	r, err := rs.about(m)
	if err != nil {
		return err
	}
	return rs.change(ctx, r, m, Leave, func(t *tip) ([]byte, error) {
		if t.membership(string(m.Target)) != Ban {
			return nil, ErrNotBanned
		}
		return nil, nil
	})
}

// about is the room of a wish about somebody else.
func (rs *Rooms) about(m Membership) (*Room, error) {
	if !event.ValidUserID(string(m.Target)) {
		return nil, ErrUserID
	}
	return rs.Room(m.Room)
}
