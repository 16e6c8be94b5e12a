package clientapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

func TestKeysFromOneToTheOther(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		a := w.by(bob, "POST", "/keys/query", `{"device_keys":{"@alice:hs.test":[],"@nobody:hs.test":[]},"timeout":10000}`)
		w.want("query", a, 200, "")
		got := a.object("device_keys", "@alice:hs.test", "PHONE")
		if got["device_id"] != "PHONE" || got["user_id"] != "@alice:hs.test" || got["keys"] == nil || got["algorithms"] == nil {
			w.Errorf("query = %s", a.text)
		}
		if len(a.object("device_keys")) != 1 || len(a.object("failures")) != 0 || a.object("master_keys") == nil {
			w.Errorf("query = %s, want Alice alone", a.text)
		}
		for i, want := range []string{"000000", "000001", "F", "F"} {
			a := w.by(bob, "POST", "/keys/claim", `{"one_time_keys":{"@alice:hs.test":{"PHONE":"signed_curve25519","MISSING":"signed_curve25519"}}}`)
			if keys := a.object("one_time_keys", "@alice:hs.test", "PHONE"); len(keys) != 1 || keys["signed_curve25519:"+want] == nil || len(a.object("one_time_keys", "@alice:hs.test")) != 1 {
				w.Errorf("claim %d = %s, want %s", i, a.text, want)
			}
		}
		w.wantJSON("claiming what is not there", w.by(bob, "POST", "/keys/claim", `{"one_time_keys":{"@alice:hs.test":{"PHONE":"x"}}}`),
			`{"failures":{},"one_time_keys":{}}`)
		w.wantJSON("an upload of nothing", w.by(alice, "POST", "/keys/upload", `{"device_keys":null}`), `{"one_time_key_counts":{}}`)
		w.wantJSON("the count", w.by(bob, "POST", "/keys/upload", `{}`), `{"one_time_key_counts":{"signed_curve25519":2}}`)
		w.wantJSON("somebody elsewhere", w.by(bob, "POST", "/keys/query", `{"device_keys":{"@dave:elsewhere.test":[]}}`),
			`{"failures":{"elsewhere.test":{"errcode":"M_NOT_FOUND","error":"this server does not ask others"}},`+
				`"device_keys":{},"master_keys":{},"self_signing_keys":{},"user_signing_keys":{}}`)
	})
}

func TestKeyChanges(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		before := w.now()
		changed := alice
		changed.Key = e2eetest.Key("another")
		w.want("other keys", w.by(alice, "POST", "/keys/upload", map[string]any{"device_keys": raw(changed.Keys())}), 200, "")
		w.wantJSON("one's own", w.by(alice, "GET", "/keys/changes?from="+before+"&to="+w.now(), ""), `{"changed":["@alice:hs.test"],"left":[]}`)
		w.wantJSON("with messages behind", w.by(alice, "GET", "/keys/changes?from="+before+"_1&to="+w.now(), ""), `{"changed":["@alice:hs.test"],"left":[]}`)
		w.wantJSON("with whom no room is shared", w.by(bob, "GET", "/keys/changes?from="+before+"&to="+w.now(), ""), `{"changed":[],"left":[]}`)
		for query, code := range map[string]string{
			"": "M_MISSING_PARAM", "?from=" + before: "M_MISSING_PARAM", "?to=" + before: "M_MISSING_PARAM",
			"?from=x&to=" + before: "M_INVALID_PARAM", "?from=s&to=" + before: "M_INVALID_PARAM", "?from=s-1&to=" + before: "M_INVALID_PARAM",
			"?from=s99999999999999999999&to=" + before: "M_INVALID_PARAM", "?from=s1&to=s999999999": "M_INVALID_PARAM",
			"?from=" + w.now() + "&to=" + before: "M_INVALID_PARAM", "?from=" + before + "&from=s1&to=" + before: "M_INVALID_PARAM",
		} {
			w.want(query, w.by(alice, "GET", "/keys/changes"+query, ""), 400, code)
		}
	})
}

