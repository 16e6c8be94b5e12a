package room_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// texts are the bodies of messages, or the types of other events.
func texts(events []room.Seen) (texts []string) {
	for _, s := range events {
		text := s.Type()
		if body, isText := s.Field("body").Text(); isText {
			text = body
		}
		texts = append(texts, text)
	}
	return texts
}

// read is all messages that a user may read, oldest first, in pages of a size.
func (w *world) read(id string, user matrix.UserID, size int) (said []string) {
	w.Helper()
	q := room.Query{Room: id, Back: true, Limit: size}
	for {
		page, err := w.rooms.Messages(w.Context(), user, q)
		w.ok(err)
		for _, text := range texts(page.Events) {
			if !strings.HasPrefix(text, "m.") {
				said = append(said, text)
			}
		}
		if page.End == "" {
			slices.Reverse(said)
			return said
		}
		q.From = page.End
	}
}

// Who may read what, for every history visibility: bob was there before carol, who was
// invited before she joined, and dave never was.
func TestHistoryVisibility(t *testing.T) {
	const dave matrix.UserID = "@dave:hs.test"
	tests := []struct {
		visibility       string
		bob, carol, dave string // what they read; empty if they may not look
	}{
		{"world_readable", "1 2 3 4 5", "1 2 3 4 5", "1 2 3 4 5"},
		{"shared", "1 2 3 4", "1 2 3 4 5", ""},
		{"invited", "2 3 4", "3 4 5", ""},
		{"joined", "2 3 4", "4 5", ""},
		{"unheard_of", "1 2 3 4", "1 2 3 4 5", ""},
	}
	each(t, func(w *world) {
		for _, test := range tests {
			id := w.create(room.Creation{Preset: room.PublicChat, InitialState: []room.StateEvent{
				{Type: "m.room.history_visibility", Content: fmt.Appendf(nil, `{"history_visibility":%q}`, test.visibility)}}})
			w.say(id, alice, "1")
			w.join(id, bob)
			w.say(id, alice, "2")
			w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: carol}))
			w.say(id, alice, "3")
			w.join(id, carol)
			w.say(id, alice, "4")
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
			w.say(id, alice, "5")
			for user, want := range map[matrix.UserID]string{bob: test.bob, carol: test.carol, dave: test.dave} {
				if want == "" {
					_, err := w.rooms.Messages(w.Context(), user, room.Query{Room: id, Back: true})
					wantError(w, test.visibility+" for a stranger", err, room.ErrNotInRoom)
					_, err = w.rooms.State(w.Context(), user, id)
					wantError(w, test.visibility+": state for a stranger", err, room.ErrNotInRoom)
					continue
				}
				for _, size := range []int{1, 3, 100} {
					if got := strings.Join(w.read(id, user, size), " "); got != want {
						w.Errorf("%s: %s reads %q in pages of %d, want %q", test.visibility, user, got, size, want)
					}
				}
			}
		}
	})
}

// Who has left knows the state of then, also when they are banned later.
func TestTheStateOfThen(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "before"})
		w.join(id, bob, carol)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		w.ok(w.set(id, alice, "m.room.name", `{"name":"after"}`))
		w.ok(w.set(id, alice, "m.room.pinned_events", `{}`))
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		for user, want := range map[matrix.UserID]string{bob: "before", carol: "after"} {
			s, err := w.rooms.StateEvent(w.Context(), user, id, "m.room.name", "")
			w.ok(err)
			if name, _ := s.Field("name").Text(); name != want {
				w.Errorf("%s reads the name %q, want %q", user, name, want)
			}
			state, err := w.rooms.State(w.Context(), user, id)
			w.ok(err)
			pinned := slices.ContainsFunc(state, func(s *room.Stored) bool { return s.Type() == "m.room.pinned_events" })
			if pinned != (user == carol) {
				w.Errorf("%s reads of pinned events: %v", user, pinned)
			}
		}
		_, err := w.rooms.StateEvent(w.Context(), carol, id, "m.room.name", "x")
		wantError(w, "no such state", err, room.ErrUnknownEvent)
		_, err = w.rooms.StateEvent(w.Context(), carol, "!no:hs.test", "m.room.name", "")
		wantError(w, "no such room", err, room.ErrNotInRoom)
		_, err = w.rooms.JoinedMembers(w.Context(), bob, id)
		wantError(w, "the members, for who has left", err, room.ErrNotInRoom)
	})
}

