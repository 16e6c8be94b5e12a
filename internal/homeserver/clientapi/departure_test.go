package clientapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// reads is what somebody is shown of the texts of a room, the newest first; what is
// redacted is a dash.
func (w *world) reads(token, id string) (texts string) {
	w.Helper()
	page := w.call(token, "GET /rooms/"+id+"/messages?dir=b&limit=100", "")
	w.want("messages", page, 200, "")
	chunk, _ := page.json["chunk"].([]any)
	for _, e := range chunk {
		e, _ := e.(map[string]any)
		if content, _ := e["content"].(map[string]any); e["type"] == "m.room.message" {
			body, there := content["body"].(string)
			if !there {
				body = "-"
			}
			texts += body
		}
	}
	return texts
}

// membership is what somebody is in a room, for another who is in it.
func (w *world) membership(token, id, user string) string {
	w.Helper()
	return w.call(token, "GET /rooms/"+id+"/state/m.room.member/"+user, "").str("membership")
}

// end ends an account.
func (w *world) end(token, user string, erase bool) {
	w.Helper()
	body := fmt.Sprintf(`{"erase":%v,"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"%s"},"password":"%s"}}`, erase, user, password)
	w.want("deactivating", w.call(token, "POST /account/deactivate", body), 200, "")
}

// Bob's account ends: he leaves where he is, refuses where he is asked, and asks no more.
func TestWhoseAccountEndsLeaves(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		joined, invited, left := w.room(alice), w.room(alice), w.room(alice)
		knocked := w.call(alice, "POST /createRoom", `{"initial_state":[{"type":"m.room.join_rules","content":{"join_rule":"knock"}}]}`).str("room_id")
		w.want("join", w.call(bob, "POST /join/"+joined, ""), 200, "")
		w.want("invite", w.call(alice, "POST /rooms/"+invited+"/invite", `{"user_id":"@bob:hs.test"}`), 200, "")
		w.want("knock", w.call(bob, "POST /knock/"+knocked, ""), 200, "")
		w.want("join", w.call(bob, "POST /join/"+left, ""), 200, "")
		w.want("ban", w.call(alice, "POST /rooms/"+left+"/ban", `{"user_id":"@bob:hs.test"}`), 200, "")
		said := w.say(bob, joined, "1", `{"body":"a"}`)
		w.wantJSON("reading", w.call(bob, "POST /rooms/"+joined+"/receipt/m.read/"+said, ""), `{}`)
		w.end(bob, "bob", false)
		for id, want := range map[string]string{joined: "leave", invited: "leave", knocked: "leave", left: "ban"} {
			if got := w.membership(alice, id, "@bob:hs.test"); got != want {
				w.Errorf("in the end bob's membership is %q, want %q", got, want)
			}
		}
		if got := w.reads(alice, joined); got != "a" {
			w.Errorf("alice reads %q", got)
		}
		if told := w.told(joined, "@alice:hs.test"); len(told) != 1 {
			w.Errorf("of receipts are left %q, want bob's", told)
		}
	})
}

// Alice has what she sent erased: those who saw it go on seeing it, and those who come
// later do not. What others said is not hers.
func TestWhatIsErasedIsHiddenFromWhoComesLater(t *testing.T) {
	each(t, func(w *world) {
		alice, bob, carol := w.joined("alice"), w.joined("bob"), w.joined("carol")
		id := w.room(alice)
		w.want("bob joins", w.call(bob, "POST /join/"+id, ""), 200, "")
		first := w.say(alice, id, "1", `{"body":"a"}`)
		w.say(bob, id, "1", `{"body":"b"}`)
		w.want("bob leaves", w.call(bob, "POST /rooms/"+id+"/leave", ""), 200, "")
		second := w.say(alice, id, "2", `{"body":"c"}`)
		w.want("bob is back", w.call(bob, "POST /join/"+id, ""), 200, "")
		w.wantJSON("reading", w.call(alice, "POST /rooms/"+id+"/receipt/m.read/"+second, ""), `{}`)
		w.end(alice, "alice", true)
		w.want("carol joins", w.call(carol, "POST /join/"+id, ""), 200, "")
		w.want("bob is called Bobby", w.call(bob, "PUT /profile/@bob:hs.test/displayname", `{"displayname":"Bobby"}`), 200, "")
		for token, want := range map[string]string{bob: "cba", carol: "-b-"} {
			if got := w.reads(token, id); got != want {
				w.Errorf("what is read is %q, want %q", got, want)
			}
		}
		hidden := w.call(carol, "GET /rooms/"+id+"/event/"+first, "")
		if hidden.status != 200 || hidden.str("sender") != "@alice:hs.test" || strings.Contains(hidden.text, `"body"`) {
			w.Errorf("carol reads %s", hidden.text)
		}
		around := w.call(carol, "GET /rooms/"+id+"/context/"+second, "")
		if around.status != 200 || strings.Contains(around.text, `"body":"a"`) || strings.Contains(around.text, `"body":"c"`) || !strings.Contains(around.text, `"body":"b"`) {
			w.Errorf("around it carol reads %s", around.text)
		}
		for _, told := range w.told(id, "@bob:hs.test") {
			if strings.Contains(told, "@alice") {
				w.Errorf("of receipts is left %q", told)
			}
		}
	})
}

