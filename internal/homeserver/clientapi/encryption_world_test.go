package clientapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// directory is the accounts as e2ee sees them.
type directory struct{ *account.Accounts }

func (d directory) Devices(ctx context.Context, q store.Queryer, user matrix.UserID) (devices []e2ee.KnownDevice, err error) {
	known, err := d.Known(ctx, q, user)
	for _, k := range known {
		devices = append(devices, e2ee.KnownDevice{ID: e2ee.DeviceID(k.ID), DisplayName: k.DisplayName})
	}
	return devices, err
}

func (w *world) encryption(committer *stream.Committer, db *store.DB, accounts *account.Accounts) *e2ee.Encryption {
	w.Helper()
	e, err := e2ee.New(w.Context(), e2ee.Options{
		DB: db, Stream: committer, ServerName: "hs.test", Now: w.clock.Now, Devices: directory{accounts}, Active: accounts.Active,
	})
	if err != nil {
		w.Fatal(err)
	}
	return e
}

// phone is a device with an access token.
type phone struct {
	e2eetest.Phone
	token string
}

// phone registers a user, with a device of that name.
func (w *world) phone(name string) phone {
	w.Helper()
	a := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":"`+name+`","password":"`+password+`","device_id":"PHONE"}`)
	w.want("registering "+name, a, 200, "")
	return phone{e2eetest.NewPhone(matrix.UserID(a.str("user_id")), "PHONE"), a.str("access_token")}
}

// by sends a request of the phone's; body is text, or made JSON.
func (w *world) by(p phone, method, path string, body any) answer {
	w.Helper()
	text, isText := body.(string)
	if !isText {
		b, err := json.Marshal(body)
		if err != nil {
			w.Fatal(err)
		}
		text = string(b)
	}
	return w.do(method, v3+path, text, bearer(p.token))
}

// object is one level of an answer below another.
func (a answer) object(members ...string) map[string]any {
	at := a.json
	for _, m := range members {
		at, _ = at[m].(map[string]any)
	}
	return at
}

// now is the token of /sync that stands for all that is there.
func (w *world) now() string { return fmt.Sprintf("s%d", w.api.Encryption.Stream.Visible()) }

// ready is a phone with its keys, so many one-time keys and a fallback key.
func (w *world) ready(name string, oneTime int) phone {
	w.Helper()
	p := w.phone(name)
	a := w.by(p, "POST", "/keys/upload", map[string]any{
		"device_keys": raw(p.Keys()), "one_time_keys": rawAll(p.OneTimes(0, oneTime)), "fallback_keys": rawAll(p.Fallback("F")),
	})
	w.want("uploading keys", a, 200, "")
	return p
}

func raw(b []byte) json.RawMessage { return json.RawMessage(b) }

func rawAll[V ~[]byte](m map[string]V) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for name, value := range m {
		all[name] = raw(value)
	}
	return all
}

// eachTwo tells a story of two phones, Alice's and Bob's, each with its keys.
func eachTwo(t *testing.T, story func(w *world, alice, bob phone)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, account.Flows{{account.StageDummy}})
		story(w, w.ready("alice", 2), w.ready("bob", 2))
	})
}
