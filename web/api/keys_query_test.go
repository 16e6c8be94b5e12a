package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"

	"signet/internal/matrix"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
	"signet/internal/store"
	"signet/keys/notary"
	"signet/web/api"
)

const keysPath = "/_matrix/key/v2"

var (
	theirKey    = serverkeystest.Key("ed25519:k1", "one")
	theirNewKey = serverkeystest.Key("ed25519:k2", "two")
)

func TestWithoutANotary(t *testing.T) {
	for _, r := range new(api.API).Routes() {
		if strings.HasPrefix(r.Path, keysPath) {
			t.Errorf("there is %s", r.Path)
		}
	}
}

// publishKeys has a server publish keys for a day.
func (w *world) publishKeys(server matrix.ServerName, keys ...matrix.SigningKey) {
	d := serverkeystest.Doc{Server: server, Until: w.Clock.Now().Add(24 * time.Hour), Keys: keys}
	w.federation.publish(server, d.JSON(w))
}

// serverNames is whose keys an answer has, in its order; each is signed by the notary too.
func (w *world) serverNames(a answer) string {
	w.Helper()
	var body struct {
		ServerKeys []json.RawMessage `json:"server_keys"`
	}
	if err := json.Unmarshal(a.raw, &body); err != nil || a.status != 200 || body.ServerKeys == nil {
		w.Fatalf("answer %d %s, %v", a.status, a.raw, err)
	}
	key, err := w.signing.Current(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	var names []string
	for _, object := range body.ServerKeys {
		var m struct {
			ServerName string `json:"server_name"`
		}
		if err := json.Unmarshal(object, &m); err != nil {
			w.Fatal(err)
		}
		if err := matrix.Verify("id.example.org", key.ID, key.Public(), object); err != nil {
			w.Errorf("the notary's signature: %v", err)
		}
		if _, err := serverkeys.Parse(matrix.ServerName(m.ServerName), object); err != nil {
			w.Errorf("the server's own: %v", err)
		}
		names = append(names, m.ServerName)
	}
	return strings.Join(names, " ")
}

func TestKeysOfServers(t *testing.T) {
	each(t, nil, func(w *world) {
		w.publishKeys("a.example", theirKey)
		w.publishKeys("b.example:8448", theirNewKey)
		for path, want := range map[string]string{
			"/query/a.example":                                         "a.example",
			"/query/A.example":                                         "a.example",
			"/query/b.example:8448":                                    "b.example:8448",
			"/query/b.example%3A8448":                                  "b.example:8448",
			"/query/a.example/ed25519:k1":                              "a.example",
			"/query/a.example/nonsense":                                "a.example",
			"/query/a.example?minimum_valid_until_ts=0":                "a.example",
			"/query/a.example?minimum_valid_until_ts=9999999999999999": "a.example",
			"/query/dead.example":                                      "",
			"/query/id.example.org":                                    "id.example.org",
		} {
			if got := w.serverNames(w.do("GET", keysPath+path, "", "")); got != want {
				w.Errorf("GET %s = %q, want %q", path, got, want)
			}
		}
		for body, want := range map[string]string{
			`{"server_keys":{}}`: "",
			`{"server_keys":{"b.example:8448":{},"a.example":{"ed25519:k1":{"minimum_valid_until_ts":1234567890}},"dead.example":{}}}`: "a.example b.example:8448",
			`{"server_keys":{"a.example":{"":{}},"under_score":{},"":{}}}`:                                                             "a.example",
		} {
			if got := w.serverNames(w.do("POST", keysPath+"/query", "", body)); got != want {
				w.Errorf("POST %s = %q, want %q", body, got, want)
			}
		}
		if a := w.do("GET", keysPath+"/query/dead.example", "", ""); string(a.raw) != `{"server_keys":[]}` {
			w.Errorf("of a dead server: %s", a.raw)
		}
	})
}

func TestWhatTheNotaryRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		refused := func(method, path, body string, status int, code matrix.ErrCode) {
			w.Helper()
			if a := w.do(method, keysPath+path, "", body); !a.is(status, code) {
				w.Errorf("%s %s %.60s = %d %.200s, want %d %s", method, path, body, a.status, a.raw, status, code)
			}
		}
		refused("GET", "/query/no_name", "", 400, matrix.InvalidParam)
		refused("GET", "/query/a.example?minimum_valid_until_ts=soon", "", 400, matrix.InvalidParam)
		refused("GET", "/query/a.example?minimum_valid_until_ts=", "", 400, matrix.InvalidParam)
		refused("GET", "/query/a.example?minimum_valid_until_ts=1&minimum_valid_until_ts=2", "", 400, matrix.InvalidParam)
		refused("GET", "/query/a.example/ed25519:1/more", "", 404, matrix.Unrecognized)
		refused("GET", "/query/", "", 404, matrix.Unrecognized)
		refused("GET", "/query", "", 405, matrix.Unrecognized)
		refused("POST", "/query", "", 400, matrix.NotJSON)
		refused("POST", "/query", "{}", 400, matrix.MissingParams)
		refused("POST", "/query", `{"server_keys":[]}`, 400, matrix.BadJSON)
		refused("POST", "/query", `{"server_keys":{"a.example":[]}}`, 400, matrix.BadJSON)
		refused("POST", "/query", `{"server_keys":{"a.example":{"k":{"minimum_valid_until_ts":"1"}}}}`, 400, matrix.BadJSON)
		refused("POST", "/query", `{"server_keys":{"a.example":{},"a.example":{}}}`, 400, matrix.BadJSON)
		many := map[string]any{}
		for i := range notary.MaxServers + 1 {
			many[fmt.Sprintf("hs%d.example", i)] = map[string]any{}
		}
		refused("POST", "/query", object("server_keys", many), 400, matrix.TooLarge)
		refused("POST", "/query", `{"server_keys":{"`+strings.Repeat("x", 600<<10)+`":{}}}`, 413, matrix.TooLarge)
	})
}