// What an invited user who refused knows of a room is nothing.
func TestARefusedInvitationShowsNothing(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Invite: []matrix.UserID{bob}})
		_, err := w.rooms.State(w.Context(), bob, id)
		wantError(w, "the state, invited", err, room.ErrNotInRoom)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		_, err = w.rooms.State(w.Context(), bob, id)
		wantError(w, "the state, refused", err, room.ErrNotInRoom)
		for _, e := range w.events(id) {
			_, err = w.rooms.Event(w.Context(), bob, id, e.id)
			wantError(w, "the event "+e.typ, err, room.ErrUnknownEvent)
		}
	})
}

func TestMessagesForthAndBack(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		var want []string
		for i := range 70 {
			want = append(want, fmt.Sprint(i))
			w.say(id, alice, fmt.Sprint(i))
		}
		q := room.Query{Room: id, Limit: 7, Filter: room.Filter{Types: []string{"*.mess*ge"}}}
		var got []string
		for {
			page, err := w.rooms.Messages(w.Context(), alice, q)
			w.ok(err)
			got = append(got, texts(page.Events)...)
			if page.End == "" {
				break
			}
			q.From = page.End
		}
		if !slices.Equal(got, want) {
			w.Errorf("forth one reads %q", got)
		}
		back := slices.Clone(want)
		slices.Reverse(back)
		page, err := w.rooms.Messages(w.Context(), alice, room.Query{Room: id, Back: true, Limit: 20})
		w.ok(err)
		if !slices.Equal(texts(page.Events), back[:20]) {
			w.Errorf("back one reads %q", texts(page.Events))
		}
		page, err = w.rooms.Messages(w.Context(), alice, room.Query{Room: id, From: page.End, To: page.Start, Limit: 500})
		w.ok(err)
		if !slices.Equal(texts(page.Events), want[50:]) {
			w.Errorf("between the tokens one reads %q", texts(page.Events))
		}
		for _, token := range []string{"x", "s", "1", "s1x", "s+1", "t_1", "tx_1", "s99999999999999999999", "S1"} {
			_, err := w.rooms.Messages(w.Context(), alice, room.Query{Room: id, From: token})
			wantError(w, "from "+token, err, room.ErrToken)
		}
	})
}

func TestContext(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "before"})
		var ids []string
		for i := range 9 {
			ids = append(ids, w.say(id, alice, fmt.Sprint(i)))
		}
		w.ok(w.set(id, alice, "m.room.name", `{"name":"after"}`))
		c, err := w.rooms.Context(w.Context(), alice, id, ids[4], 5, room.Filter{})
		w.ok(err)
		if got := strings.Join(slices.Concat(texts(c.Before), texts([]room.Seen{c.Event}), texts(c.After)), " "); got != "3 2 4 5 6 7" {
			w.Errorf("around 4 stands %q", got)
		}
		for _, s := range c.State {
			if name, isText := s.Field("name").Text(); isText && name != "before" {
				w.Errorf("the state then has the name %q", name)
			}
		}
		page, err := w.rooms.Messages(w.Context(), alice, room.Query{Room: id, From: c.Start, Back: true, Limit: 2})
		w.ok(err)
		if got := strings.Join(texts(page.Events), " "); got != "1 0" {
			w.Errorf("before the context stands %q", got)
		}
		page, err = w.rooms.Messages(w.Context(), alice, room.Query{Room: id, From: c.End, Limit: 1})
		w.ok(err)
		if got := strings.Join(texts(page.Events), " "); got != "8" {
			w.Errorf("after the context stands %q", got)
		}
		_, err = w.rooms.Context(w.Context(), bob, id, ids[4], 5, room.Filter{})
		wantError(w, "the context, for a stranger", err, room.ErrUnknownEvent)
	})
}