func TestKeysThatAreRefused(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		stolen, tablet := raw(bob.Keys()), e2eetest.NewPhone(alice.User, "TABLET")
		other := map[string]any{"signed_curve25519:000000": raw(alice.OneTime("else"))}
		many := map[string]any{}
		for i := range 5001 {
			many[fmt.Sprintf("@u%d:hs.test", i)] = []string{}
		}
		for _, test := range []struct {
			path   string
			body   any
			status int
			code   string
		}{
			{"/keys/upload", ``, 400, "M_NOT_JSON"},
			{"/keys/upload", `[]`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"one_time_keys":[]}`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"one_time_keys":{"signed_curve25519:A":{}},"one_time_keys":{}}`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"device_keys":"x"}`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"device_keys":{"user_id":"@alice:hs.test","device_id":"PHONE"}}`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"device_keys":{"x":` + strings.Repeat("[", 150) + strings.Repeat("]", 150) + `}}`, 400, "M_BAD_JSON"},
			{"/keys/upload", `{"device_keys":{"x":"\u0000"}}`, 400, "M_INVALID_PARAM"},
			{"/keys/upload", "{\"device_keys\":{\"x\":\"\xff\"}}", 400, "M_NOT_JSON"},
			{"/keys/upload", map[string]any{"device_keys": stolen}, 400, "M_INVALID_PARAM"},
			{"/keys/upload", map[string]any{"device_keys": raw(tablet.Keys())}, 400, "M_INVALID_PARAM"},
			{"/keys/upload", map[string]any{"one_time_keys": map[string]any{"curve25519:A": "AAAA"}}, 400, "M_INVALID_PARAM"},
			{"/keys/upload", map[string]any{"one_time_keys": rawAll(bob.OneTimes(7, 1))}, 400, "M_INVALID_SIGNATURE"},
			{"/keys/upload", map[string]any{"one_time_keys": other}, 400, "M_INVALID_PARAM"},
			{"/keys/upload", map[string]any{"one_time_keys": rawAll(alice.OneTimes(0, 501))}, 413, "M_TOO_LARGE"},
			{"/keys/upload", map[string]any{"device_keys": map[string]any{"x": strings.Repeat("x", 20<<10)}}, 413, "M_TOO_LARGE"},
			{"/keys/upload", `{"x":"` + strings.Repeat("x", 600<<10) + `"}`, 413, "M_TOO_LARGE"},
			{"/keys/query", `{}`, 400, "M_BAD_JSON"},
			{"/keys/query", `{"device_keys":{"@bob:hs.test":{"PHONE":true}}}`, 400, "M_BAD_JSON"},
			{"/keys/query", `{"device_keys":{"@bob:hs.test":["PHONE",1]}}`, 400, "M_BAD_JSON"},
			{"/keys/query", `{"device_keys":{"bob":[]}}`, 400, "M_INVALID_PARAM"},
			{"/keys/query", map[string]any{"device_keys": many}, 413, "M_TOO_LARGE"},
			{"/keys/claim", `{}`, 400, "M_BAD_JSON"},
			{"/keys/claim", `{"one_time_keys":{"@bob:hs.test":["PHONE"]}}`, 400, "M_BAD_JSON"},
			{"/keys/claim", `{"one_time_keys":{"@bob:hs.test":{"PHONE":1}}}`, 400, "M_BAD_JSON"},
			{"/keys/claim", `{"one_time_keys":{"bob":{"PHONE":"signed_curve25519"}}}`, 400, "M_INVALID_PARAM"},
			{"/keys/signatures/upload", `[]`, 400, "M_BAD_JSON"},
			{"/keys/signatures/upload", `{"@alice:hs.test":[]}`, 400, "M_BAD_JSON"},
			{"/keys/device_signing/upload", `{"master_key":"x"}`, 400, "M_BAD_JSON"},
			{"/keys/device_signing/upload", `{"auth":"x"}`, 400, "M_BAD_JSON"},
			{"/keys/device_signing/upload", map[string]any{"self_signing_key": raw(e2eetest.NewIdentity(alice.User, 1).SelfSigningKey())}, 400, "M_MISSING_PARAM"},
			{"/keys/device_signing/upload", map[string]any{"master_key": raw(e2eetest.NewIdentity(bob.User, 1).MasterKey())}, 400, "M_INVALID_PARAM"},
		} {
			w.want(fmt.Sprintf("%s %.100v", test.path, test.body), w.by(alice, "POST", test.path, test.body), test.status, test.code)
		}
		w.wantJSON("after all that", w.by(alice, "POST", "/keys/upload", `{}`), `{"one_time_key_counts":{"signed_curve25519":2}}`)
	})
}

func crossSigning(i e2eetest.Identity) map[string]any {
	return map[string]any{"master_key": raw(i.MasterKey()), "self_signing_key": raw(i.SelfSigningKey()), "user_signing_key": raw(i.UserSigningKey())}
}

// The flow of clients that set up cross-signing, and later begin anew.
func TestCrossSigning(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		first, next := e2eetest.NewIdentity(alice.User, 1), e2eetest.NewIdentity(alice.User, 2)
		w.wantJSON("the first keys", w.by(alice, "POST", "/keys/device_signing/upload", crossSigning(first)), `{}`)
		w.wantJSON("the same again", w.by(alice, "POST", "/keys/device_signing/upload", crossSigning(first)), `{}`)
		self := e2eetest.Name(first.Self)
		w.wantJSON("signing the phone", w.by(alice, "POST", "/keys/signatures/upload", map[string]any{
			alice.User.String(): map[string]any{"PHONE": raw(e2eetest.Sign(alice.User, self, first.Self, alice.Keys()))},
		}), `{"failures":{}}`)
		w.wantJSON("signing it wrongly", w.by(alice, "POST", "/keys/signatures/upload", map[string]any{
			alice.User.String(): map[string]any{"PHONE": raw(e2eetest.Sign(alice.User, self, next.Self, alice.Keys())), "TABLET": raw(alice.Keys())},
			bob.User.String():   map[string]any{"PHONE": "x"},
		}), `{"failures":{"@alice:hs.test":{"PHONE":{"errcode":"M_INVALID_SIGNATURE","error":"a signature is missing or wrong"},`+
			`"TABLET":{"errcode":"M_NOT_FOUND","error":"there is no such key"}},`+
			`"@bob:hs.test":{"PHONE":{"errcode":"M_BAD_JSON","error":"the key is not an object of the form that the specification gives it"}}}}`)
		for _, viewer := range []phone{alice, bob} {
			sees := viewer.User == alice.User
			a := w.by(viewer, "POST", "/keys/query", `{"device_keys":{"@alice:hs.test":["PHONE"]}}`)
			if !strings.Contains(a.text, self) || len(a.object("master_keys")) != 1 || len(a.object("self_signing_keys")) != 1 || (len(a.object("user_signing_keys")) == 1) != sees {
				w.Errorf("%s sees %s", viewer.User, a.text)
			}
		}

		body := crossSigning(next)
		a := w.by(alice, "POST", "/keys/device_signing/upload", body)
		w.want("others", a, 401, "")
		if a.json["flows"] == nil || a.str("session") == "" {
			w.Errorf("others = %s", a.text)
		}
		body["auth"] = map[string]any{"type": "m.login.password", "session": a.str("session"), "password": "wrong guess"}
		w.want("with a wrong password", w.by(alice, "POST", "/keys/device_signing/upload", body), 401, "M_FORBIDDEN")
		body["auth"] = map[string]any{"type": "m.login.password", "session": a.str("session"), "password": password}
		another := crossSigning(e2eetest.NewIdentity(alice.User, 3))
		another["auth"] = body["auth"]
		w.want("other ones in the same session", w.by(alice, "POST", "/keys/device_signing/upload", another), 401, "M_FORBIDDEN")
		var master bytes.Buffer // the same, written otherwise
		if err := json.Indent(&master, []byte(`{"usage":["master"],"keys":{"ed25519:`+e2eetest.Name(next.Master)+`":"`+e2eetest.Name(next.Master)+`"},"user_id":"@alice:hs.test"}`), "", " "); err != nil {
			w.Fatal(err)
		}
		text := fmt.Sprintf(`{"master_key":%s,"self_signing_key":%s,"user_signing_key":%s,"auth":{"type":"m.login.password","session":%q,"password":%q}}`,
			&master, next.SelfSigningKey(), next.UserSigningKey(), a.str("session"), password)
		w.wantJSON("with the password", w.by(alice, "POST", "/keys/device_signing/upload", text), `{}`)
		w.wantJSON("again, with a session that is spent", w.by(alice, "POST", "/keys/device_signing/upload", body), `{}`)
		if seen := w.by(alice, "POST", "/keys/query", `{"device_keys":{"@alice:hs.test":[]}}`); !strings.Contains(seen.text, e2eetest.Name(next.Master)) {
			w.Errorf("the keys are %s", seen.text)
		}
	})
}

// What the accounts no longer have, and what they call otherwise, others learn.
func TestDevicesThatChange(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		const query = `{"device_keys":{"@alice:hs.test":[]}}`
		w.want("renaming", w.by(alice, "PUT", "/devices/PHONE", `{"display_name":"Alice's phone"}`), 200, "")
		if a := w.by(bob, "POST", "/keys/query", query); !strings.Contains(a.text, `"device_display_name":"Alice's phone"`) {
			w.Errorf("renamed = %s", a.text)
		}
		login := w.do("POST", v3+"/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"`+password+`","device_id":"TABLET"}`)
		tablet := phone{e2eetest.NewPhone(alice.User, "TABLET"), login.str("access_token")}
		w.want("the tablet", w.by(tablet, "POST", "/keys/upload", map[string]any{"device_keys": raw(tablet.Keys())}), 200, "")
		auth := `{"auth":{"type":"m.login.password","password":"` + password + `"}}`
		w.want("deleting the phone", w.by(tablet, "DELETE", "/devices/PHONE", auth), 200, "")
		if a := w.by(bob, "POST", "/keys/query", query); a.object("device_keys", "@alice:hs.test", "TABLET") == nil || a.object("device_keys", "@alice:hs.test", "PHONE") != nil {
			w.Errorf("without the phone = %s", a.text)
		}
		w.want("the keys", w.by(tablet, "POST", "/keys/device_signing/upload", crossSigning(e2eetest.NewIdentity(alice.User, 1))), 200, "")
		w.want("a backup", w.by(tablet, "POST", "/room_keys/version", backupBody), 200, "")
		w.want("deactivating", w.by(tablet, "POST", "/account/deactivate", auth), 200, "")
		w.wantJSON("without Alice", w.by(bob, "POST", "/keys/query", query),
			`{"failures":{},"device_keys":{},"master_keys":{},"self_signing_keys":{},"user_signing_keys":{}}`)
		if dump := storetest.Dump(w.T, w.db, "e2ee_devices", "e2ee_cross_signing", "e2ee_signatures", "e2ee_one_time_keys", "roomkeys_backups"); strings.Contains(dump, "@alice") {
			w.Errorf("of Alice there is still\n%s", dump)
		}
	})
}

