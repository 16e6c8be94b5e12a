package clientapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// syncing is /sync with query parameters, as name=value.
func (w *world) syncing(token string, parameters ...string) answer {
	w.Helper()
	values := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values.Add(name, value)
	}
	return w.do("GET", v3+"/sync?"+values.Encode(), "", bearer(token))
}

func TestSync(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.want("without a token", w.do("GET", v3+"/sync", ""), 401, "M_MISSING_TOKEN")
		id := w.do("POST", v3+"/createRoom", `{"preset":"public_chat","invite":["@bob:hs.test"]}`, bearer(alice)).str("room_id")
		first := w.syncing(alice)
		w.want("the first", first, 200, "")
		if first.object("rooms", "join", id, "timeline") == nil || first.header.Get("Cache-Control") != "no-store" || first.header.Get("Content-Type") != "application/json" {
			w.Errorf("the first answer is %v %s", first.header, first.text)
		}
		if a := w.syncing(bob); a.object("rooms", "invite", id, "invite_state") == nil {
			w.Errorf("bob is told %s", a.text)
		}
		since := "since=" + first.str("next_batch")
		sent := w.do("PUT", v3+"/rooms/"+url.PathEscape(id)+"/send/m.room.message/1", `{"body":"hello"}`, bearer(alice)).str("event_id")
		for _, wait := range []string{"timeout=0", "timeout=30000", "timeout=99999999999"} {
			a := w.syncing(alice, since, wait, "set_presence=offline", "full_state=false")
			if !strings.Contains(a.text, sent) || !strings.Contains(a.text, `"transaction_id":"1"`) {
				w.Errorf("with %s alice is told %s", wait, a.text)
			}
		}
		after := w.syncing(alice, "use_state_after=true")
		if room := after.object("rooms", "join", id); room["state_after"] == nil || room["state"] != nil {
			w.Errorf("with the state after the timeline: %s", after.text)
		}
		if a := w.do("GET", "/_matrix/client/r0/sync?filter=%7B%22room%22%3A%7B%22rooms%22%3A%5B%5D%7D%7D", "", bearer(alice)); a.object("rooms") != nil {
			w.Errorf("without any room: %s", a.text)
		}
		prev, _ := first.object("rooms", "join", id, "timeline")["prev_batch"].(string)
		from := url.Values{"dir": {"b"}, "from": {first.str("next_batch")}, "to": {prev}}
		page := w.do("GET", v3+"/rooms/"+url.PathEscape(id)+"/messages?"+from.Encode(), "", bearer(alice))
		if page.status != 200 || !strings.Contains(page.text, "m.room.create") {
			w.Errorf("/messages from a token of /sync: %s", page.text)
		}
	})
}

func TestSyncsThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for _, parameter := range []string{"since=x", "since=", "since=s01", "since=t1_2", "filter=x", "full_state=yes", "use_state_after=1", "set_presence=away", "timeout=-1", "timeout=soon",
			"timeout=9999999999999999999999"} {
			if a := w.syncing(alice, parameter); parameter == "since=" {
				w.want(parameter, a, 200, "")
			} else {
				w.want(parameter, a, 400, "M_INVALID_PARAM")
			}
		}
		w.want("a filter that is none", w.syncing(alice, `filter={"room":1}`), 400, "M_BAD_JSON")
		w.want("a token twice", w.syncing(alice, "since=s1", "since=s1"), 400, "M_INVALID_PARAM")
	})
}

// A client that goes away is not waited for, and one that stays is told at once.
func TestLongPolls(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		since := w.syncing(alice).str("next_batch")
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", w.server.URL+v3+"/sync?timeout=300000&since="+since, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+alice)
		gone := make(chan error, 1)
		go func() {
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				res.Body.Close()
			}
			gone <- err
		}()
		waiting := make(chan answer, 1)
		go func() { waiting <- w.syncing(alice, "timeout=300000", "since="+since) }()
		leave()
		if err := <-gone; err == nil {
			t.Error("the client that went away was answered")
		}
		id := w.do("POST", v3+"/createRoom", `{}`, bearer(alice)).str("room_id")
		if a := <-waiting; a.object("rooms", "join", id) == nil || a.str("next_batch") == since {
			t.Errorf("who stayed was told %s", a.text)
		}
	})
}
