package fedapi_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/fedapi"
	"signet/internal/matrix"
)

func TestRoutes(t *testing.T) {
	var got strings.Builder
	for _, r := range new(fedapi.API).Routes() {
		got.WriteString(r.Method + " " + r.Path + "\n")
	}
	want, err := os.ReadFile("testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the table of routes is\n%s\nwant\n%s", got.String(), want)
	}
}

func TestVersion(t *testing.T) {
	each(t, func(w *world) {
		status, body := w.get("/_matrix/federation/v1/version")
		if want := `{"server":{"name":"Signet","version":"1.2.3"}}`; status != 200 || string(body) != want {
			w.Errorf("version = %d %s, want 200 %s", status, body, want)
		}
		w.want("/_matrix/federation/v1/nothing", 404, matrix.Unrecognized)
		w.want("/_matrix/client/versions", 404, matrix.Unrecognized)
	})
}

// serverKeys is the answer as another server reads it.
type serverKeys struct {
	ServerName matrix.ServerName                  `json:"server_name"`
	Verify     map[matrix.KeyID]map[string]string `json:"verify_keys"`
	Old        map[matrix.KeyID]map[string]any    `json:"old_verify_keys"`
	ValidUntil int64                              `json:"valid_until_ts"`
	Signatures map[string]map[matrix.KeyID]string `json:"signatures"`
}

// published fetches the keys and checks them as another server would.
func (w *world) published() serverKeys {
	w.Helper()
	status, body := w.get("/_matrix/key/v2/server")
	var keys serverKeys
	if err := json.Unmarshal(body, &keys); err != nil || status != 200 || keys.ServerName != server || len(keys.Verify) != 1 {
		w.Fatalf("keys = %d %s, %v", status, body, err)
	}
	for id, key := range keys.Verify {
		public, err := matrix.DecodeBase64(key["key"])
		if err != nil {
			w.Fatal(err)
		}
		if err := matrix.Verify(server, id, public, body); err != nil {
			w.Errorf("the signature with %s: %v", id, err)
		}
		for by := range keys.Signatures[string(server)] {
			if _, former := keys.Old[by]; by != id && !former || len(keys.Signatures) != 1 {
				w.Errorf("signatures = %v, want those by %s and of former keys", keys.Signatures, id)
			}
		}
	}
	if want := w.clock.Now().Add(24 * time.Hour).UnixMilli(); keys.ValidUntil != want {
		w.Errorf("valid_until_ts = %d, want %d", keys.ValidUntil, want)
	}
	return keys
}

func TestKeys(t *testing.T) {
	each(t, func(w *world) {
		first := w.published()
		if len(first.Old) != 0 {
			w.Errorf("a new server has old keys: %v", first.Old)
		}
		w.clock.Advance(time.Hour)
		rotated, err := w.keys.Rotate(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		second := w.published()
		if _, signs := second.Verify[rotated.ID]; !signs {
			w.Errorf("after the rotation to %s the keys are %v", rotated.ID, second.Verify)
		}
		for id, key := range first.Verify {
			old := second.Old[id]
			if old["key"] != key["key"] || old["expired_ts"] != float64(w.clock.Now().UnixMilli()) || len(second.Old) != 1 {
				w.Errorf("old keys = %v, want %s with its time", second.Old, id)
			}
		}
	})
}

// A revoked key is published in no way, be it the one that signed or an old one, and
// what is published is signed by its successor.
func TestARevokedKeyIsNotPublished(t *testing.T) {
	each(t, func(w *world) {
		old, bad := w.published(), matrix.KeyID("")
		for id := range old.Verify {
			bad = id
		}
		if _, err := w.keys.Revoke(w.Context(), bad, "stolen"); err != nil {
			w.Fatal(err)
		}
		now := w.published()
		if _, signs := now.Verify[bad]; signs || len(now.Old) != 0 {
			w.Errorf("after the revocation of %s: keys %v, old keys %v", bad, now.Verify, now.Old)
		}
	})
}

func TestUserInfo(t *testing.T) {
	const path = "/_matrix/federation/v1/openid/userinfo"
	each(t, func(w *world) {
		name := "alice"
		login, err := w.accounts.Register(w.Context(), account.Registration{
			Username: &name, Password: "correct horse", Auth: &account.Auth{Stage: account.StageDummy},
		})
		if err != nil {
			w.Fatal(err)
		}
		token, err := w.accounts.IssueOpenID(w.Context(), login.Device, login.User)
		if err != nil {
			w.Fatal(err)
		}
		for range 2 {
			status, body := w.get(path + "?access_token=" + token)
			if want := `{"sub":"@alice:hs.test"}`; status != 200 || string(body) != want {
				w.Errorf("userinfo = %d %s, want 200 %s", status, body, want)
			}
		}
		w.want(path, 401, matrix.MissingToken)
		w.want(path+"?access_token=", 401, matrix.MissingToken)
		w.want(path+"?access_token="+token+"x", 401, matrix.UnknownToken)
		w.want(path+"?access_token="+login.AccessToken, 401, matrix.UnknownToken)
		w.want(path+"?access_token="+token+"&access_token="+token, 400, matrix.InvalidParam)
		w.want(path+"?access_token=%00", 400, matrix.InvalidParam)
		w.want(path+"?access_token=%ff", 400, matrix.InvalidParam)
		w.want(path+"?access_token="+strings.Repeat("x", 20_000), 401, matrix.UnknownToken)
		w.clock.Advance(account.OpenIDLife)
		w.want(path+"?access_token="+token, 401, matrix.UnknownToken)
		w.http.Close()
		if log := w.log.String(); !strings.Contains(log, "openid/userinfo") || strings.Contains(log, token) || strings.Contains(log, login.AccessToken) || strings.Contains(log, "alice") {
			w.Errorf("the log has no line, or a token or a user in it:\n%s", log)
		}
	})
}