// What Alice has erased is in the state too, in what came in its place, and in why she
// redacted something. A room stays the room that it is: encrypted.
func TestWhatIsErasedIsHiddenInTheState(t *testing.T) {
	each(t, func(w *world) {
		alice, bob, carol, dave := w.joined("alice"), w.joined("bob"), w.joined("carol"), w.joined("dave")
		id := w.call(alice, "POST /createRoom", `{"preset":"public_chat","name":"secret","topic":"secret","power_level_content_override":{"users":{"@bob:hs.test":100}},
			"initial_state":[{"type":"m.room.encryption","content":{"algorithm":"m.megolm.v1.aes-sha2"}},{"type":"im.signet.note","state_key":"a","content":{"text":"secret"}}]}`).str("room_id")
		w.want("alice is called", w.call(alice, "PUT /rooms/"+id+"/state/m.room.member/@alice:hs.test", `{"displayname":"secret","membership":"join"}`), 200, "")
		w.want("bob joins", w.call(bob, "POST /join/"+id, ""), 200, "")
		said := w.say(bob, id, "1", `{"body":"b"}`)
		w.want("alice redacts it", w.call(alice, "PUT /rooms/"+id+"/redact/"+said+"/1", `{"reason":"secret"}`), 200, "")
		w.want("bob sets the topic", w.call(bob, "PUT /rooms/"+id+"/state/m.room.topic", `{"topic":"open"}`), 200, "")
		w.end(alice, "alice", true)
		w.want("carol joins", w.call(carol, "POST /join/"+id, ""), 200, "")
		w.want("dave is invited", w.call(bob, "POST /rooms/"+id+"/invite", `{"user_id":"@dave:hs.test"}`), 200, "")
		for _, read := range []string{
			"GET /rooms/" + id + "/state", "GET /rooms/" + id + "/state/m.room.name", "GET /rooms/" + id + "/state/im.signet.note/a?format=event",
			"GET /rooms/" + id + "/members", "GET /rooms/" + id + "/context/" + said, "GET /sync", `GET /sync?filter={"room":{"timeline":{"limit":1}}}`,
			"GET /rooms/" + id + `/messages?dir=b&limit=100&filter={"lazy_load_members":true}`,
		} {
			for token, hidden := range map[string]bool{bob: false, carol: true} {
				got := w.call(token, read, "")
				if told := strings.Contains(got.text, "secret"); got.status != 200 || told && hidden || !told && !hidden {
					w.Errorf("%s, hidden: %v, is %d %s", read, hidden, got.status, got.text)
				}
			}
		}
		if asked := w.call(dave, "GET /sync", ""); strings.Contains(asked.text, "secret") || !strings.Contains(asked.text, `"m.room.name"`) {
			w.Errorf("dave is shown %s", asked.text)
		}
		if got := w.call(carol, "GET /rooms/"+id+"/state/m.room.encryption", "").str("algorithm"); got != "m.megolm.v1.aes-sha2" {
			w.Errorf("for carol the room is encrypted by %q", got)
		}
		if got := w.membership(carol, id, "@bob:hs.test"); got != "join" {
			w.Errorf("for carol bob's membership is %q", got)
		}
		page := w.call(carol, "GET /rooms/"+id+"/messages?dir=b&limit=100", "")
		for _, want := range []string{`"prev_sender":"@alice:hs.test"`, `"redacted_because"`, `"prev_content":{"membership":"join"}`} {
			if !strings.Contains(page.text, want) {
				w.Errorf("carol is not told %s: %s", want, page.text)
			}
		}
	})
}
