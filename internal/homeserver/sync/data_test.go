package sync_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

func userDataOf(user matrix.UserID) userdata.Place { return userdata.Place{User: user} }

func TestAccountData(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.phone(alice)
		first := p.sync()
		for _, kind := range []string{"override", "content", "room", "sender", "underride"} {
			if !strings.Contains(first.text, `"`+kind+`":[`) {
				t.Errorf("push rules have no %s: %s", kind, first.text)
			}
		}
		w.ok(w.data.SetAccountData(t.Context(), userDataOf(alice), "color", []byte(`{"n":"red"}`)))
		w.ok(w.data.SetTag(t.Context(), userdata.Place{User: alice, Room: matrix.RoomID(id)}, "u.attic", []byte(`{"order":0.5}`)))
		a := p.sync()
		w.want("account data", a.AccountData.short(), []string{"color=red"})
		w.want("tags", a.Rooms.Join[id].AccountData.short(), []string{"m.tag"})
		w.wantNothing("then", p.sync())
		a = w.phone(alice).with(`{"account_data":{"not_types":["m.*"]},"room":{"account_data":{"types":[]}}}`).sync()
		w.want("as filtered", a.AccountData.short(), []string{"color=red"})
		w.want("tags as filtered", a.Rooms.Join[id].AccountData.short(), []string{})
		w.wantNothing("bob", w.phone(bob).with(`{"account_data":{"types":[]}}`).sync())
		w.ok(w.data.SetTag(t.Context(), userdata.Place{User: bob, Room: matrix.RoomID(id)}, "u.later", []byte(`{}`)))
		q := w.phone(bob)
		q.sync()
		w.join(id, bob)
		w.want("tags from before bob joined", q.sync().Rooms.Join[id].AccountData.short(), []string{"m.tag"})
	})
}

func TestReceiptsAndTyping(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		said := w.say(id, alice, "hello")
		own, other := w.phone(bob), w.phone(alice)
		own.sync()
		other.sync()
		r := receipt.Receipt{Room: matrix.RoomID(id), User: bob, Kind: receipt.Private, EventID: said, EventPos: w.stream.Visible()}
		w.ok(w.receipts.Set(t.Context(), r))
		if a := own.sync(); !strings.Contains(a.text, `"m.read.private":{"@bob:hs.test"`) {
			t.Errorf("bob is told %s", a.text)
		}
		w.wantNothing("alice", other.sync())
		r.Kind = receipt.Read
		w.ok(w.receipts.Set(t.Context(), r))
		for _, p := range []*phone{own, other} {
			a := p.sync()
			w.want("of receipts", a.Rooms.Join[id].Ephemeral.short(), []string{"m.receipt"})
			w.want("and of the timeline", a.Rooms.Join[id].Timeline.short(), []string{})
			w.wantNothing("then", p.sync())
		}
		if a := w.phone(alice).sync(); strings.Contains(a.text, "private") || !strings.Contains(a.text, "m.read") {
			t.Errorf("alice begins with %s", a.text)
		}
		w.ok(w.typing.Start(t.Context(), matrix.RoomID(id), bob, time.Minute))
		a := other.sync()
		w.want("who types", a.Rooms.Join[id].Ephemeral.Events[0].Content["user_ids"], []any{"@bob:hs.test"})
		w.wantNothing("then", other.sync())
		w.ok(w.typing.Stop(t.Context(), matrix.RoomID(id), bob))
		a = other.sync()
		w.want("nobody types", a.Rooms.Join[id].Ephemeral.Events[0].Content["user_ids"], []any{})
		w.want("from the beginning", strings.Contains(w.phone(alice).sync().text, "m.typing"), false)
		other.Filter = `{"room":{"ephemeral":{"not_types":["m.typing"]}}}`
		w.ok(w.typing.Start(t.Context(), matrix.RoomID(id), bob, time.Minute))
		w.wantNothing("with a filter", other.sync())
	})
}

// counts are the same everywhere.
type counts struct{ w *world }

func (u counts) Counts(_ context.Context, user matrix.UserID, r *room.Room, _ stream.Pos) (unread.Counts, error) {
	u.w.want("who asks", user, alice)
	return unread.Counts{Main: unread.Count{Notifications: 3, Highlights: 1}, Threads: map[string]unread.Count{"$root": {Notifications: 2, Highlights: 2}}}, nil
}

func (counts) Prepare(context.Context, matrix.UserID, []*room.Room) {}

func TestUnread(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		a := w.phone(alice).sync()
		w.want("nobody counts", a.Rooms.Join[id].Unread, map[string]int{"highlight_count": 0, "notification_count": 0})
		w.sync.Unread = counts{w}
		a = w.phone(alice).sync()
		w.want("all together", a.Rooms.Join[id].Unread, map[string]int{"highlight_count": 3, "notification_count": 5})
		w.want("threads", len(a.Rooms.Join[id].Threads), 0)
		a = w.phone(alice).with(`{"room":{"timeline":{"unread_thread_notifications":true}}}`).sync()
		w.want("the main timeline", a.Rooms.Join[id].Unread, map[string]int{"highlight_count": 1, "notification_count": 3})
		w.want("the thread", a.Rooms.Join[id].Threads["$root"], countJSON{2, 2})
	})
}

// A room that is new to a client says that nobody types and nobody has read; later it says
// nothing where there is nothing.
func TestNothingPassingIsSaidOnce(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		p := w.phone(bob)
		const none = `"ephemeral":{"events":[]}`
		if a := p.sync(); !strings.Contains(a.text, none) {
			t.Errorf("of a new room bob is told %s", a.text)
		}
		w.say(id, alice, "hello")
		if a := p.sync(); strings.Contains(a.text, "ephemeral") || len(a.Rooms.Join) != 1 {
			t.Errorf("then bob is told %s", a.text)
		}
		w.leave(id, bob)
		p.sync()
		w.join(id, bob)
		if a := p.sync(); !strings.Contains(a.text, none) {
			t.Errorf("when bob comes back they are told %s", a.text)
		}
	})
}
