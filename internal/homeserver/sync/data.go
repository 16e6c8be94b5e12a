package sync

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

const (
	pushRulesType = "m.push_rules"
	ignoredType   = "m.ignored_user_list"
)

// readData reads account data, where receipts moved, and whom the user ignores.
func (a *answer) readData() (err error) {
	if a.ignored, err = a.ignores(); err != nil || !a.concerned && !a.initial() {
		return err
	}
	items, err := a.Data.Changes(a.ctx, a.User, a.base.Pos, a.to)
	if err != nil {
		return err
	}
	a.data = map[matrix.RoomID][]userdata.Item{}
	for _, i := range items {
		a.data[i.Room] = append(a.data[i.Room], i)
		a.revised = a.revised || i.Room == "" && decides(i)
	}
	if a.Receipts != nil && !a.initial() {
		a.moved, err = a.Receipts.MovedIn(a.ctx, a.User, a.base.Pos, a.to)
	}
	return err
}

// globalData writes the account data of no room. Push rules are there for everybody: a
// user who has changed none has the default ones.
func (a *answer) globalData() error {
	mark := len(a.out)
	a.out = append(a.out, `,"account_data":{"events":[`...)
	begin, rules := len(a.out), false
	for _, i := range a.data[""] {
		rules = rules || i.Type == pushRulesType
		if err := a.datum(i); err != nil {
			return err
		}
	}
	if a.initial() && !rules {
		if err := a.datum(userdata.Item{Type: pushRulesType, Content: jsontext.Value(`{}`)}); err != nil {
			return err
		}
	}
	if len(a.out) == begin {
		a.out = a.out[:mark]
		return nil
	}
	a.news = true
	a.out = append(a.out, `]}`...)
	return nil
}

// datum writes a piece of global account data, if it is wanted.
func (a *answer) datum(i userdata.Item) (err error) {
	if !a.filter.AccountData.Wants(i.Type, "") {
		return nil
	}
	content := []byte(i.Content)
	if i.Type == pushRulesType {
		if content, err = pushRules(a.User, content); err != nil {
			return err
		}
	}
	a.event(i.Type, content)
	return nil
}

// pushRules are all push rules of a user, given what is stored of them: what the user has
// changed of the default ones, or all of them already.
func pushRules(user matrix.UserID, stored []byte) ([]byte, error) {
	var all struct {
		Global json.RawMessage `json:"global"`
	}
	if json.Unmarshal(stored, &all) == nil && all.Global != nil {
		return stored, nil
	}
	settings, err := push.ParseSettings(stored)
	if err != nil {
		return nil, err
	}
	shown, err := json.Marshal(map[string]push.Ruleset{"global": settings.Ruleset(user)})
	if err != nil {
		return nil, fmt.Errorf("writing push rules: %w", err)
	}
	return shown, nil
}

// ignoring is whom a user ignores, as it was read when everything up to a position was
// visible.
type ignoring struct {
	users map[string]bool
	at    stream.Pos
}

// maxIgnored is how many ignored users are remembered of one: who ignores more has the list
// read each time.
const maxIgnored = 1000

// ignores are the users that the user ignores (client-server API, "Ignoring Users").
func (a *answer) ignores() (map[string]bool, error) {
	known := a.users.find(a.User)
	if known != nil && a.Stream.Concerned(a.User) <= known.at {
		return known.users, nil
	}
	content, err := a.Data.AccountData(a.ctx, userdata.Place{User: a.User}, ignoredType)
	if err != nil && !errors.Is(err, userdata.ErrNone) {
		return nil, err
	}
	var list struct {
		Users map[string]jsontext.Value `json:"ignored_users"`
	}
	now := &ignoring{users: map[string]bool{}, at: a.to}
	if err == nil && json.Unmarshal(content, &list) == nil { // else a client stored what is none
		for user := range list.Users {
			now.users[user] = true
		}
	}
	if len(now.users) <= maxIgnored {
		a.users.put(a.User, now)
	}
	return now.users, nil
}
