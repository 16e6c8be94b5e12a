package edu_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/edu"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

const them = matrix.ServerName("them.test")

var errStream = errors.New("the stream is full")

// house writes down what it is told. In its room !tea are @ann:them.test and @us:us.test;
// the server denied.test has somebody there too, and is not let in.
type house struct{ told []string }

func (h *house) say(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

func (h *house) ReceiveToDevice(_ context.Context, origin matrix.ServerName, content []byte) error {
	h.say("to device %s %s", origin, content)
	return nil
}

func (h *house) ReceiveListUpdate(_ context.Context, origin matrix.ServerName, content []byte) error {
	h.say("list %s %s", origin, content)
	return nil
}

func (h *house) Update(_ context.Context, origin matrix.ServerName, content []byte) (news bool, err error) {
	h.say("changed %s %s", origin, content)
	if string(content) == `{}` {
		return true, edu.ErrContent
	}
	return string(content) != `{"known":1}`, nil
}

func (h *house) Set(_ context.Context, r receipt.Receipt) error {
	h.say("%s read %s at %d in %s, thread %q", r.User, r.EventID, r.EventPos, r.Room, r.Thread)
	if r.Thread == "$full" {
		return errStream
	}
	return nil
}

func (h *house) Start(_ context.Context, in matrix.RoomID, user matrix.UserID, timeout time.Duration) error {
	h.say("%s types in %s for %s", user, in, timeout)
	return nil
}

func (h *house) Stop(_ context.Context, in matrix.RoomID, user matrix.UserID) error {
	h.say("%s stops in %s", user, in)
	return nil
}

func (h *house) IsJoined(_ context.Context, id string, user matrix.UserID) (bool, error) {
	if id != "!tea" {
		return false, room.ErrUnknownRoom
	}
	return strings.HasPrefix(user.String(), "@ann:") || user == "@us:us.test", nil
}

func (h *house) PosOf(_ context.Context, _, id string) (stream.Pos, error) {
	if id != "$1" && id != "$t" && id != "$full" {
		return 0, room.ErrUnknownEvent
	}
	return 7, nil
}

func (h *house) Allows(_ context.Context, server matrix.ServerName, _ string) (bool, error) {
	return server != "denied.test", nil
}

func handler() (*edu.Handler, *house) {
	h := &house{}
	return &edu.Handler{Encryption: h, Lists: h, Receipts: h, Typing: h, Rooms: h, Doors: h}, h
}

func typing(room, user string, on bool) string {
	return fmt.Sprintf(`{"room_id":%q,"user_id":%q,"typing":%t}`, room, user, on)
}

func read(room, kind, user, event, data string) string {
	return fmt.Sprintf(`{%q:{%q:{%q:{"event_ids":[%s],"data":%s}}}}`, room, kind, user, event, data)
}

// A server speaks for its own users, in rooms where they are and where it is let in.
func TestWhatIsTaken(t *testing.T) {
	tests := []struct {
		name, typ, content string
		origin             matrix.ServerName
		told               string
		err                error
	}{
		{"to a device", "m.direct_to_device", `{"a":1}`, them, `to device them.test {"a":1}`, nil},
		{"a device list", "m.device_list_update", `{"a":1}`, them, `changed them.test {"a":1}; list them.test {"a":1}`, nil},
		{"a signing key", "m.signing_key_update", `{"a":1}`, them, `changed them.test {"a":1}; list them.test {"a":1}`, nil},
		{"a device list that is known", "m.device_list_update", `{"known":1}`, them, `changed them.test {"known":1}`, nil},
		{"a device list that is none", "m.device_list_update", `{}`, them, `changed them.test {}`, edu.ErrContent},
		{"presence", "m.presence", `{"push":[]}`, them, "", nil},
		{"what nobody knows", "m.x", `[[`, them, "", nil},

		{"typing", "m.typing", typing("!tea", "@ann:them.test", true), them, "@ann:them.test types in !tea for 1m0s", nil},
		{"typing no more", "m.typing", typing("!tea", "@ann:them.test", false), them, "@ann:them.test stops in !tea", nil},
		{"typing somewhere else", "m.typing", typing("!no", "@ann:them.test", true), them, "", nil},
		{"typing of who is not there", "m.typing", typing("!tea", "@bea:them.test", true), them, "", edu.ErrOrigin},
		{"typing of one of ours", "m.typing", typing("!tea", "@us:us.test", true), them, "", edu.ErrOrigin},
		{"typing of nobody", "m.typing", typing("!tea", "ann", true), them, "", edu.ErrContent},
		{"typing of a server that is denied", "m.typing", typing("!tea", "@ann:denied.test", true), "denied.test", "", edu.ErrDenied},
		{"typing of another form", "m.typing", `{"room_id":1}`, them, "", edu.ErrContent},
		{"typing twice", "m.typing", `{"typing":true,"typing":false}`, them, "", edu.ErrContent},

		{"a receipt", "m.receipt", read("!tea", "m.read", "@ann:them.test", `"$0","$1"`, `{"ts":5}`), them, `@ann:them.test read $1 at 7 in !tea, thread ""`, nil},
		{"a receipt in a thread", "m.receipt", read("!tea", "m.read", "@ann:them.test", `"$1"`, `{"thread_id":"$t"}`), them, `@ann:them.test read $1 at 7 in !tea, thread "$t"`, nil},
		{"a private receipt", "m.receipt", read("!tea", "m.read.private", "@ann:them.test", `"$1"`, `{}`), them, "", nil},
		{"a receipt for what is not here", "m.receipt", read("!tea", "m.read", "@ann:them.test", `"$2"`, `{}`), them, "", nil},
		{"a receipt for nothing", "m.receipt", read("!tea", "m.read", "@ann:them.test", ``, `{}`), them, "", edu.ErrContent},
		{"a receipt of one of ours", "m.receipt", read("!tea", "m.read", "@us:us.test", `"$1"`, `{}`), them, "", edu.ErrOrigin},
		{"a receipt in a room that is not here", "m.receipt", read("!no", "m.read", "@ann:them.test", `"$1"`, `{}`), them, "", nil},
		{"a receipt of a server that is denied", "m.receipt", read("!tea", "m.read", "@ann:denied.test", `"$1"`, `{}`), "denied.test", "", edu.ErrDenied},
		{"a receipt that cannot be kept", "m.receipt", read("!tea", "m.read", "@ann:them.test", `"$1"`, `{"thread_id":"$full"}`), them, `@ann:them.test read $1 at 7 in !tea, thread "$full"`, errStream},
		{"receipts of another form", "m.receipt", `{"!tea":[]}`, them, "", edu.ErrContent},
	}
	for _, tt := range tests {
		h, house := handler()
		err := h.HandleEDU(t.Context(), tt.origin, tt.typ, jsontext.Value(tt.content))
		if told := strings.Join(house.told, "; "); told != tt.told || !errors.Is(err, tt.err) {
			t.Errorf("%s: told %q, %v, want %q, %v", tt.name, told, err, tt.told, tt.err)
		}
	}
}

// One receipt that cannot be taken is no reason to leave out others, and of many not all are
// read.
func TestManyReceipts(t *testing.T) {
	h, house := handler()
	content := `{"!no":{"m.read":{"@ann:them.test":{"event_ids":["$1"]}}},"!tea":{"m.read":{"@bea:them.test":{"event_ids":["$1"]},"@ann:them.test":{"event_ids":["$1"]}}}}`
	if err := h.HandleEDU(t.Context(), them, "m.receipt", jsontext.Value(content)); !errors.Is(err, edu.ErrOrigin) || len(house.told) != 1 {
		t.Errorf("told %q, %v", house.told, err)
	}
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, `,"@ann:them.test%d":{"event_ids":["$1"]}`, i)
	}
	content = `{"!tea":{"m.read":{` + many.String()[1:] + `}}}`
	if err := h.HandleEDU(t.Context(), them, "m.receipt", jsontext.Value(content)); !errors.Is(err, edu.ErrContent) {
		t.Errorf("thousands of receipts = %v, want %v", err, edu.ErrContent)
	}
}

