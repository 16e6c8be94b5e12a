package userdata

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// tagType is the account data of a room that holds its tags (client-server API, "Room
// Tagging").
const tagType = "m.tag"

// Tags is what a user has attached to a room, by name. Each is a JSON object.
type Tags map[string]jsontext.Value

// ErrTag is the error of a tag that is none.
var ErrTag = errors.New("a tag's name has 1 to 255 octets, and its order is a number from 0 to 1")

type tagContent struct {
	Tags  Tags                      `json:"tags"`
	Other map[string]jsontext.Value `json:",embed"`
}

// Tags are the tags of a room, none where nothing is stored.
func (d *Data) Tags(ctx context.Context, at Place) (Tags, error) {
	content, err := readTags(ctx, d.DB, at)
	if err != nil {
		return nil, fmt.Errorf("reading tags: %w", err)
	}
	return content.Tags, nil
}

// SetTag attaches a tag, a JSON object, in the place of one of its name. The errors are
// ErrTag, ErrTooLarge and ErrFull.
func (d *Data) SetTag(ctx context.Context, at Place, name string, tag jsontext.Value) error {
	if name == "" || len(name) > maxType || !validOrder(tag) {
		return ErrTag
	}
	return d.changeTags(ctx, at, func(tags Tags) bool {
		tags[name] = tag
		return true
	})
}

// DeleteTag takes a tag off, if it is there.
func (d *Data) DeleteTag(ctx context.Context, at Place, name string) error {
	return d.changeTags(ctx, at, func(tags Tags) bool {
		_, there := tags[name]
		delete(tags, name)
		return there
	})
}

func validOrder(tag jsontext.Value) bool {
	var t struct {
		Order *float64 `json:"order"`
	}
	if err := json.Unmarshal(tag, &t); err != nil {
		return false
	}
	return t.Order == nil || 0 <= *t.Order && *t.Order <= 1
}

// errUnchanged ends a write that has nothing to write.
var errUnchanged = errors.New("nothing changes")

// changeTags reads the tags and writes what change makes of them, if it says that they
// are others now.
func (d *Data) changeTags(ctx context.Context, at Place, change func(Tags) bool) error {
	_, err := d.Committer.Commit(ctx, []matrix.UserID{at.User}, func(tx *store.Tx, pos stream.Pos) error {
		if err := d.admit(ctx, tx, at.User); err != nil {
			return err
		}
		content, err := readTags(ctx, tx, at)
		if err != nil {
			return err
		}
		if !change(content.Tags) {
			return stream.Refuse(errUnchanged)
		}
		text, err := json.Marshal(content, json.Deterministic(true))
		if err != nil {
			return err
		}
		if len(text) > MaxContent {
			return stream.Refuse(ErrTooLarge)
		}
		return put(ctx, tx, at.User, Item{at.Room, tagType, text, pos})
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("changing tags: %w", err)
	}
	return nil
}

// readTags reads what is stored. Clients can write there what they like: what is not of
// the right shape counts as no tags.
func readTags(ctx context.Context, q store.Queryer, at Place) (tagContent, error) {
	text, err := selectAccountData(ctx, q, at, tagType)
	if err != nil && !errors.Is(err, ErrNone) {
		return tagContent{}, err
	}
	var content tagContent
	if err != nil || json.Unmarshal(text, &content) != nil || content.Tags == nil {
		content.Tags = Tags{}
	}
	return content, nil
}
