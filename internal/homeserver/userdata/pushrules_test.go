package userdata_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/push"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// off switches a default rule off.
func off(id string) func(*push.Settings) error {
	return func(s *push.Settings) error { return s.Enable(alice, push.Override, id, false) }
}

// shown are the rules that a client reads in a piece of account data.
func shown(t *testing.T, content []byte) push.Ruleset {
	t.Helper()
	var rules struct {
		Global push.Ruleset `json:"global"`
	}
	if err := json.Unmarshal(content, &rules); err != nil || len(rules.Global) != 5 {
		t.Errorf("the push rules are %s, %v", content, err)
	}
	return rules.Global
}

// Everybody has push rules, of which is stored what they have changed.
func TestPushRules(t *testing.T) {
	each(t, func(w *world) {
		reaction := func() push.Rule {
			w.Helper()
			content, err := w.AccountData(w.Context(), userdata.Place{User: alice}, "m.push_rules")
			if err != nil {
				w.Fatal(err)
			}
			r, err := shown(w.T, content).Find(push.Override, ".m.rule.reaction")
			if err != nil {
				w.Error(err)
			}
			return r
		}
		if r := reaction(); !r.Enabled || w.rows() != 0 {
			w.Errorf("by default it is %v", r)
		}
		changed := 0
		w.RulesChange = func(user matrix.UserID) func() {
			return func() { changed++ }
		}
		if err := w.ChangePushRules(w.Context(), alice, off(".m.rule.reaction")); err != nil || reaction().Enabled {
			w.Errorf("switched off it is %v, %v", reaction(), err)
		}
		items, err := w.Changes(w.Context(), alice, 0, w.last())
		if err != nil || len(items) != 1 || items[0].Type != "m.push_rules" || string(items[0].Content) != `{"changed":{".m.rule.reaction":{"enabled":false}}}` {
			w.Errorf("Changes = %v, %v", items, err)
		}
		if _, err := w.AccountData(w.Context(), userdata.Place{User: alice, Room: room}, "m.push_rules"); !errors.Is(err, userdata.ErrNone) {
			w.Errorf("those of a room = %v, want %v", err, userdata.ErrNone)
		}
		before := w.last()
		if err := w.ChangePushRules(w.Context(), alice, off(".m.rule.reaction")); err != nil || w.last() != before {
			w.Errorf("the same again: %v, and position %d", err, w.last())
		}
		if err := w.ChangePushRules(w.Context(), alice, off("none")); !errors.Is(err, push.ErrNotFound) || w.last() != before {
			w.Errorf("one that is not there: %v, and position %d", err, w.last())
		}
		if changed != 3 {
			w.Errorf("was told of %d ends, want one for each try", changed)
		}
	})
}

// Whom a user ignores is what their clients say, if it makes sense.
func TestIgnored(t *testing.T) {
	each(t, func(w *world) {
		changed := 0
		w.RulesChange = func(matrix.UserID) func() { return func() { changed++ } }
		for _, step := range []struct {
			content string
			want    map[string]bool
		}{
			{`{"ignored_users":{"@bob:hs.test":{},"@eve:x":{}}}`, map[string]bool{"@bob:hs.test": true, "@eve:x": true}},
			{`{"ignored_users":{}}`, nil},
			{`{"ignored_users":["@bob:hs.test"]}`, nil},
			{`{}`, nil},
		} {
			if err := w.SetAccountData(w.Context(), userdata.Place{User: alice}, "m.ignored_user_list", jsontext.Value(step.content)); err != nil {
				w.Fatal(err)
			}
			if got, err := w.Ignored(w.Context(), alice); err != nil || !maps.Equal(got, step.want) {
				w.Errorf("by %s are ignored %v, %v", step.content, got, err)
			}
		}
		if changed != 4 {
			w.Errorf("was told of %d changes", changed)
		}
		if got, err := w.Ignored(w.Context(), bob); err != nil || got != nil {
			w.Errorf("bob ignores %v, %v", got, err)
		}
	})
}

// Rules that are changed at the same time are all changed.
func TestPushRulesAtOnce(t *testing.T) {
	each(t, func(w *world) {
		var rivals sync.WaitGroup
		for n := range 8 {
			rivals.Go(func() {
				rule := push.Rule{ID: fmt.Sprint("word", n), Pattern: "tea"}
				if err := w.ChangePushRules(w.Context(), alice, func(s *push.Settings) error { return s.Put(push.Content, rule, "", "") }); err != nil {
					w.Error(err)
				}
			})
		}
		rivals.Wait()
		settings, err := w.PushRules(w.Context(), alice)
		if err != nil || len(settings.Own[push.Content]) != 8 {
			w.Errorf("they are %v, %v", settings, err)
		}
	})
}

// All rules together have the size of account data.
func TestTooMuchOfPushRules(t *testing.T) {
	each(t, func(w *world) {
		var err error
		for n := 0; n < 400 && err == nil; n++ {
			long := strings.Repeat("x", 200)
			conditions := make([]push.Condition, 20)
			for i := range conditions {
				conditions[i] = push.Condition{Kind: "event_match", Key: &long, Pattern: &long}
			}
			rule := push.Rule{ID: fmt.Sprint(n), Conditions: &conditions}
			err = w.ChangePushRules(w.Context(), alice, func(s *push.Settings) error { return s.Put(push.Override, rule, "", "") })
		}
		if !errors.Is(err, userdata.ErrTooLarge) {
			w.Errorf("in the end: %v, want %v", err, userdata.ErrTooLarge)
		}
	})
}
