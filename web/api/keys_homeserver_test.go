package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/keys/proof"
	"signet/keys/value"
	"signet/migrations"
)

const (
	eraseKeys                   = "/_signet/v1/users/erase-keys"
	publishKeys                 = directory + "/publish"
	stockUser     matrix.UserID = "@alice:example.com"
	stockLabel                  = "mxid:@alice:example.com"
	stockUploaded               = "../../keys/value/testdata/uploaded.json"
)

// uploaded is the value of what a stock client has uploaded for @alice:example.com.
func (w *world) uploaded(version uint32, previous string) []byte {
	w.Helper()
	text, err := os.ReadFile(stockUploaded)
	var keys struct {
		Master      jsontext.Value `json:"master_key"`
		SelfSigning jsontext.Value `json:"self_signing_key"`
		UserSigning jsontext.Value `json:"user_signing_key"`
	}
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil {
		w.Fatal(err)
	}
	object, err := value.FromCrossSigning(value.Draft{User: stockUser, Version: version, Previous: previous, NotBefore: w.Clock.Now(),
		Master: keys.Master, SelfSigning: keys.SelfSigning, UserSigning: keys.UserSigning})
	if err != nil {
		w.Fatal(err)
	}
	return object
}

// ours is the body of a call of a homeserver's about its user.
func (w *world) ours(nonce string, user any, members ...any) string {
	return object(append([]any{"im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", nonce, "user_id", user}, members...)...)
}

// The keys that somebody's stock client has made are published, looked up and erased by their
// homeserver through its client of this server; the user need not have met this server, nor its
// terms.
func TestAHomeserverPublishesItsUsersKeys(t *testing.T) {
	terms := caller.Terms{"privacy_policy": {Version: "1", Languages: map[string]caller.Translation{"en": {URL: "https://x.org/p"}}}}
	each(t, terms, func(w *world) {
		c, at := w.ofHomeserver("example.com")
		look := func() proof.Result {
			w.Helper()
			w.seal()
			raw, err := c.LookupKeys(w.Context(), at, stockLabel, 0)
			if err != nil {
				w.Fatal(err)
			}
			return w.holds(stockLabel, answer{raw: raw})
		}
		publish := func(object []byte) idclient.KeysTicket {
			w.Helper()
			t, err := c.PublishKeys(w.Context(), at, stockUser, object)
			if err != nil {
				w.Fatal(err)
			}
			return t
		}
		if r := look(); r.Present {
			w.Errorf("before: %+v", r)
		}
		first := w.uploaded(0, "")
		ticket := publish(first)
		if promise, err := proof.VerifyTicket(ticket.Promise, w.policy(), w.Clock.Now()); err != nil || promise.Label.String() != stockLabel {
			w.Errorf("the ticket is %s: %v", ticket.Promise, err)
		}
		found, is := look().Value.(*value.User)
		if !is || !found.CrossSigned() || found.MXID != stockUser || found.Auth.How != value.ByHomeserver || found.Hash() != ticket.SHA256 {
			w.Fatalf("found: %+v, of the ticket %+v", found, ticket)
		}
		if again := publish(first); again.SHA256 != ticket.SHA256 || !again.HeldUntil.IsZero() {
			w.Errorf("said again: %+v", again)
		}
		held := publish(w.uploaded(1, found.Hash()))
		if held.Version != 1 || held.Promise != nil || !held.HeldUntil.Equal(w.Clock.Now().Add(24*time.Hour)) {
			w.Errorf("keys that no old one has signed: %+v", held)
		}
		for range 2 {
			if err := c.EraseKeys(w.Context(), at, stockUser); err != nil {
				w.Error(err)
			}
		}
		w.Clock.Advance(25 * time.Hour)
		if r := look(); r.Version != 1 || r.Value.CheckServer("", nil) != nil { // a tombstone is nobody's
			w.Errorf("erased: %+v", r)
		}
		_, err := c.PublishKeys(w.Context(), at, "@bob:example.org", w.uploaded(0, ""))
		if refused, is := errors.AsType[fedclient.Refusal](err); !is || refused.Errcode != matrix.Forbidden {
			w.Errorf("another's user: %v", err)
		}
	})
}