// What we publish of ourselves is what we would take of others.
func TestOwnKeys(t *testing.T) {
	each(t, nil, func(w *world) {
		before, err := w.signing.Current(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if _, err := w.signing.Rotate(w.Context()); err != nil {
			w.Fatal(err)
		}
		a := w.do("GET", keysPath+"/server", "", "")
		d, err := serverkeys.Parse("id.example.org", a.raw)
		now, _ := w.signing.Current(w.Context())
		if err != nil || !d.Verify[now.ID].Equal(now.Public()) || len(d.Verify) != 1 || !d.Old[before.ID].Key.Equal(before.Public()) {
			w.Errorf("own keys = %d %s, %v", a.status, a.raw, err)
		}
	})
}

// Who asks for the keys of a blocked server is told that it is, and where the log says why.
func TestTheKeysOfABlockedServer(t *testing.T) {
	each(t, nil, func(w *world) {
		w.publishKeys("evil.example", theirKey)
		w.publishKeys("a.example", theirKey)
		w.serverNames(w.do("GET", keysPath+"/query/evil.example", "", ""))
		w.block("evil.example", time.Time{})
		entries, logged, err := w.notary.Next(w.Context(), 100)
		if err != nil || len(entries) != 2 {
			w.Fatalf("%d entries, %v", len(entries), err)
		}
		a := w.do("GET", keysPath+"/query/evil.example", "", "")
		if !a.is(403, matrix.Forbidden) || a.body["im.signet.position"] != 0.0 {
			w.Errorf("before it is logged: %d %s", a.status, a.raw)
		}
		if _, placed := w.rules()[0].(map[string]any)["position"]; placed {
			w.Error("the policy places a rule before it is logged")
		}
		if err := w.gate.DB.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, 41) }); err != nil {
			w.Fatal(err)
		}
		at := 41.0
		if strings.Contains(string(entries[1]), "m.ban") {
			at = 42
		}
		a = w.do("GET", keysPath+"/query/sub.evil.example", "", "")
		if !a.is(403, matrix.Forbidden) || a.body["im.signet.position"] != at || !strings.Contains(a.text("error"), fmt.Sprintf("entry %g ", at)) {
			w.Errorf("once it is: %d %s", a.status, a.raw)
		}
		for _, rule := range w.rules() {
			if rule.(map[string]any)["position"] != at {
				w.Errorf("the policy places a rule at %v, want %v", rule, at)
			}
		}
		a = w.do("POST", keysPath+"/query", "", `{"server_keys":{"evil.example":{},"a.example":{}}}`)
		if got := w.serverNames(a); got != "a.example" || fmt.Sprint(a.body["im.signet.blocked"]) != fmt.Sprintf("[map[position:%g server_name:evil.example]]", at) {
			w.Errorf("among others: %s", a.raw)
		}
		if err := w.gate.Unblock(w.Context(), "evil.example"); err != nil {
			w.Fatal(err)
		}
		if got := w.serverNames(w.do("GET", keysPath+"/query/evil.example", "", "")); got != "evil.example" {
			w.Errorf("afterwards: %q", got)
		}
	})
}

