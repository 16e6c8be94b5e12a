package room

import (
	"context"
	"errors"
	"fmt"

	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

// ProfileChanged tells every room that a user of this server is in how they call
// themselves now (client-server API, "Events on Change of Profile Information"). A room
// that does not take it leaves the others alone; the error is of all that failed
// otherwise.
func (rs *Rooms) ProfileChanged(ctx context.Context, user matrix.UserID) error {
	profile, err := rs.profile(ctx, user)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range rs.Stays(user) {
		if s.Membership != Join {
			continue
		}
		if err := rs.rename(ctx, s.Room, user, object(profile...)); err != nil && !isRefusal(err) {
			errs = append(errs, fmt.Errorf("telling %s of a profile: %w", s.Room.id, err))
		}
	}
	return errors.Join(errs...)
}

// rename sets what a member's event says of their profile, and leaves the rest of it.
func (rs *Rooms) rename(ctx context.Context, r *Room, user matrix.UserID, profile []byte) error {
	key := string(user)
	_, err := rs.act(ctx, r, func(t *tip) (draft, error) {
		in := t.state[event.Key{Type: memberType, StateKey: key}]
		if in == nil || in.membership != Join {
			return draft{}, settledError{}
		}
		if err := rs.read(ctx, r, in); err != nil {
			return draft{}, err
		}
		was := in.stored.Load()
		if hasProfile(was, profile) {
			return draft{}, settledError{}
		}
		return draft{typ: memberType, stateKey: &key, sender: key, content: renamed(was, profile)}, nil
	})
	return err
}

// hasProfile tells whether a membership has a profile already.
func hasProfile(was *Stored, profile event.Value) bool {
	for _, name := range []string{"displayname", "avatar_url"} {
		if string(was.Field(name)) != string(profile.Field(name)) {
			return false
		}
	}
	return true
}

// renamed is the content of a membership with another profile. What let the user in, or
// why they came, is not true of this event.
func renamed(was *Stored, profile []byte) []byte {
	content := members(was.Content())
	for _, name := range []string{"displayname", "avatar_url", "reason", "join_authorised_via_users_server", "third_party_invite"} {
		delete(content, name)
	}
	for name, value := range members(profile) {
		content[name] = value
	}
	return marshal(content)
}
