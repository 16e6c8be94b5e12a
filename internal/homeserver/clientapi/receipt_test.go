package clientapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// unescaped is a room's id as room made it.
func unescaped(t *testing.T, id string) matrix.RoomID {
	t.Helper()
	plain, err := url.PathUnescape(id)
	if err != nil {
		t.Fatal(err)
	}
	return matrix.RoomID(plain)
}

// told is what somebody is told of a room's receipts, as one line each.
func (w *world) told(id string, reader matrix.UserID) (lines []string) {
	w.Helper()
	content, err := w.api.Receipts.Since(w.Context(), unescaped(w.T, id), reader, 0, 1<<62)
	if err != nil {
		w.Fatal(err)
	}
	for event, kinds := range content {
		for kind, users := range kinds {
			for user, told := range users {
				lines = append(lines, strings.TrimSpace(string(user)+" "+string(kind)+" "+event+" "+told.Thread))
			}
		}
	}
	return lines
}

// say sends a message and returns its id.
func (w *world) say(token, id, txn, body string) string {
	w.Helper()
	a := w.call(token, "PUT /rooms/"+id+"/send/m.room.message/"+txn, body)
	w.want("send", a, 200, "")
	return a.str("event_id")
}

// Alice reads what Bob says: everybody learns it, but for what she reads in private.
func TestReceipts(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		first := w.say(bob, id, "1", `{"body":"1"}`)
		second := w.say(bob, id, "2", `{"body":"2"}`)
		w.wantJSON("reading", w.call(alice, "POST /rooms/"+id+"/receipt/m.read/"+first, `{}`), `{}`)
		w.wantJSON("reading, without a body", w.call(alice, "POST /rooms/"+id+"/receipt/m.read/"+first, ""), `{}`)
		w.wantJSON("reading in private", w.call(alice, "POST /rooms/"+id+"/receipt/m.read.private/"+second, `{}`), `{}`)
		if diff := cmp.Diff([]string{"@alice:hs.test m.read " + first}, w.told(id, "@bob:hs.test")); diff != "" {
			w.Errorf("bob is told (- want, + got):\n%s", diff)
		}
		if told := w.told(id, "@alice:hs.test"); len(told) != 2 {
			w.Errorf("alice is told %q, want both of hers", told)
		}
	})
}

// A receipt for a thread is for events of that thread, which an event is in by up to three
// relations. A root is in the main timeline, as is what relates to it; both may be read in the
// thread too.
func TestReceiptsOfThreads(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		id := w.room(alice)
		relates := func(kind, to string) string {
			return `{"body":"x","m.relates_to":{"rel_type":"` + kind + `","event_id":"` + to + `"}}`
		}
		root := w.say(alice, id, "1", `{"body":"root"}`)
		reply := w.say(alice, id, "2", relates("m.thread", root))
		reaction := w.say(alice, id, "3", relates("m.annotation", reply))
		ofReaction := w.say(alice, id, "4", relates("m.reference", reaction))
		tooFar := w.say(alice, id, "5", relates("m.reference", ofReaction))
		ofRoot := w.say(alice, id, "6", relates("m.annotation", root))
		ofNothing := w.say(alice, id, "7", relates("m.annotation", "$nothing"))
		for _, test := range []struct {
			event, thread string
			status        int
		}{
			{root, "main", 200}, {root, root, 200}, {reply, root, 200}, {reaction, root, 200}, {ofReaction, root, 200}, {tooFar, "main", 200}, {ofRoot, "main", 200}, {ofRoot, root, 200}, {ofNothing, "main", 200},
			{root, reply, 400}, {reply, "main", 400}, {reaction, "main", 400}, {tooFar, root, 400}, {ofNothing, root, 400}, {reply, reaction, 400}, {reaction, reply, 400},
		} {
			code := ""
			if test.status == 400 {
				code = "M_INVALID_PARAM"
			}
			w.want(test.event+" in "+test.thread, w.call(alice, "POST /rooms/"+id+"/receipt/m.read/"+test.event, `{"thread_id":"`+test.thread+`"}`), test.status, code)
		}
		read, err := w.api.Receipts.ReadUpTo(w.Context(), unescaped(w.T, id), "@alice:hs.test")
		want := map[string]stream.Pos{receipt.Main: w.position(id, ofNothing), root: w.position(id, ofRoot)}
		if diff := cmp.Diff(want, read); err != nil || diff != "" {
			w.Errorf("alice has read, %v (- want, + got):\n%s", err, diff)
		}
	})
}

// position is where an event is in the stream.
func (w *world) position(id, event string) stream.Pos {
	w.Helper()
	seen, err := w.api.Rooms.Event(w.Context(), "@alice:hs.test", string(unescaped(w.T, id)), event)
	if err != nil {
		w.Fatal(err)
	}
	return seen.Pos
}