// What is logged about a server is told to anybody, blocked or not.
func TestThePastOfAServer(t *testing.T) {
	each(t, nil, func(w *world) {
		const path = "/_signet/v1/keys/servers/"
		w.publishKeys("evil.example", theirKey)
		w.serverNames(w.do("GET", keysPath+"/query/evil.example", "", ""))
		if a := w.do("GET", path+"evil.example", "", ""); string(a.raw) != `{"records":[],"server_name":"evil.example"}` && string(a.raw) != `{"server_name":"evil.example","records":[]}` {
			w.Errorf("before anything is logged: %s", a.raw)
		}
		w.block("evil.example", time.Time{})
		_, logged, err := w.notary.Next(w.Context(), 100)
		if err != nil {
			w.Fatal(err)
		}
		if err := w.gate.DB.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, 41) }); err != nil {
			w.Fatal(err)
		}
		a := w.do("GET", path+"evil.example", "", "")
		records, _ := a.body["records"].([]any)
		if a.status != 200 || len(records) != 2 || records[0].(map[string]any)["position"] != 42.0 || a.body["blocked"] == nil {
			w.Errorf("once it is: %d %s", a.status, a.raw)
		}
		if a := w.do("GET", path+"evil.example?before=42", "", ""); len(a.body["records"].([]any)) != 1 {
			w.Errorf("before the newest: %s", a.raw)
		}
		for _, bad := range []string{"no_name", "evil.example?before=", "evil.example?before=0", "evil.example?before=x", "evil.example?before=1&before=2"} {
			if a := w.do("GET", path+bad, "", ""); !a.is(400, matrix.InvalidParam) {
				w.Errorf("GET %s = %d %s", bad, a.status, a.raw)
			}
		}
	})
}

// keyClient asks the notary as the library's own client does, in the library's words.
type keyClient struct{ base string }

func (k keyClient) GetServerKeys(context.Context, spec.ServerName) (keys gomatrixserverlib.ServerKeys, err error) {
	response, err := http.Get(k.base + keysPath + "/server")
	if err != nil {
		return keys, err
	}
	defer response.Body.Close()
	err = json.NewDecoder(response.Body).Decode(&keys)
	return keys, err
}

