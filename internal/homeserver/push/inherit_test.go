package push_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/push"
)

// A room notifies as the one does that it replaces: by the rules for it, and by those of
// which a condition names it.
func TestInherit(t *testing.T) {
	var s push.Settings
	put := func(kind push.Kind, rule string, enabled bool) {
		t.Helper()
		var r push.Rule
		if err := json.Unmarshal([]byte(rule), &r); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Put(kind, r, "", ""), s.Enable("@alice:hs.test", kind, r.ID, enabled)); err != nil {
			t.Fatal(err)
		}
	}
	in := func(room string) string {
		return `[{"kind":"event_match","key":"room_id","pattern":"` + room + `"},{"kind":"contains_display_name"}]`
	}
	put(push.Room, `{"rule_id":"!b","actions":["notify"]}`, true)
	put(push.Room, `{"rule_id":"!a","actions":["dont_notify"]}`, false)
	put(push.Override, `{"rule_id":"other","conditions":`+in("!c")+`}`, true)
	put(push.Override, `{"rule_id":"!a","conditions":`+in("!a")+`}`, true)
	put(push.Underride, `{"rule_id":"quiet","conditions":`+in("!a")+`}`, true)
	put(push.Content, `{"rule_id":"!a","pattern":"!a"}`, true)
	put(push.Sender, `{"rule_id":"!a"}`, true)
	for range 2 { // what is there already stays
		if err := s.Inherit("!a", "!new"); err != nil {
			t.Fatal(err)
		}
	}
	shown := map[push.Kind][]string{}
	for kind, rules := range s.Own {
		for _, r := range rules {
			text := fmt.Sprintf("%s %v %d", r.ID, r.Enabled, len(r.Actions))
			if r.Conditions != nil {
				text += " " + *(*r.Conditions)[0].Pattern
			}
			shown[kind] = append(shown[kind], text)
		}
	}
	want := map[push.Kind][]string{
		push.Room:      {"!a false 1", "!new false 1", "!b true 1"},
		push.Override:  {"!a true 0 !a", "!new true 0 !new", "other true 0 !c"},
		push.Underride: {"quiet true 0 !a", "quiet.!new true 0 !new"},
		push.Content:   {"!a true 0"},
		push.Sender:    {"!a true 0"},
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("the rules (- want, + got):\n%s", diff)
	}
}

// Whoever has as many rules as there may be gets no more, and keeps what they have.
func TestInheritTooMuch(t *testing.T) {
	var s push.Settings
	var err error
	for i := 0; err == nil; i++ {
		err = s.Put(push.Room, push.Rule{ID: fmt.Sprintf("!%d", i)}, "", "")
	}
	had := len(s.Own[push.Room])
	if err := s.Inherit("!0", "!new"); !errors.Is(err, push.ErrTooMany) || len(s.Own[push.Room]) != had {
		t.Errorf("Inherit = %v, and there are %d rules of %d", err, len(s.Own[push.Room]), had)
	}
}
