package fedapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

func TestProfiles(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		w.ok(w.data.SetField(w.Context(), alice, "displayname", jsontext.Value(`"Alice"`)))
		p := w.peer(remote)
		profile := func(more string) string {
			return string(p.get(fed + "/query/profile?user_id=" + url.QueryEscape(string(alice)) + more).body)
		}
		for more, want := range map[string]string{"": `{"displayname":"Alice"}`, "&field=displayname": `{"displayname":"Alice"}`, "&field=avatar_url": `{}`} {
			if got := profile(more); got != want {
				w.Errorf("the profile, %q = %s, want %s", more, got, want)
			}
		}
		w.wants("of nobody", p.get(fed+"/query/profile?user_id=@nobody:hs.test"), 404, matrix.NotFound)
		w.wants("of a user of another server", p.get(fed+"/query/profile?user_id="+url.QueryEscape(string(rita))), 404, matrix.NotFound)
		w.wants("of no user", p.get(fed+"/query/profile?user_id=alice"), 400, matrix.InvalidParam)
		w.wants("of none", p.get(fed+"/query/profile"), 400, matrix.MissingParams)
		w.wants("another query", p.get(fed+"/query/presence?user_id=@alice:hs.test"), 404, matrix.Unrecognized)
	})
}

func TestDirectory(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, AliasName: "tea", Listed: true, Name: "Tea"})
		w.join(id, "@a:a.test", rita)
		p := w.peer(remote)
		alias := fed + "/query/directory?room_alias="
		if a := p.get(alias + url.QueryEscape("#tea:hs.test")); string(a.body) != fmt.Sprintf(`{"room_id":%q,"servers":["hs.test","a.test","remote.test"]}`, id) {
			w.Errorf("the alias = %d %s", a.status, a.body)
		}
		w.wants("one that is not there", p.get(alias+url.QueryEscape("#coffee:hs.test")), 404, matrix.NotFound)
		w.wants("one of another server", p.get(alias+url.QueryEscape("#tea:remote.test")), 404, matrix.NotFound)
		w.wants("none", p.get(alias+"tea"), 400, matrix.InvalidParam)
		other := w.create(room.Creation{Preset: room.PublicChat, Listed: true, Name: "Coffee"})
		list := func(a answer) string {
			text := fmt.Sprint(a.json()["total_room_count_estimate"])
			chunk, _ := a.json()["chunk"].([]any)
			for _, r := range chunk {
				text += " " + fmt.Sprint(r.(map[string]any)["name"])
			}
			return text
		}
		if got := list(p.get(fed + "/publicRooms")); got != "2 Tea Coffee" {
			w.Errorf("the directory = %s", got)
		}
		a := p.get(fed + "/publicRooms?limit=1")
		if got := list(a); got != "2 Tea" {
			w.Errorf("one room = %s", got)
		}
		if got := list(p.get(fed + "/publicRooms?limit=1&since=" + fmt.Sprint(a.json()["next_batch"]))); got != "2 Coffee" {
			w.Errorf("the next room = %s", got)
		}
		if got := list(p.do("POST", fed+"/publicRooms", `{"limit":5,"filter":{"generic_search_term":"COFF"}}`)); got != "1 Coffee" {
			w.Errorf("searching = %s", got)
		}
		w.wants("a token that is none", p.get(fed+"/publicRooms?since=x"), 400, matrix.InvalidParam)
		w.wants("a limit that is none", p.get(fed+"/publicRooms?limit=x"), 400, matrix.InvalidParam)
		w.wants("no object", p.do("POST", fed+"/publicRooms", `[]`), 400, matrix.BadJSON)
		_ = other
	})
}

// phone registers Alice's phone with its keys and so many one-time keys.
func (w *world) phone(keys int) e2eetest.Phone {
	w.Helper()
	name := "alice"
	login, err := w.accounts.Register(w.Context(), account.Registration{Username: &name, Password: "correct horse", Device: account.NewDevice{DisplayName: "her phone"},
		Auth: &account.Auth{Stage: account.StageDummy}})
	w.ok(err)
	p := e2eetest.NewPhone(alice, string(login.Device.ID))
	_, err = w.encryption.Upload(w.Context(), e2ee.Device{User: alice, ID: e2ee.DeviceID(p.ID)}, e2ee.Upload{Device: p.Keys(), OneTime: p.OneTimes(0, keys)})
	w.ok(err)
	return p
}

func TestDevices(t *testing.T) {
	each(t, func(w *world) {
		phone := w.phone(0)
		p := w.peer(remote)
		a := p.get(fed + "/user/devices/" + url.PathEscape(string(alice)))
		devices, _ := a.json()["devices"].([]any)
		if a.status != 200 || a.json()["user_id"] != string(alice) || a.json()["stream_id"].(float64) <= 0 || len(devices) != 1 || devices[0].(map[string]any)["device_id"] != phone.ID {
			w.Errorf("the devices = %d %s", a.status, a.body)
		}
		w.wants("of nobody", p.get(fed+"/user/devices/@nobody:hs.test"), 404, matrix.NotFound)
		w.wants("of a user of another server", p.get(fed+"/user/devices/"+url.PathEscape(string(rita))), 404, matrix.NotFound)
		w.wants("of no user", p.get(fed+"/user/devices/alice"), 400, matrix.InvalidParam)
		a = p.do("POST", fed+"/user/keys/query", `{"device_keys":{"@alice:hs.test":[],"@rita:remote.test":[]}}`)
		keys, _ := a.json()["device_keys"].(map[string]any)
		if a.status != 200 || len(keys) != 1 || keys[string(alice)].(map[string]any)[phone.ID] == nil || strings.Contains(string(a.body), "user_signing") {
			w.Errorf("the keys = %d %s", a.status, a.body)
		}
		w.wants("no query", p.do("POST", fed+"/user/keys/query", `{}`), 400, matrix.MissingParams)
		w.wants("a query of the wrong form", p.do("POST", fed+"/user/keys/query", `{"device_keys":[]}`), 400, matrix.BadJSON)
	})
}

// A one-time key is given out once, whoever asks at the same moment.
func TestClaims(t *testing.T) {
	each(t, func(w *world) {
		phone := w.phone(5)
		claim := fmt.Sprintf(`{"one_time_keys":{%q:{%q:"signed_curve25519"},"@rita:remote.test":{"X":"signed_curve25519"}}}`, alice, phone.ID)
		var mu sync.Mutex
		given := map[string]int{}
		var wait sync.WaitGroup
		for i := range 8 {
			p := w.peer(matrix.ServerName(fmt.Sprintf("s%d.test", i)))
			wait.Go(func() {
				a := p.do("POST", fed+"/user/keys/claim", claim)
				all, _ := a.json()["one_time_keys"].(map[string]any)
				users, _ := all[string(alice)].(map[string]any)
				keys, _ := users[phone.ID].(map[string]any)
				if a.status != 200 || len(keys) > 1 || len(all) > 1 {
					p.Errorf("claim = %d %s", a.status, a.body)
				}
				mu.Lock()
				defer mu.Unlock()
				for name := range keys {
					given[name]++
				}
			})
		}
		wait.Wait()
		if len(given) != 5 {
			w.Errorf("8 servers got %v of 5 keys", given)
		}
		w.wants("no claim", w.peer(remote).do("POST", fed+"/user/keys/claim", `{}`), 400, matrix.MissingParams)
	})
}