func TestEventAt(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		start := w.clock.Now().UnixMilli()
		var ids []string
		for i := range 3 {
			w.clock.Advance(time.Second)
			ids = append(ids, w.say(id, alice, fmt.Sprint(i)))
		}
		for _, test := range []struct {
			ts   int64
			back bool
			want string
		}{{start + 1500, true, ids[0]}, {start + 1500, false, ids[1]}, {start + 2000, true, ids[1]}, {start + 2000, false, ids[1]}, {start + 99999, true, ids[2]}} {
			s, err := w.rooms.EventAt(w.Context(), alice, id, test.ts, test.back)
			w.ok(err)
			if s.ID() != test.want {
				w.Errorf("next to %d stands %s, want %s", test.ts-start, s.ID(), test.want)
			}
		}
		_, err := w.rooms.EventAt(w.Context(), alice, id, start+99999, false)
		wantError(w, "after the end", err, room.ErrUnknownEvent)
		_, err = w.rooms.EventAt(w.Context(), bob, id, start, false)
		wantError(w, "for a stranger", err, room.ErrNotInRoom)
	})
}

// What was redacted is in no read and no cache any more, not even as what came before.
func TestRedactedIsGone(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "secret one"})
		w.ok(w.set(id, alice, "m.room.name", `{"name":"second"}`))
		said := w.say(id, alice, "secret two")
		var name string
		for _, e := range w.events(id) {
			if e.typ == "m.room.name" && name == "" {
				name = e.id
			}
		}
		for _, target := range []string{name, said} {
			_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: target})
			w.ok(err)
		}
		for _, rooms := range []*world{w, open(w.TB, w.db, 0)} {
			page, err := rooms.rooms.Messages(w.Context(), alice, room.Query{Room: id, Back: true, Limit: 100})
			w.ok(err)
			state, err := rooms.rooms.State(w.Context(), alice, id)
			w.ok(err)
			r := room.Reader{User: alice}
			var all []byte
			for _, s := range page.Events {
				all = r.Append(all, s)
			}
			for _, s := range state {
				all = r.Append(all, room.Seen{Stored: s})
			}
			if strings.Contains(string(all), "secret") {
				w.Errorf("one still reads %s", all)
			}
			if strings.Count(string(all), "redacted_because") != 2 {
				w.Errorf("one is not told why: %s", all)
			}
		}
	})
}

// An event as its sender reads it, and as others do.
func TestRendering(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range []string{"2", "10", "11", "12"} {
			id := w.create(room.Creation{Version: v, Preset: room.PublicChat})
			s := message(id, alice, "hi")
			s.Transaction = room.Transaction{Device: "PHONE", ID: "t 1"}
			said, err := w.rooms.Send(w.Context(), s)
			w.ok(err)
			red, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: alice, EventID: said, Reason: "why"})
			w.ok(err)
			e, err := w.rooms.Event(w.Context(), alice, id, red)
			w.ok(err)
			var got map[string]any
			w.ok(json.Unmarshal(room.Reader{User: alice, Device: "PHONE", Now: e.OriginServerTS() + 5}.Append(nil, e), &got))
			want := map[string]any{"content": map[string]any{"reason": "why", "redacts": said}, "event_id": red, "redacts": said, "room_id": id,
				"origin_server_ts": float64(e.OriginServerTS()), "sender": string(alice), "type": "m.room.redaction", "unsigned": map[string]any{"age": 5.0, "membership": "join"}}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				w.Errorf("version %s: %v, want %v", v, got, want)
			}
			if e, err = w.rooms.Event(w.Context(), alice, id, said); err != nil {
				w.Fatal(err)
			}
			for device, has := range map[string]bool{"PHONE": true, "TABLET": false} {
				text := string(room.Reader{User: alice, Device: device}.Append(nil, e))
				if strings.Contains(text, `"transaction_id":"t 1"`) != has {
					w.Errorf("%s reads %s", device, text)
				}
			}
			if text := string(room.Reader{User: bob, Device: "PHONE", InRoom: true}.Append(nil, e)); strings.Contains(text, "transaction_id") || strings.Contains(text, "room_id") {
				w.Errorf("bob reads %s", text)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, token := range []string{"s1", "s-5", "t7_9", "s", "t_", "s9223372036854775807"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		pos, err := room.ParseToken(token)
		if err != nil {
			return
		}
		if again, err := room.ParseToken(room.Token(pos)); err != nil || again != pos {
			t.Errorf("%q is %d, and read again %d, %v", token, pos, again, err)
		}
	})
}