// The fully read marker is account data of the room, by either path; the other members of
// the request are receipts.
func TestReadMarkers(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		id := w.room(alice)
		first, second := w.say(alice, id, "1", `{}`), w.say(alice, id, "2", `{}`)
		marker := "GET /user/@alice:hs.test/rooms/" + id + "/account_data/m.fully_read"
		w.want("no marker", w.call(alice, marker, ""), 404, "M_NOT_FOUND")
		w.wantJSON("nothing", w.call(alice, "POST /rooms/"+id+"/read_markers", `{}`), `{}`)
		w.wantJSON("by a receipt", w.call(alice, "POST /rooms/"+id+"/receipt/m.fully_read/"+first, `{}`), `{}`)
		w.wantJSON("the marker", w.call(alice, marker, ""), `{"event_id":"`+first+`"}`)
		w.wantJSON("all at once", w.call(alice, "POST /rooms/"+id+"/read_markers", `{"m.fully_read":"`+second+`","m.read":"`+first+`","m.read.private":"`+second+`","other":1}`), `{}`)
		w.wantJSON("the marker, moved", w.call(alice, marker, ""), `{"event_id":"`+second+`"}`)
		if told := w.told(id, "@alice:hs.test"); len(told) != 2 {
			w.Errorf("alice is told %q, want two receipts", told)
		}
		w.want("one of an event that is not there", w.call(alice, "POST /rooms/"+id+"/read_markers", `{"m.fully_read":"`+first+`","m.read":"$no"}`), 404, "M_NOT_FOUND")
		w.wantJSON("the marker, then", w.call(alice, marker, ""), `{"event_id":"`+second+`"}`)
	})
}

// Whoever may not, or asks for what makes no sense, is told so and changes nothing.
func TestReceiptsRefuse(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id, other := w.room(alice), w.room(alice)
		said, elsewhere := w.say(alice, id, "1", `{}`), w.say(alice, other, "1", `{}`)
		for _, test := range []struct {
			token, call, body string
			status            int
			code              string
		}{
			{bob, "POST /rooms/" + id + "/receipt/m.read/" + said, `{}`, 403, "M_FORBIDDEN"},
			{bob, "POST /rooms/" + id + "/read_markers", `{"m.fully_read":"` + said + `"}`, 403, "M_FORBIDDEN"},
			{bob, "PUT /rooms/" + id + "/typing/@bob:hs.test", `{"typing":true}`, 403, "M_FORBIDDEN"},
			{bob, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":true}`, 403, "M_FORBIDDEN"},
			{alice, "PUT /rooms/!no:hs.test/typing/@alice:hs.test", `{"typing":true}`, 404, "M_NOT_FOUND"},
			{alice, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{}`, 400, "M_MISSING_PARAMS"},
			{alice, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":1}`, 400, "M_BAD_JSON"},
			{alice, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":true,"timeout":-1}`, 400, "M_INVALID_PARAM"},
			{alice, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":true,"timeout":1e300}`, 400, "M_BAD_JSON"},
			{alice, "PUT /rooms/" + id + "/typing/@alice:hs.test", `{"typing":true,"timeout":"30"}`, 400, "M_BAD_JSON"},
			{alice, "POST /rooms/!no:hs.test/receipt/m.read/" + said, `{}`, 404, "M_NOT_FOUND"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + elsewhere, `{}`, 404, "M_NOT_FOUND"},
			{alice, "POST /rooms/" + id + "/receipt/m.delivered/" + said, `{}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + said, `[]`, 400, "M_BAD_JSON"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + said, `{"thread_id":""}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + said, `{"thread_id":7}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + said, `{"thread_id":null}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/receipt/m.read/" + said, `{"thread_id":"x"}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/receipt/m.fully_read/" + said, `{"thread_id":"main"}`, 400, "M_INVALID_PARAM"},
			{alice, "POST /rooms/" + id + "/read_markers", `{"m.fully_read":7}`, 400, "M_BAD_JSON"},
			{alice, "POST /rooms/" + id + "/read_markers", `{"m.fully_read":"` + elsewhere + `"}`, 404, "M_NOT_FOUND"},
			{alice, "PUT /user/@alice:hs.test/rooms/" + id + "/account_data/m.fully_read", `{}`, 405, "M_BAD_JSON"},
		} {
			w.want(test.call+" "+test.body, w.call(test.token, test.call, test.body), test.status, test.code)
		}
		if told := w.told(id, "@alice:hs.test"); told != nil {
			w.Errorf("stored were %q", told)
		}
		w.want("the marker", w.call(alice, "GET /user/@alice:hs.test/rooms/"+id+"/account_data/m.fully_read", ""), 404, "M_NOT_FOUND")
		if users, _ := w.api.Typing.Since(unescaped(w.T, id), 0, 1<<62); users != nil {
			w.Errorf("%v are typing", users)
		}
	})
}

// Others see who types, from when they say so until they stop.
func TestTyping(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.room(alice)
		w.want("join", w.call(bob, "POST /join/"+id, ""), 200, "")
		for _, step := range []struct {
			token, user, body string
			typing            []matrix.UserID
		}{
			{alice, "@alice:hs.test", `{"typing":true,"timeout":90000}`, []matrix.UserID{"@alice:hs.test"}},
			{bob, "@bob:hs.test", `{"typing":true}`, []matrix.UserID{"@alice:hs.test", "@bob:hs.test"}},
			{bob, "@bob:hs.test", `{"typing":true,"timeout":9000000000000000000}`, []matrix.UserID{"@alice:hs.test", "@bob:hs.test"}},
			{alice, "@alice:hs.test", `{"typing":false}`, []matrix.UserID{"@bob:hs.test"}},
			{bob, "@bob:hs.test", `{"typing":true,"timeout":0}`, nil},
		} {
			w.wantJSON(step.user+" "+step.body, w.call(step.token, "PUT /rooms/"+id+"/typing/"+step.user, step.body), `{}`)
			users, _ := w.api.Typing.Since(unescaped(w.T, id), 0, 1<<62)
			if diff := cmp.Diff(step.typing, users); diff != "" {
				w.Errorf("after %s %s (- want, + got):\n%s", step.user, step.body, diff)
			}
		}
	})
}
