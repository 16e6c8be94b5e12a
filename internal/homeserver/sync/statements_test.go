package sync_test

import (
	"context"
	"slices"
	"testing"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/unread"
	"signet/internal/matrix"
)

// furnished is a server where bob is in n rooms, in which something was said and read. It
// has just started, and counts what is unread.
func (w *world) furnished(n int) *world {
	w.Helper()
	w.attics(n)
	for _, s := range w.rooms.Stays(alice) {
		id := s.Room.ID()
		w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
		w.join(id, bob)
		said := w.say(id, alice, "read")
		r := receipt.Receipt{Room: matrix.RoomID(id), User: bob, Kind: receipt.Read, EventID: said, EventPos: w.stream.Visible()}
		w.ok(w.receipts.Set(w.Context(), r))
		w.say(id, alice, "unread")
	}
	again := open(w.TB, w.db)
	again.sync.Unread = unread.New(unread.Options{Rooms: again.rooms, Receipts: again.receipts, Rules: again.data})
	return again
}

// The first answer of a server that has just started takes 2 statements a room, those about
// several rooms counted with it; and says the same as one that has everything in memory.
func TestAFirstAnswerTakesFewStatements(t *testing.T) {
	const n = 16
	each(t, func(w *world) {
		w = w.furnished(n)
		p := w.phone(bob).with(`{"room":{"timeline":{"limit":2}}}`)
		before := w.db.Statements()
		cold := p.look()
		took := w.db.Statements() - before
		if want := int64(2*n + 10); took > want {
			t.Errorf("%d rooms took %d statements, want at most %d", n, took, want)
		}
		before = w.db.Statements()
		warm := p.look()
		if took := w.db.Statements() - before; took > n/2 {
			t.Errorf("%d rooms in memory took %d statements, want at most %d", n, took, n/2)
		}
		w.want("rooms", len(cold.Rooms.Join), n)
		for id, r := range cold.Rooms.Join {
			w.want("unread", r.Unread["notification_count"], 1)
			w.want("receipts", len(r.Ephemeral.Events), 1)
			w.want("the last words", r.Timeline.said(), []string{"read", "unread"})
			w.want("the beginning", slices.Contains(r.State.short(), "m.room.create|"), true)
			again := warm.Rooms.Join[id]
			w.want("the timeline in memory", again.Timeline.short(), r.Timeline.short())
			w.want("the state in memory", again.State.short(), r.State.short())
			w.want("receipts in memory", again.Ephemeral.Events, r.Ephemeral.Events)
		}
	})
}

// A server that has just started has the newest rooms read before anybody asks, and the first
// who does is told the same.
func TestTheNewestRoomsAreReadAtTheStart(t *testing.T) {
	each(t, func(w *world) {
		w.attics(20)
		before := w.rooms.Newest(1)[0].ID()
		last := w.create(room.Creation{})
		newest := w.rooms.Newest(2)
		w.want("the newest", []string{newest[0].ID(), newest[1].ID()}, []string{last, before})

		roused, cold := open(w.TB, w.db), open(w.TB, w.db)
		roused.sync.Rouse(t.Context())
		statements := w.db.Statements()
		told := roused.phone(alice).look()
		of := w.db.Statements() - statements
		all := cold.phone(alice).look()
		if otherwise := w.db.Statements() - statements - of; of >= otherwise {
			t.Errorf("the first answer took %d statements, and otherwise %d", of, otherwise)
		}
		w.want("rooms", len(told.Rooms.Join), 21)
		for id, r := range all.Rooms.Join {
			w.want("the timeline", told.Rooms.Join[id].Timeline.short(), r.Timeline.short())
			w.want("the state", told.Rooms.Join[id].State.short(), r.State.short())
		}
	})
}

// breaking counts what is unread, and cannot find out about several rooms.
type breaking struct{ sync.Unread }

func (breaking) Prepare(context.Context, matrix.UserID, []*room.Room) { panic("broken") }

// What breaks while it is read about several rooms together breaks no answer: each room is
// told by itself.
func TestWhatIsReadTogetherBreaks(t *testing.T) {
	each(t, func(w *world) {
		w = w.furnished(20)
		w.sync.Unread = breaking{w.sync.Unread}
		a := w.phone(bob).sync()
		w.want("rooms", len(a.Rooms.Join), 20)
		for _, r := range a.Rooms.Join {
			w.want("unread", r.Unread["notification_count"], 1)
			w.want("receipts", len(r.Ephemeral.Events), 1)
		}
	})
}
