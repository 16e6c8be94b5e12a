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
