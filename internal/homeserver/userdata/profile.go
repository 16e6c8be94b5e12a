package userdata

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/internal/store"
)

// The fields of a profile that rooms show too.
const (
	DisplayName = "displayname"
	AvatarURL   = "avatar_url"
	timeZone    = "m.tz"
)

// The bounds of a profile.
const (
	maxField   = 255      // octets of a field's name
	maxProfile = 64 << 10 // octets of all names and values (client-server API, "Profiles")
	maxName    = 256      // characters of the display name
	maxAvatar  = 1000     // octets
)

// Profile is what a user tells of themselves, by field. Each value is JSON.
type Profile map[string]jsontext.Value

// Text is a field that is text, empty if there is none.
func (p Profile) Text(field string) string {
	var text string
	if json.Unmarshal(p[field], &text) != nil {
		return ""
	}
	return text
}

// What is no profile.
var (
	ErrField        = errors.New("not the name of a profile field")
	ErrFieldLong    = errors.New("the name of a profile field has more than 255 octets")
	ErrValue        = errors.New("not a value of this profile field")
	ErrProfileLarge = errors.New("the profile would have more than 64 KiB")
)

var fieldName = regexp.MustCompile(`^(avatar_url|displayname|m\.tz|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+)$`)

// CheckField tells whether a profile may have a field of that name. The errors are
// ErrField and ErrFieldLong.
func CheckField(field string) error {
	switch {
	case len(field) > maxField:
		return ErrFieldLong
	case !fieldName.MatchString(field):
		return ErrField
	}
	return nil
}

// Profile is all fields of a user, none where nothing is stored.
func (d *Data) Profile(ctx context.Context, user matrix.UserID) (Profile, error) {
	p, err := selectProfile(ctx, d.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading a profile: %w", err)
	}
	return p, nil
}

// askedTogether is of how many users the database is asked at once.
const askedTogether = 500

// EachProfile does something for every user who has a display name or an avatar, with both:
// for each of some, or for all if there are none.
func (d *Data) EachProfile(ctx context.Context, users []matrix.UserID, do func(user matrix.UserID, displayName, avatarURL string)) error {
	texts := map[matrix.UserID]struct{ name, avatar string }{}
	take := func(user matrix.UserID, field, value string) {
		both := texts[user]
		if text := (Profile{field: jsontext.Value(value)}).Text(field); field == AvatarURL {
			both.avatar = text
		} else {
			both.name = text
		}
		texts[user] = both
	}
	for first := true; first || len(users) > 0; first = false {
		some := users[:min(len(users), askedTogether)]
		users = users[len(some):]
		if err := eachText(ctx, d.DB, some, take); err != nil {
			return fmt.Errorf("reading profiles: %w", err)
		}
	}
	for user, both := range texts {
		do(user, both.name, both.avatar)
	}
	return nil
}

// SetField stores a field of a profile; an empty display name or avatar deletes it. Those
// who follow the profile are told. The errors are those of CheckField, ErrValue and
// ErrProfileLarge.
func (d *Data) SetField(ctx context.Context, user matrix.UserID, field string, value jsontext.Value) error {
	if err := CheckField(field); err != nil {
		return err
	}
	empty, err := checkValue(field, value)
	if err != nil {
		return err
	}
	if empty {
		return d.DeleteField(ctx, user, field)
	}
	return d.change(ctx, user, field, func(p Profile) { p[field] = value })
}

// DeleteField deletes a field, if it is there.
func (d *Data) DeleteField(ctx context.Context, user matrix.UserID, field string) error {
	if err := CheckField(field); err != nil {
		return err
	}
	return d.change(ctx, user, field, func(p Profile) { delete(p, field) })
}

// checkValue tells whether the specification lets the field have the value, and whether
// that is empty. Avatars that are no mxc URI pass: they do no harm, and clients show none.
func checkValue(field string, value jsontext.Value) (empty bool, err error) {
	most := 0
	switch field {
	case DisplayName:
		most = maxName
	case AvatarURL, timeZone:
		most = maxAvatar
	default:
		return false, nil
	}
	var text string
	if value.Kind() != '"' || json.Unmarshal(value, &text) != nil || len([]rune(text)) > most {
		return false, ErrValue
	}
	return text == "" && field != timeZone, nil
}

// change reads the profile, stores what edit makes of its field, and tells who follows,
// also of what is the same as before: they may have failed to take it the last time.
func (d *Data) change(ctx context.Context, user matrix.UserID, field string, edit func(Profile)) error {
	var p Profile
	err := d.DB.Tx(ctx, func(tx *store.Tx) (err error) {
		if err := d.admit(ctx, tx, user); err != nil {
			return err
		}
		if p, err = selectProfile(ctx, tx, user); err != nil {
			return err
		}
		before, had := p[field]
		edit(p)
		value, has := p[field]
		if had == has && slices.Equal(before, value) {
			return nil
		}
		if p.size() > maxProfile {
			return ErrProfileLarge
		}
		if !has {
			return deleteField(ctx, tx, user, field)
		}
		return putField(ctx, tx, user, field, value)
	})
	if err != nil {
		return fmt.Errorf("changing a profile: %w", err)
	}
	if d.Follower == nil {
		return nil
	}
	if err := d.Follower.ProfileChanged(ctx, user, p); err != nil {
		return fmt.Errorf("telling of a changed profile: %w", err)
	}
	return nil
}

func (p Profile) size() (n int) {
	for field, value := range p {
		n += len(field) + len(value)
	}
	return n
}