// A call that somebody has seen and makes again changes nothing, neither at once nor later, when
// the user has come back.
func TestReplaysOfAHomeserversCalls(t *testing.T) {
	each(t, nil, func(w *world) {
		publish := w.ours("nonce-01", stockUser, "value", jsontext.Value(w.uploaded(0, "")))
		erase := w.ours("nonce-02", stockUser)
		if a := w.as("example.com", "POST", publishKeys, publish); a.status != http.StatusAccepted {
			w.Fatalf("publish = %d %s", a.status, a.raw)
		}
		w.seal()
		if a := w.as("example.com", "POST", eraseKeys, erase); a.status != 200 || string(a.raw) != "{}" {
			w.Fatalf("erase = %d %s", a.status, a.raw)
		}
		before := w.dumpKeys()
		for _, again := range []struct {
			after time.Duration
			code  matrix.ErrCode
		}{{0, matrix.Forbidden}, {4 * time.Minute, matrix.Forbidden}, {2 * time.Minute, matrix.ClockDiffers}, {24 * time.Hour, matrix.ClockDiffers}} {
			w.Clock.Advance(again.after)
			for path, body := range map[string]string{publishKeys: publish, eraseKeys: erase} {
				if a := w.as("example.com", "POST", path, body); !a.is(403, again.code) {
					w.Errorf("%s again, after %s = %d %s", path, again.after, a.status, a.raw)
				}
			}
		}
		if w.dumpKeys() != before {
			w.Error("a replay has changed something")
		}
	})
}

// What a homeserver may not do is refused, and changes nothing.
func TestAHomeserverIsRefused(t *testing.T) {
	each(t, nil, func(w *world) {
		good := w.uploaded(0, "")
		if a := w.as("example.com", "POST", publishKeys, w.ours("nonce-00", stockUser, "value", jsontext.Value(good))); a.status != http.StatusAccepted {
			w.Fatalf("publish = %d %s", a.status, a.raw)
		}
		nonces := 0
		body := func(user any, members ...any) string {
			nonces++
			return w.ours(fmt.Sprint("nonce-", 10+nonces), user, members...)
		}
		edited := func(old, by string) []any {
			if !strings.Contains(string(good), old) {
				w.Fatalf("no %s in the value", old)
			}
			return []any{"value", jsontext.Value(strings.Replace(string(good), old, by, 1))}
		}
		const home matrix.ServerName = "example.com"
		mine := []any{"value", jsontext.Value(good)}
		junk := `"label":"` + strings.Repeat("x", 1<<20)
		carol := w.publication("mxid:@carol:example.com", masterKey(1))
		for _, c := range []struct {
			what   string
			server matrix.ServerName
			path   string
			body   string
			status int
			code   matrix.ErrCode
		}{
			{"another's user", "evil.example", publishKeys, body(stockUser, mine...), 403, matrix.Forbidden},
			{"another's user, at a port", "example.com:8448", publishKeys, body(stockUser, mine...), 403, matrix.Forbidden},
			{"another's user erased", "evil.example", eraseKeys, body(stockUser), 403, matrix.Forbidden},
			{"one's own user, and another's keys", "evil.example", publishKeys, body("@alice:evil.example", mine...), 403, matrix.Forbidden},
			{"another user of the same homeserver", home, publishKeys, body("@bob:example.com", mine...), 403, matrix.Forbidden},
			{"an address", home, publishKeys, body(stockUser, "value", w.publication("email:alice@example.org", masterKey(1))), 403, matrix.Forbidden},
			{"no user", home, publishKeys, body(nil, mine...), 400, matrix.MissingParams},
			{"what is no user", home, publishKeys, body("alice", mine...), 400, matrix.InvalidParam},
			{"a list of users", home, eraseKeys, body([]string{"@alice:example.com"}), 400, matrix.BadJSON},
			{"no value", home, publishKeys, body(stockUser), 400, matrix.MissingParams},
			{"no stamp", home, publishKeys, object("user_id", stockUser, "value", jsontext.Value(good)), 400, matrix.InvalidParam},
			{"no stamp of an erasure", home, eraseKeys, object("user_id", stockUser), 400, matrix.InvalidParam},
			{"a time that is to come", home, publishKeys, body(stockUser, edited(`"not_before":1`, `"not_before":2`)...), 400, matrix.InvalidParam},
			{"another first version", home, publishKeys, body(stockUser, edited(`"not_before":1`, `"not_before":`)...), 409, matrix.Unknown},
			{"a second version first", home, publishKeys, body("@carol:example.com", "value", w.value(keyDraft{label: "mxid:@carol:example.com", version: 1, key: masterKey(1)})), 409, matrix.Unknown},
			{"keys as uploaded by another", home, publishKeys, body(stockUser, edited(`"usage":["master"],"user_id":"@alice:example.com"`, `"usage":["master"],"user_id":"@mallory:example.com"`)...), 400, matrix.InvalidParam},
			{"for another use", home, publishKeys, body(stockUser, edited(`["master"]`, `["self_signing"]`)...), 400, matrix.InvalidParam},
			{"wrongly signed", home, publishKeys, body(stockUser, edited(`:"73II`, `:"74II`)...), 403, matrix.Forbidden},
			{"an unknown member", home, publishKeys, body(stockUser, edited(`"usage":["master"]`, `"usage":["master"],"x":1`)...), 400, matrix.InvalidParam},
			{"the server's part in it", home, publishKeys, body(stockUser, edited(`"label":`, `"auth":{"how":"prev-key","ts":1},"label":`)...), 400, matrix.InvalidParam},
			{"1 MB of junk", home, publishKeys, body(stockUser, "value", jsontext.Value(strings.Replace(string(good), `"label":"`, junk, 1))), 413, matrix.TooLarge},
			{"a homeserver that is away", "down.example", publishKeys, body("@alice:down.example", mine...), 502, matrix.Unknown},
		} {
			before := w.dumpKeys()
			if a := w.as(c.server, "POST", c.path, c.body); !a.is(c.status, c.code) {
				w.Errorf("%s: %s = %d %.300s, want %d %s", c.what, c.path, a.status, a.raw, c.status, c.code)
			}
			if w.dumpKeys() != before {
				w.Errorf("%s: what was refused has left something", c.what)
			}
		}
		w.block(home, time.Time{})
		before := w.dumpKeys()
		for path, sent := range map[string]string{publishKeys: body("@carol:example.com", "value", carol), eraseKeys: body(stockUser)} {
			if a := w.as(home, "POST", path, sent); !a.is(403, matrix.Forbidden) || !strings.Contains(a.text("error"), "policy") {
				w.Errorf("%s by a blocked homeserver = %d %s", path, a.status, a.raw)
			}
		}
		if w.dumpKeys() != before {
			w.Error("a blocked homeserver has changed something")
		}
		alice := w.register("alice")
		w.wantNothing("a homeserver's call by an account", "POST", "/publish", alice, body("@carol:example.com", "value", carol), 403, matrix.Forbidden)
		if a := w.do("POST", eraseKeys, alice, body("@alice:example.org")); !a.is(403, matrix.Forbidden) {
			w.Errorf("erased by an account = %d %s", a.status, a.raw)
		}
	})
}

