package userdata

import (
	"encoding/json"
	"testing"
)

// What clients store of that type blocks invitations if any reader of JSON reads that it does,
// and in no other case.
func FuzzInvitePermission(f *testing.F) {
	for _, content := range []string{`{"default_action":"block"}`, `{"default_action":"bl\u006fck"}`, ` { "x" : [] , "default_action" : "allow" } `, `{"default_action":["block"]}`,
		`{"default_action":"Block"}`, `{"Default_action":"block"}`, `{"default_action":"block","default_action":"allow"}`, `null`, `[]`, ``, `{"default_action":null}`} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var read map[string]any
		says := json.Unmarshal(content, &read) == nil && read["default_action"] == "block"
		if got := blocksInvites(content); got && !says {
			t.Errorf("%q blocks", content)
		} else if again, err := json.Marshal(read); says && err == nil && !blocksInvites(again) {
			t.Errorf("%s does not block", again)
		}
	})
}
