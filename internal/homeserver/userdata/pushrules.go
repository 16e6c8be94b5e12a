package userdata

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Push rules are account data of the type m.push_rules. What is stored is what the user has
// changed; what clients read is all rules, so that new defaults reach everybody.

// pushRules is the content of m.push_rules (client-server API, "Push Rules: Events").
type pushRules struct {
	Global push.Ruleset `json:"global"`
}

// PushRules is what a user has changed of the push rules.
func (d *Data) PushRules(ctx context.Context, user matrix.UserID) (push.Settings, error) {
	settings, _, err := readSettings(ctx, d.DB, user)
	if err != nil {
		return settings, fmt.Errorf("reading push rules: %w", err)
	}
	return settings, nil
}

// ChangePushRules has change make something else of a user's push rules. It returns when
// the write is visible. Change may run again; its errors are returned, and ErrTooLarge.
func (d *Data) ChangePushRules(ctx context.Context, user matrix.UserID, change func(*push.Settings) error) error {
	if d.RulesChange != nil {
		defer d.RulesChange(user)()
	}
	// Whoever was told of the change waits for its end, though the caller goes away.
	_, err := d.Committer.Commit(context.WithoutCancel(ctx), []matrix.UserID{user}, func(tx *store.Tx, pos stream.Pos) error {
		if err := d.admit(ctx, tx, user); err != nil {
			return err
		}
		settings, was, err := readSettings(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := change(&settings); err != nil {
			return stream.Refuse(err)
		}
		text, err := json.Marshal(settings)
		switch {
		case err != nil:
			return err
		case bytes.Equal(text, was):
			return stream.Refuse(errUnchanged)
		case len(text) > MaxContent:
			return stream.Refuse(ErrTooLarge)
		}
		return put(ctx, tx, user, Item{Type: pushRulesType, Content: text, Pos: pos})
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("changing push rules: %w", err)
	}
	return nil
}

// readSettings reads what a user has changed, and how that is stored.
func readSettings(ctx context.Context, q store.Queryer, user matrix.UserID) (push.Settings, jsontext.Value, error) {
	text, err := selectAccountData(ctx, q, Place{User: user}, pushRulesType)
	if errors.Is(err, ErrNone) {
		return push.Settings{}, jsontext.Value("{}"), nil
	}
	if err != nil {
		return push.Settings{}, nil, err
	}
	settings, err := push.ParseSettings(text)
	return settings, text, err
}

// shownPushRules is the content of m.push_rules as clients read it, which everybody has.
func (d *Data) shownPushRules(ctx context.Context, user matrix.UserID) (jsontext.Value, error) {
	settings, _, err := readSettings(ctx, d.DB, user)
	if err != nil {
		return nil, err
	}
	return json.Marshal(pushRules{settings.Ruleset(user)})
}
