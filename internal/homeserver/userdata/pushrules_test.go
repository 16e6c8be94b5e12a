package userdata_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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

// Push rules are account data which everybody has, and which holds all rules.
func TestPushRules(t *testing.T) {
	each(t, func(w *world) {
		rules := func(items []userdata.Item, err error) push.Ruleset {
			w.Helper()
			if err != nil || len(items) != 1 || items[0].Type != "m.push_rules" {
				w.Fatalf("Changes = %v, %v", items, err)
			}
			return shown(w.T, items[0].Content)
		}
		if r, err := rules(w.Changes(w.Context(), alice, 0, w.last())).Find(push.Override, ".m.rule.reaction"); err != nil || !r.Enabled {
			w.Errorf("by default %v, %v", r, err)
		}
		if items, err := w.Changes(w.Context(), alice, 1, 1000); err != nil || items != nil {
			w.Errorf("nothing has changed, and Changes = %v, %v", items, err)
		}
		changed := 0
		w.RulesChange = func(user matrix.UserID) func() {
			return func() { changed++ }
		}
		if err := w.ChangePushRules(w.Context(), alice, off(".m.rule.reaction")); err != nil {
			w.Fatal(err)
		}
		if r, err := rules(w.Changes(w.Context(), alice, 1, w.last())).Find(push.Override, ".m.rule.reaction"); err != nil || r.Enabled {
			w.Errorf("switched off it is %v, %v", r, err)
		}
		content, err := w.AccountData(w.Context(), userdata.Place{User: alice}, "m.push_rules")
		if r, found := shown(w.T, content).Find(push.Override, ".m.rule.reaction"); err != nil || found != nil || r.Enabled {
			w.Errorf("AccountData = %s, %v", content, err)
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
		if content, err := w.AccountData(w.Context(), userdata.Place{User: bob}, "m.push_rules"); err != nil {
			w.Errorf("bob's are %s, %v", content, err)
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