func TestSendToDevice(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		for range 2 {
			w.wantJSON("sending", w.by(alice, "PUT", "/sendToDevice/m.room.encrypted/a%2Fb", `{"messages":{"@bob:hs.test":{"*":{"n":1}}}}`), `{}`)
		}
		for path, body := range map[string]string{
			"/x/1": `{}`, "/x/2": `{"messages":[]}`, "/x/3": `{"messages":{"@bob:hs.test":[]}}`, "/x/4": `{"messages":{"@bob:hs.test":{"PHONE":"x"}}}`, "/x/5": `{"messages":null}`,
		} {
			w.want(path, w.by(alice, "PUT", "/sendToDevice"+path, body), 400, "M_BAD_JSON")
		}
		w.want("to nobody", w.by(alice, "PUT", "/sendToDevice/x/6", `{"messages":{"bob":{"PHONE":{}}}}`), 400, "M_INVALID_PARAM")
		w.want("a long id", w.by(alice, "PUT", "/sendToDevice/x/"+strings.Repeat("1", 256), `{"messages":{}}`), 400, "M_INVALID_PARAM")
		w.want("without an id", w.by(alice, "PUT", "/sendToDevice/x/", `{"messages":{}}`), 404, "M_UNRECOGNIZED")
		c, err := w.api.Encryption.Changes(w.Context(), e2ee.Device{User: bob.User, ID: "PHONE"}, e2ee.Since{}, w.api.Encryption.Stream.Visible())
		if err != nil || len(c.Messages) != 1 || string(c.Messages[0].Content) != `{"n":1}` || c.Messages[0].Type != "m.room.encrypted" {
			w.Errorf("Bob's phone has %+v, %v", c.Messages, err)
		}
	})
}

