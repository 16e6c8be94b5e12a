package clientapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/store/storetest"
)

// underWay begins a request whose body is still to come, and returns when the server waits
// for it. What it returns sends the body and gives the answer.
func (w *world) underWay(token, call, body string) (finish func() answer) {
	w.Helper()
	method, path, _ := strings.Cut(call, " ")
	reader, writer := io.Pipe()
	waits := make(chan struct{})
	ctx := httptrace.WithClientTrace(w.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(waits) }})
	req, err := http.NewRequestWithContext(ctx, method, w.server.URL+v3+path, reader)
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Expect", "100-continue")
	answers := make(chan answer, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
		defer client.CloseIdleConnections()
		res, err := client.Do(req)
		if err != nil {
			w.Error(err)
			answers <- answer{}
			return
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
		_ = json.Unmarshal(text, &a.json)
		answers <- a
	}()
	select {
	case <-waits:
	case a := <-answers:
		w.Fatalf("%s = %d %s before its body has come", call, a.status, a.text)
	}
	return func() answer {
		_, _ = io.WriteString(writer, body)
		writer.Close()
		return <-answers
	}
}

// What was under way when an account ended, and was erased, writes nothing any more.
func TestNothingIsKeptForWhoHasGone(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.ready("bob", 1)
		id := w.room(alice)
		w.want("join", w.call(bob.token, "POST /join/"+id, ""), 200, "")
		said := w.say(alice, id, "1", `{}`)
		cross := e2eetest.NewIdentity(bob.User, 1)
		mine := "/user/@bob:hs.test"
		requests := map[string]string{
			"PUT " + mine + "/account_data/m.direct":             `{}`,
			"PUT " + mine + "/account_data/m.ignored_user_list":  `{}`,
			"PUT " + mine + "/rooms/" + id + "/account_data/x":   `{}`,
			"PUT " + mine + "/rooms/" + id + "/tags/m.favourite": `{}`,
			"POST " + mine + "/filter":                           `{}`,
			"PUT /profile/@bob:hs.test/displayname":              `{"displayname":"Bob"}`,
			"PUT /pushrules/global/content/x":                    `{"actions":[],"pattern":"x"}`,
			"POST /rooms/" + id + "/receipt/m.read/" + said:      `{}`,
			"POST /rooms/" + id + "/read_markers":                `{"m.fully_read":"` + said + `"}`,
			"POST /room_keys/version":                            `{"algorithm":"x","auth_data":{}}`,
			"POST /keys/device_signing/upload":                   `{"master_key":` + string(cross.MasterKey()) + `}`,
			"POST /keys/upload":                                  `{"device_keys":` + string(bob.Keys()) + `}`,
			"PUT /rooms/" + id + "/send/m.room.message/2":        `{}`,
			"POST " + mine + "/openid/request_token":             `{}`,
			"PUT /devices/PHONE":                                 `{"display_name":"x"}`,
			"PUT /rooms/" + id + "/typing/@bob:hs.test":          `{"typing":true}`,
		}
		finish := map[string]func() answer{}
		for call, body := range requests {
			finish[call] = w.underWay(bob.token, call, body)
		}
		w.end(bob.token, "bob", true)
		before := w.keptOf()
		for call, end := range finish {
			a := end()
			if a.status == 200 || a.status >= 500 {
				w.Errorf("%s after the end = %d %s", call, a.status, a.text)
			}
		}
		if after := w.keptOf(); after != before {
			w.Errorf("after the end is stored\n%s\nbefore\n%s", after, before)
		}
	})
}

// keptOf is what is stored for users outside of rooms.
func (w *world) keptOf() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, "userdata_profiles", "userdata_filters", "userdata_account_data", "receipts", "account_devices", "account_openid",
		"e2ee_devices", "e2ee_cross_signing", "e2ee_signatures", "e2ee_one_time_keys", "e2ee_fallback_keys", "roomkeys_backups")
}

// Who was about to come into a room, or to make one, when their account ended is not in it
// for long.
func TestWhoHasGoneIsInNoRoom(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		join := w.underWay(bob, "POST /rooms/"+id+"/join", `{}`)
		create := w.underWay(bob, "POST /createRoom", `{"preset":"public_chat"}`)
		w.end(bob, "bob", false)
		for what, a := range map[string]answer{"join": join(), "createRoom": create()} {
			if a.status >= 500 {
				w.Errorf("%s = %d %s", what, a.status, a.text)
			}
		}
		w.clock.Advance(time.Minute)
		if err := w.api.Departures.Fulfil(w.Context()); err != nil {
			w.Error(err)
		}
		if in := w.api.Rooms.JoinedRooms("@bob:hs.test"); len(in) > 0 {
			w.Errorf("bob, who has gone, is in %q", in)
		}
	})
}
