package fedapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// listUpdate is an m.device_list_update, as it came.
type listUpdate struct {
	User     matrix.UserID   `json:"user_id"`
	Device   string          `json:"device_id"`
	Stream   int64           `json:"stream_id"`
	Previous []int64         `json:"prev_id"`
	Keys     json.RawMessage `json:"keys"`
}

// update waits for the next EDU, which has to be an update of carol's one device.
func (h *house) update(what string) (u listUpdate) {
	h.Helper()
	select {
	case edu := <-h.heard:
		content, is := strings.CutPrefix(edu, "m.device_list_update ")
		if err := json.Unmarshal([]byte(content), &u); !is || err != nil || u.User != carol {
			h.Errorf("%s: it hears %s, %v", what, edu, err)
		}
	case <-time.After(5 * time.Minute):
		h.Fatalf("%s: it hears nothing", what)
	}
	return u
}

// tellsNobody checks that those who have come are introduced to nobody. What is queued all the
// same is in the queue still, or heard next.
func (h *house) tellsNobody(what string) {
	h.Helper()
	before := h.number(`SELECT COALESCE(MAX(seq), 0) FROM outbound_edus`)
	h.ok(h.encryption.Introduce(h.Context()))
	if h.number(`SELECT COALESCE(MAX(seq), 0) FROM outbound_edus`) > before {
		h.Errorf("%s: EDUs are queued", what)
	}
}

func (h *house) number(query string) (n int) {
	h.Helper()
	h.ok(h.db.QueryRow(h.Context(), query).Scan(&n))
	return n
}

// room is a new one of Alice's, with a rule by which others may join.
func (h *house) room(rule string) string {
	h.Helper()
	id, err := h.rooms.Create(h.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, InitialState: []room.StateEvent{{
		Type: "m.room.join_rules", Content: []byte(rule)}}})
	h.ok(err)
	return id
}

// phone is the device of a server's Carol, with its keys.
func (h *house) phone() e2ee.Device {
	h.Helper()
	known, err := h.accounts.Known(h.Context(), h.db, carol)
	h.ok(err)
	if len(known) != 1 {
		h.Fatalf("carol has the devices %v", known)
	}
	d := e2ee.Device{User: carol, ID: e2ee.DeviceID(known[0].ID)}
	_, err = h.encryption.Upload(h.Context(), d, e2ee.Upload{Device: e2eetest.NewPhone(carol, string(d.ID)).Keys()})
	h.ok(err)
	return d
}

// changed checks whose devices Alice is to ask for again since she looked last, and looks.
func (h *house) changed(what string, since stream.Pos, want ...matrix.UserID) stream.Pos {
	h.Helper()
	now := h.stream.Visible()
	lists, err := h.encryption.ListsBetween(h.Context(), alice, since, now)
	h.ok(err)
	if !slices.Equal(lists.Changed, want) {
		h.Errorf("%s: alice is told that %q changed, want %q", what, lists.Changed, want)
	}
	return now
}

// asksKeys has Alice ask for Carol's keys.
func (h *house) asksKeys(what string, d e2ee.Device) {
	h.Helper()
	keys, failures, err := h.encryption.Query(h.Context(), alice, e2ee.Query{carol: nil}, time.Minute)
	if err != nil || len(failures) > 0 || keys.Devices[carol][d.ID] == nil {
		h.Errorf("%s: carol has the keys %s, %v, %v", what, keys.Devices[carol], failures, err)
	}
}

const public = `{"join_rule":"public"}`

// A server that somebody comes to is told of their device in step with what it asks for and is
// told next; its users, who are sent to ask by the join, are told once. The server that is there
// already tells of nobody: its users have not joined.
func TestTwoServersAndANewcomersDevices(t *testing.T) {
	eachPair(t, func(a, b *house) {
		d, other := b.phone(), a.room(public)
		wish := inbound.Wish{Membership: room.Membership{Room: a.room(public), Sender: carol}, Via: []matrix.ServerName{a.name}}
		since := a.stream.Visible()
		b.ok(b.inbound.Join(b.Context(), wish))
		since = a.changed("a join", since, carol)
		a.asksKeys("after the join", d)
		b.ok(b.encryption.Introduce(b.Context()))
		first := a.update("a join")
		if first.Device != string(d.ID) || first.Keys == nil || !slices.Equal(first.Previous, []int64{first.Stream}) {
			t.Errorf("told of %+v", first)
		}
		since = a.changed("what alice knows", since)

		wish.Room = other
		b.ok(b.inbound.Join(b.Context(), wish))
		b.tellsNobody("another room with the same server")
		since = a.changed("another room", since, carol)
		b.ok(b.encryption.DeviceRenamed(b.Context(), d))
		if next := a.update("a change"); !slices.Equal(next.Previous, []int64{first.Stream}) || next.Stream == first.Stream {
			t.Errorf("the update %+v does not follow on %+v", next, first)
		}
		a.changed("a change", since, carol)

		a.tellsNobody("who was there")
		for _, h := range []*house{a, b} {
			if n := h.number(`SELECT COUNT(*) FROM e2ee_newcomers`); n != 0 || len(h.heard) > 0 {
				t.Errorf("%d newcomers are left of %s, and %d EDUs came to it", n, h.name, len(h.heard))
			}
		}
	})
}

// By whatever way somebody comes, the server that they meet is told; and again when they come
// after they have gone.
func TestTwoServersAndWaysToCome(t *testing.T) {
	eachPair(t, func(a, b *house) {
		d := b.phone()
		wish := inbound.Wish{Membership: room.Membership{Sender: carol}, Via: []matrix.ServerName{a.name}}
		joins := func(id string) {
			t.Helper()
			wish.Room = id
			b.ok(b.inbound.Join(b.Context(), wish))
		}
		told := func(what string) {
			t.Helper()
			b.ok(b.encryption.Introduce(b.Context()))
			if u := a.update(what); u.Device != string(d.ID) || u.Keys == nil {
				t.Errorf("%s: told of %+v", what, u)
			}
		}
		goes := func(id string) {
			t.Helper()
			wish.Room = id
			b.ok(b.inbound.Leave(b.Context(), wish))
			b.tellsNobody("going")
			a.until(alice, func() bool { return a.membership(id, carol) == room.Leave })
		}
		invites := func(id string) {
			a.ok(a.inbound.Invite(a.Context(), room.Membership{Room: id, Sender: alice, Target: carol}))
		}

		open := a.room(public)
		for _, what := range []string{"an open room", "an open room again"} {
			joins(open)
			told(what)
			goes(open)
		}
		private := a.room(`{"join_rule":"invite"}`)
		invites(private)
		b.tellsNobody("an invitation")
		joins(private)
		told("an invitation that is taken up")
		goes(private)
		door := a.room(`{"join_rule":"knock"}`)
		wish.Room = door
		b.ok(b.inbound.Knock(b.Context(), wish))
		invites(door)
		b.tellsNobody("a knock")
		joins(door)
		told("a knock that is answered")

		inner := a.room(fmt.Sprintf(`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q}]}`, door))
		joins(inner)
		b.tellsNobody("from one room into another")
		goes(inner)
		joins(inner)
		b.ok(b.inbound.Leave(b.Context(), inbound.Wish{Membership: room.Membership{Room: door, Sender: carol}}))
		told("a restricted room, the other left")
	})
}