// With the device goes all that the server has of it.
func TestLogoutErasesKeys(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		w.want("logout", w.by(alice, "POST", "/logout", ``), 200, "")
		w.wantJSON("query", w.by(bob, "POST", "/keys/query", `{"device_keys":{"@alice:hs.test":[]}}`),
			`{"failures":{},"device_keys":{},"master_keys":{},"self_signing_keys":{},"user_signing_keys":{}}`)
		w.wantJSON("claim", w.by(bob, "POST", "/keys/claim", `{"one_time_keys":{"@alice:hs.test":{"PHONE":"signed_curve25519"}}}`),
			`{"failures":{},"one_time_keys":{}}`)
		w.want("logout of all", w.by(bob, "POST", "/logout/all", ``), 200, "")
		carol := w.ready("carol", 0)
		w.wantJSON("claim of Bob's", w.by(carol, "POST", "/keys/claim", `{"one_time_keys":{"@bob:hs.test":{"PHONE":"signed_curve25519"}}}`),
			`{"failures":{},"one_time_keys":{}}`)
	})
}

// silence is other servers that never answer.
type silence struct{}

func (silence) QueryKeys(ctx context.Context, _ matrix.ServerName, _ e2ee.Query) (e2ee.Keys, error) {
	<-ctx.Done()
	return e2ee.Keys{}, ctx.Err()
}

