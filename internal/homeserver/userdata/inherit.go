package userdata

import (
	"context"
	"errors"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// directType is which rooms are for talks with whom (client-server API, "Direct Messaging").
const directType = "m.direct"

// Inherit has a user find in one room what they have set for another, which it replaces:
// push rules, tags, and whom they talk with there (client-server API, "Room Upgrades",
// "Server behaviour"). What they have set for this one stays as it is, and so does what
// would be too much.
func (d *Data) Inherit(ctx context.Context, user matrix.UserID, from, to matrix.RoomID) error {
	rules := d.ChangePushRules(ctx, user, func(s *push.Settings) error { return s.Inherit(from.String(), to.String()) })
	return errors.Join(unlessFull(rules), unlessFull(d.inheritTags(ctx, user, from, to)), unlessFull(d.inheritDirect(ctx, user, from, to)))
}

// unlessFull is an error, if it is not that there would be too much.
func unlessFull(err error) error {
	for _, full := range []error{push.ErrTooMany, ErrTooLarge, ErrFull} {
		if errors.Is(err, full) {
			return nil
		}
	}
	return err
}

func (d *Data) inheritTags(ctx context.Context, user matrix.UserID, from, to matrix.RoomID) error {
	tags, err := d.Tags(ctx, Place{user, from})
	if err != nil || len(tags) == 0 {
		return err
	}
	return d.changeTags(ctx, Place{user, to}, func(own Tags) (changed bool) {
		for name, tag := range tags {
			if _, there := own[name]; !there {
				own[name], changed = tag, true
			}
		}
		return changed
	})
}

func (d *Data) inheritDirect(ctx context.Context, user matrix.UserID, from, to matrix.RoomID) error {
	_, err := d.Committer.Commit(ctx, []matrix.UserID{user}, func(tx *store.Tx, pos stream.Pos) error {
		if err := d.admit(ctx, tx, user); err != nil {
			return err
		}
		content, err := selectAccountData(ctx, tx, Place{User: user}, directType)
		if err != nil {
			return stream.Refuse(err)
		}
		if content = inheritedDirect(content, from.String(), to.String()); content == nil || len(content) > MaxContent {
			return stream.Refuse(errUnchanged)
		}
		return put(ctx, tx, user, Item{Type: directType, Content: content, Pos: pos})
	})
	if errors.Is(err, errUnchanged) || errors.Is(err, ErrNone) {
		return nil
	}
	return err
}

// inheritedDirect is the content of m.direct in which one room stands beside another, nil if
// it does already. Clients write there what they like: what is no list of rooms stays.
func inheritedDirect(content jsontext.Value, from, to string) jsontext.Value {
	var all map[string]jsontext.Value
	if json.Unmarshal(content, &all) != nil {
		return nil
	}
	changed := false
	for user, value := range all {
		var rooms []string
		if json.Unmarshal(value, &rooms) != nil || !slices.Contains(rooms, from) || slices.Contains(rooms, to) {
			continue
		}
		all[user], _ = json.Marshal(append(rooms, to)) // texts
		changed = true
	}
	if !changed {
		return nil
	}
	content, _ = json.Marshal(all, json.Deterministic(true)) // was JSON
	return content
}