// FuzzKeysOfAUser has a homeserver publish anything for anybody: what is not refused stands in the
// directory as the keys of a user of its own.
func FuzzKeysOfAUser(f *testing.F) {
	w := newLimited(f, storetest.Open(f, storetest.SQLite(f), migrations.IDServer), nil, map[string]int{"calls.homeserver.hour": 1 << 40})
	good := string(w.uploaded(0, ""))
	f.Add(stockUser.String(), good)
	f.Add(stockUser.String(), strings.Replace(good, `"version":0`, `"prev":"AAAA","version":1`, 1))
	f.Add("@bob:example.com", strings.ReplaceAll(good, "@alice", "@bob"))
	f.Add("@alice:evil.example", good)
	f.Add("", `{"type":"im.signet.keys.user.v1","keys":{},"revoked":"x","label":"mxid:@alice:example.com","version":1,"not_before":0}`)
	nonces := 0
	f.Fuzz(func(t *testing.T, user, published string) {
		if !jsontext.Value(published).IsValid() || !utf8.ValidString(user) {
			return
		}
		w.TB, nonces = t, nonces+1
		body := w.ours(fmt.Sprint("nonce-", nonces), user, "value", jsontext.Value(published))
		x, err := matrix.SignedRequest{Method: "POST", URI: publishKeys, Origin: "example.com", Destination: "id.example.org", Content: []byte(body)}.Authorize(homeserverKey)
		if err != nil {
			return // nobody can sign it
		}
		a := w.do("POST", publishKeys, "", body, "Authorization", x.String())
		if label := a.text("label"); a.status == http.StatusAccepted && (label != "mxid:"+user || !strings.HasSuffix(user, ":example.com")) {
			t.Fatalf("%s is promised for %q", a.raw, user)
		}
		if a.status >= http.StatusInternalServerError || a.status != http.StatusAccepted && a.text("errcode") == "" {
			t.Fatalf("%s = %d %s", body, a.status, a.raw)
		}
	})
}
