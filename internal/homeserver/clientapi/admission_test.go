package clientapi_test

import (
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

// endings are how a phone of Alice's is let in no more. Her laptop has another token.
var endings = map[string]func(w *world, phone, laptop string){
	"logout": func(w *world, phone, _ string) { w.want("logout", w.call(phone, "POST /logout", ""), 200, "") },
	"logout of all": func(w *world, _, laptop string) {
		w.want("logout", w.call(laptop, "POST /logout/all", ""), 200, "")
	},
	"deletion": func(w *world, _, laptop string) {
		w.want("deletion", w.call(laptop, "POST /delete_devices", `{"devices":["PHONE"],"auth":`+aliceAuth+`}`), 200, "")
	},
	"password": func(w *world, _, laptop string) {
		w.want("password", w.call(laptop, "POST /account/password", `{"new_password":"battery staple","auth":`+aliceAuth+`}`), 200, "")
	},
	"deactivation": func(w *world, _, laptop string) { w.end(laptop, "alice", false) },
	"the operator's command": func(w *world, _, _ string) {
		beside, err := account.New(w.Context(), account.Options{DB: w.db, Vault: w.vault, ServerName: "hs.test", Now: w.clock.Now})
		if err == nil {
			err = beside.DeactivateUser(w.Context(), "@alice:hs.test", false)
		}
		if err != nil {
			w.Fatal(err)
		}
		w.look(w.api.Accounts)
	},
}

const aliceAuth = `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"` + password + `"}`

// A poll that waits when its device is let in no more ends, and says so.
func TestAPollEndsWithItsDevice(t *testing.T) {
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			each(t, func(w *world) {
				laptop := w.joined("alice")
				phone := w.do("POST", v3+"/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"`+password+`","device_id":"PHONE"}`).str("access_token")
				since := w.syncing(phone).str("next_batch")
				ended := make(chan answer, 1)
				go func() { ended <- w.syncing(phone, "timeout=300000", "since="+since) }()
				w.want("while it waits", w.call(phone, "GET /account/whoami", ""), 200, "")
				end(w, phone, laptop)
				got := <-ended
				w.want("the poll", got, 401, "M_UNKNOWN_TOKEN")
				if soft, there := got.json["soft_logout"]; soft != false || !there {
					w.Errorf("the poll ends with %s, want no soft logout", got.text)
				}
				w.want("then", w.call(phone, "GET /account/whoami", ""), 401, "M_UNKNOWN_TOKEN")
			})
		})
	}
}

// A poll that a message ends asks the database for nothing: not for its token, nor for what
// is beside the message.
func TestAPollThatAMessageEndsAsksForNothing(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.call(alice, "POST /createRoom", `{"preset":"public_chat"}`).str("room_id")
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		filter := "filter=" + `{"room":{"state":{"lazy_load_members":true}}}`
		since := w.syncing(bob, filter).str("next_batch")
		since = w.syncing(bob, filter, "since="+since).str("next_batch")
		for i := range 5 {
			w.clock.Advance(time.Second / 20)
			sent := w.say(alice, id, string(rune('a'+i)), `{"body":"hello"}`)
			before := w.db.Statements()
			a := w.syncing(bob, filter, "timeout=30000", "since="+since)
			n := w.db.Statements() - before
			if timeline := a.object("rooms", "join", id, "timeline"); len(timeline) == 0 || a.object("rooms", "join", id, "unread_notifications")["notification_count"] != float64(i+1) {
				w.Fatalf("bob is told %s, want %s", a.text, sent)
			}
			if first := i == 0; !first && n != 0 {
				w.Errorf("message %d took the poll %d statements, want none", i, n)
			}
			since = a.str("next_batch")
		}
	})
}
