package clientapi_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// news is what /sync tells of one room, and of all.
type news struct {
	Next   string `json:"next_batch"`
	Global struct {
		Events []signal `json:"events"`
	} `json:"account_data"`
	Rooms struct {
		Join map[string]struct {
			Ephemeral struct {
				Events []signal `json:"events"`
			} `json:"ephemeral"`
			Data struct {
				Events []signal `json:"events"`
			} `json:"account_data"`
			Unread  unreadCount            `json:"unread_notifications"`
			Threads map[string]unreadCount `json:"unread_thread_notifications"`
		} `json:"join"`
	} `json:"rooms"`
}

type signal struct {
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

type unreadCount struct {
	Notifications int `json:"notification_count"`
	Highlights    int `json:"highlight_count"`
}

// news asks /sync at once.
func (w *world) news(token, since string) (n news) {
	w.Helper()
	a := w.call(token, "GET /sync?since="+since+"&filter="+url.QueryEscape(`{"room":{"timeline":{"unread_thread_notifications":true}}}`), "")
	w.want("sync", a, 200, "")
	if err := json.Unmarshal([]byte(a.text), &n); err != nil {
		w.Fatal(err)
	}
	return n
}

// content is that of the one event of a type.
func (w *world) content(typ string, events []signal) string {
	w.Helper()
	for _, e := range events {
		if e.Type == typ {
			return string(e.Content)
		}
	}
	w.Errorf("there is no %s in %v", typ, events)
	return ""
}

// What Alice does in a room comes to Bob with /sync, and what he has to read with it, in
// numbers that his rules and his receipts change.
func TestWhatIsToBeReadComesWithSync(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		escaped := w.room(alice)
		id := string(unescaped(w.T, escaped))
		w.want("join", w.call(bob, "POST /join/"+escaped, ""), 200, "")
		n := w.news(bob, "")
		if rules := w.content("m.push_rules", n.Global.Events); rules != w.call(bob, "GET /pushrules/", "").text {
			w.Errorf("bob's push rules are %s", rules)
		}
		root := w.say(alice, escaped, "1", `{"msgtype":"m.text","body":"hello bob"}`)
		w.say(alice, escaped, "2", `{"msgtype":"m.text","body":"more","m.relates_to":{"rel_type":"m.thread","event_id":"`+root+`"}}`)
		w.want("typing", w.call(alice, "PUT /rooms/"+escaped+"/typing/@alice:hs.test", `{"typing":true}`), 200, "")
		n = w.news(bob, n.Next)
		room := n.Rooms.Join[id]
		if diff := cmp.Diff(unreadCount{1, 1}, room.Unread); diff != "" {
			w.Errorf("of the main timeline (- want, + got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]unreadCount{root: {1, 0}}, room.Threads); diff != "" {
			w.Errorf("of threads (- want, + got):\n%s", diff)
		}
		if typing := w.content("m.typing", room.Ephemeral.Events); typing != `{"user_ids":["@alice:hs.test"]}` {
			w.Errorf("m.typing = %s", typing)
		}
		w.want("a rule", w.call(bob, "PUT /pushrules/global/content/.m.rule.contains_user_name/enabled", `{"enabled":false}`), 200, "")
		w.want("reading the thread", w.call(bob, "POST /rooms/"+escaped+"/receipt/m.read/"+root, `{"thread_id":"`+root+`"}`), 200, "")
		w.want("a marker", w.call(bob, "POST /rooms/"+escaped+"/read_markers", `{"m.fully_read":"`+root+`"}`), 200, "")
		n = w.news(bob, n.Next)
		room = n.Rooms.Join[id]
		w.content("m.push_rules", n.Global.Events)
		w.content("m.receipt", room.Ephemeral.Events)
		if marker := w.content("m.fully_read", room.Data.Events); marker != `{"event_id":"`+root+`"}` {
			w.Errorf("m.fully_read = %s", marker)
		}
		if diff := cmp.Diff(unreadCount{1, 0}, room.Unread); diff != "" {
			w.Errorf("without his name, of the main timeline (- want, + got):\n%s", diff)
		}
		w.want("reading all in private", w.call(bob, "POST /rooms/"+escaped+"/receipt/m.read.private/"+w.say(bob, escaped, "1", `{}`), ""), 200, "")
		n = w.news(bob, n.Next)
		if room = n.Rooms.Join[id]; room.Unread != (unreadCount{}) || room.Threads != nil {
			w.Errorf("having read all: %v, %v", room.Unread, room.Threads)
		}
	})
}