func (silence) ClaimKeys(ctx context.Context, _ matrix.ServerName, _ e2ee.Claims) (e2ee.Claimed, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A client says how long it waits for other servers, and is told which have not answered.
func TestTheTimeoutOfKeys(t *testing.T) {
	eachTwo(t, func(w *world, alice, _ phone) {
		w.api.Encryption.Remote = silence{}
		for path, members := range map[string]string{
			"/keys/query": `"device_keys":{"@erin:gone.test":[],"@bob:hs.test":[]}`,
			"/keys/claim": `"one_time_keys":{"@erin:gone.test":{"X":"signed_curve25519"}}`,
		} {
			for _, timeout := range []string{"0", "1", "-1"} {
				a := w.by(alice, "POST", path, `{`+members+`,"timeout":`+timeout+`}`)
				if a.status != 200 || a.object("failures", "gone.test")["errcode"] != "M_UNKNOWN" {
					w.Errorf("%s for %s ms = %d %s", path, timeout, a.status, a.text)
				}
			}
			for _, timeout := range []string{`"1"`, "1e300", "1.5"} {
				w.want(path+" for "+timeout, w.by(alice, "POST", path, `{`+members+`,"timeout":`+timeout+`}`), 400, "M_BAD_JSON")
			}
		}
	})
}

// leaving is rooms whose first question ends the request: the client has left.
type leaving struct {
	e2ee.Rooms
	leave context.CancelFunc
}

func (l leaving) Sharing(ctx context.Context, _ matrix.UserID) ([]matrix.UserID, error) {
	l.leave()
	return nil, ctx.Err()
}

// A client that logs out and does not wait takes its keys along all the same.
func TestLogoutOfAClientThatLeaves(t *testing.T) {
	eachTwo(t, func(w *world, alice, bob phone) {
		rooms := w.api.Encryption.Rooms
		for _, logout := range []struct {
			phone
			path, body string
		}{
			{alice, "/logout", ""},
			{bob, "/account/deactivate", `{"auth":{"type":"m.login.password","password":"` + password + `"}}`},
		} {
			ctx, leave := context.WithCancel(w.Context())
			w.api.Encryption.Rooms = leaving{rooms, leave}
			req := httptest.NewRequestWithContext(ctx, "POST", v3+logout.path, strings.NewReader(logout.body))
			req.Header.Set("Authorization", "Bearer "+logout.token)
			w.server.Config.Handler.ServeHTTP(httptest.NewRecorder(), req)
			if dump := storetest.Dump(w.T, w.db, "e2ee_devices", "e2ee_one_time_keys", "e2ee_leavers"); strings.Contains(dump, logout.User.String()) {
				w.Errorf("after %s there is still\n%s", logout.path, dump)
			}
		}
	})
}

// Each route asks for a token first.
func TestEncryptionNeedsAToken(t *testing.T) {
	each(t, func(w *world) {
		for _, r := range new(clientapi.API).Routes() {
			if !strings.Contains(r.Path, "/keys") && !strings.Contains(r.Path, "/room_keys") && !strings.Contains(r.Path, "/sendToDevice") {
				continue
			}
			w.want(r.Method+" "+r.Path, w.do(r.Method, strings.ReplaceAll(r.Path, ":", "x"), `{}`), 401, "M_MISSING_TOKEN")
		}
	})
}

// A server that stops says so, and is to be asked again.
func TestAStreamThatHasStopped(t *testing.T) {
	eachTwo(t, func(w *world, alice, _ phone) {
		ended := errors.New("not ended")
		stopped, err := stream.Open(w.Context(), w.api.Encryption.DB) // which replaces the one that runs
		if err == nil {
			ctx, stop := context.WithCancel(w.Context())
			stop()
			ended = stopped.Run(ctx)
		}
		if err != nil || ended != nil {
			w.Fatal(err, ended)
		}
		w.api.Encryption.Stream = stopped
		w.want("after the end", w.by(alice, "POST", "/keys/upload", map[string]any{"one_time_keys": rawAll(alice.OneTimes(9, 1))}), 503, "M_UNKNOWN")
	})
}