func (k keyClient) LookupServerKeys(_ context.Context, _ spec.ServerName, wanted map[gomatrixserverlib.PublicKeyLookupRequest]spec.Timestamp) ([]gomatrixserverlib.ServerKeys, error) {
	q := gomatrixserverlib.PublicKeyNotaryLookupRequest{ServerKeys: map[spec.ServerName]map[gomatrixserverlib.KeyID]gomatrixserverlib.PublicKeyNotaryQueryCriteria{}}
	for r, until := range wanted {
		if q.ServerKeys[r.ServerName] == nil {
			q.ServerKeys[r.ServerName] = map[gomatrixserverlib.KeyID]gomatrixserverlib.PublicKeyNotaryQueryCriteria{}
		}
		q.ServerKeys[r.ServerName][r.KeyID] = gomatrixserverlib.PublicKeyNotaryQueryCriteria{MinimumValidUntilTS: until}
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	response, err := http.Post(k.base+keysPath+"/query", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		ServerKeys []gomatrixserverlib.ServerKeys `json:"server_keys"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer.ServerKeys, err
}

// nothing is a key database that remembers nothing.
type nothing struct{}

func (nothing) FetcherName() string { return "nothing" }

func (nothing) FetchKeys(context.Context, map[gomatrixserverlib.PublicKeyLookupRequest]spec.Timestamp) (map[gomatrixserverlib.PublicKeyLookupRequest]gomatrixserverlib.PublicKeyLookupResult, error) {
	return nil, nil
}

func (nothing) StoreKeys(context.Context, map[gomatrixserverlib.PublicKeyLookupRequest]gomatrixserverlib.PublicKeyLookupResult) error {
	return nil
}

// Dendrite's key ring verifies events by what the notary tells it.
func TestGomatrixserverlibsKeyRing(t *testing.T) {
	each(t, nil, func(w *world) {
		client := keyClient{w.server.URL}
		own, err := client.GetServerKeys(w.Context(), "id.example.org")
		if err != nil {
			w.Fatal(err)
		}
		trusted := map[gomatrixserverlib.KeyID]ed25519.PublicKey{}
		for id, key := range own.VerifyKeys {
			trusted[id] = ed25519.PublicKey(key.Key)
		}
		ring := gomatrixserverlib.KeyRing{KeyDatabase: nothing{}, KeyFetchers: []gomatrixserverlib.KeyFetcher{
			&gomatrixserverlib.PerspectiveKeyFetcher{PerspectiveServerName: "id.example.org", PerspectiveServerKeys: trusted, Client: client}}}
		verify := func(server matrix.ServerName, key matrix.SigningKey, at time.Time) error {
			message, err := key.SignValue(server, map[string]any{"content": "hello"})
			if err != nil {
				w.Fatal(err)
			}
			results, err := ring.VerifyJSONs(w.Context(), []gomatrixserverlib.VerifyJSONRequest{{ServerName: spec.ServerName(server), AtTS: spec.AsTimestamp(at),
				Message: message, ValidityCheckingFunc: gomatrixserverlib.StrictValiditySignatureCheck}})
			if err != nil {
				w.Fatal(err)
			}
			return results[0].Error
		}
		w.publishKeys("a.example", theirKey)
		then := w.Clock.Now()
		if err := verify("a.example", theirKey, then); err != nil {
			w.Errorf("an event: %v", err)
		}
		for name, key := range map[string]matrix.SigningKey{"a key that is not published": theirNewKey, "other octets": serverkeystest.Key(theirKey.ID, "x")} {
			if err := verify("a.example", key, then); err == nil {
				w.Errorf("%s verifies", name)
			}
		}
		if err := verify("dead.example", theirKey, then); err == nil {
			w.Error("a dead server's event verifies")
		}

		// It adds a key and drops the first: events of both verify, each in its time.
		w.Clock.Advance(12 * time.Hour)
		w.publishKeys("a.example", theirKey, theirNewKey)
		if err := verify("a.example", theirNewKey, w.Clock.Now()); err != nil {
			w.Errorf("by the new key: %v", err)
		}
		w.Clock.Advance(12 * time.Hour)
		w.publishKeys("a.example", theirNewKey)
		for _, key := range []matrix.SigningKey{theirKey, theirNewKey} {
			if err := verify("a.example", key, then); err != nil {
				w.Errorf("of then, by %s: %v", key.ID, err)
			}
		}
		if err := verify("a.example", theirKey, w.Clock.Now().Add(13*time.Hour)); err == nil {
			w.Error("an event by the key that was dropped verifies after its time")
		}
	})
}
