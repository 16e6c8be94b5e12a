package fedapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/fedapi"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const server = matrix.ServerName("hs.test")

// world is a homeserver's server-server API behind real HTTP.
type world struct {
	*testing.T
	accounts *account.Accounts
	keys     *keyring.Ring
	clock    *clocktest.Clock
	http     *httptest.Server
	log      *bytes.Buffer // every line, at debug level, once http is closed
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "account"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, clock: clocktest.New(), log: new(bytes.Buffer)}
		vault := sealtest.Vault(t, db, w.clock.Now)
		log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var err error
		w.accounts, err = account.New(t.Context(), account.Options{
			DB: db, Vault: vault, ServerName: server, Now: w.clock.Now, Flows: account.Flows{{account.StageDummy}}, Hashers: 1,
		})
		w.keys = keyringtest.Open(t, db, vault, w.clock.Now, keyring.Federation)
		if err != nil {
			t.Fatal(err)
		}
		api := &fedapi.API{Accounts: w.accounts, Keys: w.keys, ServerName: server, Version: "1.2.3", Now: w.clock.Now}
		handler, err := mxhttp.New(mxhttp.Options{Logger: log, Translate: fedapi.Translate}, api.Routes())
		if err != nil {
			t.Fatal(err)
		}
		w.http = httptest.NewServer(handler)
		t.Cleanup(w.http.Close)
		story(w)
	})
}

func (w *world) get(path string) (status int, body []byte) {
	w.Helper()
	res, err := http.Get(w.http.URL + path)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, body
}

// want checks status and errcode.
func (w *world) want(path string, status int, code matrix.ErrCode) {
	w.Helper()
	got, body := w.get(path)
	var answer struct {
		ErrCode matrix.ErrCode `json:"errcode"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || got != status || answer.ErrCode != code {
		w.Errorf("GET %s = %d %s, want %d %s", path, got, body, status, code)
	}
}

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
		if len(keys.Signatures) != 1 || len(keys.Signatures[string(server)]) != 1 {
			w.Errorf("signatures = %v, want the one by %s", keys.Signatures, id)
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
