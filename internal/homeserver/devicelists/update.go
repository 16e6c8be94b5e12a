package devicelists

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
)

// What is wrong with an update.
var (
	ErrContent = errors.New("the update names no user")
	ErrOrigin  = errors.New("the update is about a user of another server")
)

// Update takes the content of an m.device_list_update or m.signing_key_update, and tells
// whether it is news, by which what was known of the user is out of date. Clients are to be
// told of news, after this. Errors: ErrContent, ErrOrigin.
func (l *Lists) Update(ctx context.Context, origin matrix.ServerName, content []byte) (news bool, err error) {
	user, err := subject(origin, content)
	if err != nil {
		return false, err
	}
	known, err := l.knows(ctx, user, content)
	if err != nil || known {
		return false, err
	}
	l.overtake(user)
	if err := markStale(ctx, l.DB, user); err != nil {
		return false, fmt.Errorf("marking a list of devices: %w", err)
	}
	return true, nil
}

// subject is whom an update is about.
func subject(origin matrix.ServerName, content []byte) (matrix.UserID, error) {
	var about struct {
		User matrix.UserID `json:"user_id"`
	}
	if json.Unmarshal(content, &about) != nil {
		return "", ErrContent
	}
	user, err := matrix.ParseUserID(about.User.String())
	if err != nil {
		return "", ErrContent
	}
	if user.Server() != origin {
		return "", ErrOrigin
	}
	return user, nil
}

// knows tells whether an update says again what is known: one that follows on itself, since
// its sender has met us, of what a list that counts says too. Any other update may be news to
// clients that have asked earlier than we have, and one that is not of the form that it should
// have is news to be on the safe side. Where no list is kept, clients may have keys all the same,
// of a list that was forgotten, but none of a device that has none.
func (l *Lists) knows(ctx context.Context, user matrix.UserID, content []byte) (bool, error) {
	var u update
	if json.Unmarshal(content, &u) != nil || !u.again() || l.isAsked(user) {
		return false, nil
	}
	kept, counts, err := l.kept(ctx, user)
	switch {
	case err != nil:
		return false, err
	case !kept.there:
		return u.bare() && !u.Deleted, nil
	}
	return counts && kept.says(u), nil
}

// isAsked tells whether a user is being asked for.
func (l *Lists) isAsked(user matrix.UserID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asking[user] != nil
}

// overtake says that answers which are under way may be out of date.
func (l *Lists) overtake(user matrix.UserID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if in := l.asking[user]; in != nil {
		in.changed = true
	}
}

// update is what an m.device_list_update says of a device.
type update struct {
	Device   e2ee.DeviceID  `json:"device_id"`
	Name     string         `json:"device_display_name"`
	Stream   int64          `json:"stream_id"`
	Previous []int64        `json:"prev_id"`
	Deleted  bool           `json:"deleted"`
	Keys     jsontext.Value `json:"keys"`
}

// again tells whether the update follows on itself: at its sender nothing has changed.
func (u update) again() bool { return u.Device != "" && slices.Contains(u.Previous, u.Stream) }

// bare tells whether the device has no keys.
func (u update) bare() bool { return u.Keys == nil || u.Keys.Kind() == 'n' }

// says tells whether the list says what an update says: devices without keys are in none.
func (l list) says(u update) bool {
	kept, has := l.keys.Devices[u.Device]
	if u.Deleted || u.bare() {
		return !has
	}
	there, name, err := split(kept)
	if !has || err != nil || name != u.Name {
		return false
	}
	sent, _, err := split(u.Keys)
	return err == nil && bytes.Equal(there, sent)
}

// split is keys with their signatures, as canonical JSON, and the name of their device.
func split(keys jsontext.Value) (signed []byte, name string, err error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(keys, &members); err != nil {
		return nil, "", err
	}
	var unsigned struct {
		Name string `json:"device_display_name"`
	}
	if raw, has := members["unsigned"]; has {
		if err := json.Unmarshal(raw, &unsigned); err != nil {
			return nil, "", err
		}
	}
	delete(members, "unsigned")
	text, err := json.Marshal(members)
	if err != nil {
		return nil, "", err
	}
	signed, err = matrix.CanonicalJSON(text)
	return signed, unsigned.Name, err
}
