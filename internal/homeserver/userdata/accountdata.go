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
)

// The types that the server itself writes (client-server API, "Client Config").
const (
	fullyReadType = "m.fully_read"
	pushRulesType = "m.push_rules"
)

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
// returns when the write is visible. The errors are ErrReserved, ErrType and ErrTooLarge.
func (d *Data) SetAccountData(ctx context.Context, at Place, kind string, content jsontext.Value) error {
	switch {
	case slices.Contains(reserved, kind):
		return ErrReserved
	case kind == "" || len(kind) > maxType:
		return ErrType
	case len(content) > MaxContent:
		return ErrTooLarge
	}
	return d.keep(ctx, at, kind, content)
}

func (d *Data) keep(ctx context.Context, at Place, kind string, content jsontext.Value) error {
	_, err := d.Committer.Commit(ctx, []matrix.UserID{at.User}, func(tx *store.Tx, pos stream.Pos) error {
		return putAccountData(ctx, tx, at.User, Item{at.Room, kind, content, pos})
	})
	if err != nil {
		return fmt.Errorf("storing account data: %w", err)
	}
	return nil
}

// AccountData is the content of one piece. The error is ErrNone.
func (d *Data) AccountData(ctx context.Context, at Place, kind string) (jsontext.Value, error) {
	content, err := selectAccountData(ctx, d.DB, at, kind)
	if errors.Is(err, ErrNone) && isPushRules(at.Room, kind) {
		content, err = jsontext.Value("{}"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading account data: %w", err)
	}
	item, err := Item{Room: at.Room, Type: kind, Content: content}.shown(at.User)
	return item.Content, err
}

// Changes is a user's account data of all places that was written after one position and
// up to another, in the order of the positions. After position 0 it is all there is, with
// the push rules also of a user who has changed none.
func (d *Data) Changes(ctx context.Context, user matrix.UserID, after, upTo stream.Pos) ([]Item, error) {
	items, err := selectChanges(ctx, d.DB, user, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("reading changes of account data: %w", err)
	}
	if after == 0 {
		items = withPushRules(items)
	}
	for at, i := range items {
		if items[at], err = i.shown(user); err != nil {
			return nil, fmt.Errorf("reading changes of account data: %w", err)
		}
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