// Of threads that are none of the room's no receipts are kept: a server could think of any
// number of them.
func TestReceiptsOfThreads(t *testing.T) {
	for thread, want := range map[string]int{"main": 1, "$1": 1, "$2": 0, `$\u0000`: 0, "tea": 0} {
		h, house := handler()
		content := read("!tea", "m.read", "@ann:them.test", `"$1"`, `{"thread_id":"`+thread+`"}`)
		if err := h.HandleEDU(t.Context(), them, "m.receipt", jsontext.Value(content)); err != nil || len(house.told) != want {
			t.Errorf("%q: told %q, %v", thread, house.told, err)
		}
	}
}

// Whatever is sent, only users of the server are spoken for.
func FuzzHandleEDU(f *testing.F) {
	f.Add("m.typing", []byte(typing("!tea", "@ann:them.test", true)))
	f.Add("m.receipt", []byte(read("!tea", "m.read", "@ann:them.test", `"$1"`, `{"thread_id":"main"}`)))
	f.Add(e2ee.EDUDirectToDevice, []byte(`{}`))
	f.Fuzz(func(t *testing.T, typ string, content []byte) {
		h, house := handler()
		err := h.HandleEDU(t.Context(), them, typ, content)
		for _, told := range house.told {
			if strings.HasPrefix(told, "@") && !strings.HasPrefix(told, "@ann:them.test ") {
				t.Errorf("HandleEDU(%s, %q) = %v, told %q", typ, content, err, told)
			}
		}
	})
}
