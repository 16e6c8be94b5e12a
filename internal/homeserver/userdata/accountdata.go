package userdata

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

const (
	maxType    = 255 // octets
	MaxContent = 256 << 10
	// maxItems is how many pieces of account data a user may keep, in all rooms and in none,
	// and maxOctets how many octets their contents may have together: a device that logs in
	// is told all of it at once.
	maxItems  = 20_000
	maxOctets = 16 << 20
)

// The types that the server itself writes (client-server API, "Client Config").
const (
	fullyReadType = "m.fully_read"
	pushRulesType = "m.push_rules"
)

// ignoredType is whom a user ignores (client-server API, "Ignoring Users").
const ignoredType = "m.ignored_user_list"

var reserved = []string{fullyReadType, pushRulesType}

// Place is where account data is: of a user, and of a room or, with an empty one, of none.
type Place struct {
	User matrix.UserID
	Room matrix.RoomID
}

// Item is a piece of account data. Content is a JSON object.
type Item struct {
	Room    matrix.RoomID
	Type    string
	Content jsontext.Value
	Pos     stream.Pos
}

// SetAccountData stores content, a JSON object, in the place of what was there. It
// returns when the write is visible. The errors are ErrReserved, ErrType, ErrTooLarge,
// ErrFull and ErrEnded.
func (d *Data) SetAccountData(ctx context.Context, at Place, kind string, content jsontext.Value) error {
	switch {
	case slices.Contains(reserved, kind):
		return ErrReserved
	case kind == "" || len(kind) > maxType:
		return ErrType
	case len(content) > MaxContent:
		return ErrTooLarge
	}
	if at.Room == "" && kind == ignoredType && d.RulesChange != nil {
		defer d.RulesChange(at.User)()
		ctx = context.WithoutCancel(ctx) // whoever was told waits for the end
	}
	return d.keep(ctx, at, kind, content)
}

func (d *Data) keep(ctx context.Context, at Place, kind string, content jsontext.Value) error {
	_, err := d.Committer.Commit(ctx, []matrix.UserID{at.User}, func(tx *store.Tx, pos stream.Pos) error {
		if err := d.admit(ctx, tx, at.User); err != nil {
			return err
		}
		if err := put(ctx, tx, at.User, Item{at.Room, kind, content, pos}); err != nil {
			return err
		}
		heeded, is := d.Heeded[kind]
		if !is || at.Room != "" {
			return nil
		}
		return heeded(ctx, tx, at.User, content)
	})
	if err != nil {
		return fmt.Errorf("storing account data: %w", err)
	}
	return nil
}

// put stores a piece, if the user has room for it: who has too much may still make it less.
// The error ErrFull is marked for the stream, since nothing was written.
func put(ctx context.Context, tx *store.Tx, user matrix.UserID, i Item) error {
	u, err := selectUsage(ctx, tx, user, i)
	if err != nil {
		return err
	}
	items, grown := u.items, int64(len(i.Content))-max(u.before, 0)
	if u.before < 0 {
		items++
	}
	if items > max(u.items, maxItems) || grown > 0 && u.octets+grown > maxOctets {
		return stream.Refuse(ErrFull)
	}
	if items != u.items || grown != 0 {
		if err := putUsage(ctx, tx, user, items, u.octets+grown); err != nil {
			return err
		}
	}
	return putAccountData(ctx, tx, user, i)
}

// AccountData is the content of one piece, as clients read it. The error is ErrNone.
func (d *Data) AccountData(ctx context.Context, at Place, kind string) (content jsontext.Value, err error) {
	if at.Room == "" && kind == pushRulesType {
		content, err = d.shownPushRules(ctx, at.User)
	} else {
		content, err = selectAccountData(ctx, d.DB, at, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("reading account data: %w", err)
	}
	return content, nil
}

// Changes is a user's account data of all places that was written after one position and
// up to another, in the order of the positions. Of push rules it is what is stored:
// push.Settings.
func (d *Data) Changes(ctx context.Context, user matrix.UserID, after, upTo stream.Pos) ([]Item, error) {
	items, err := selectChanges(ctx, d.DB, user, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("reading changes of account data: %w", err)
	}
	return items, nil
}

// SetFullyRead says up to which event a user has read a room (client-server API, "Fully
// read markers").
func (d *Data) SetFullyRead(ctx context.Context, at Place, eventID string) error {
	content, err := json.Marshal(fullyRead{eventID})
	if err != nil {
		return fmt.Errorf("writing a read marker: %w", err)
	}
	return d.keep(ctx, at, fullyReadType, content)
}

type fullyRead struct {
	EventID string `json:"event_id"`
}

// Ignored are the users whom a user ignores, by their ids.
func (d *Data) Ignored(ctx context.Context, user matrix.UserID) (map[string]bool, error) {
	content, err := selectAccountData(ctx, d.DB, Place{User: user}, ignoredType)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading whom a user ignores: %w", err)
	}
	var list struct {
		Users map[string]jsontext.Value `json:"ignored_users"`
	}
	if json.Unmarshal(content, &list) != nil { // clients can write there what they like
		return nil, nil
	}
	ignored := make(map[string]bool, len(list.Users))
	for id := range list.Users {
		ignored[id] = true
	}
	return ignored, nil
}
