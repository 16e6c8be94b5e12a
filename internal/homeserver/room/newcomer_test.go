package room_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// newcomers are those of whom a world is told.
type newcomers struct {
	mu    sync.Mutex // guards all
	told  []string
	fails int // so often
}

// watch has a world's newcomers written down.
func (w *world) watch() *newcomers {
	n := &newcomers{}
	w.rooms.Came = func(_ context.Context, tx *store.Tx, pos stream.Pos, user matrix.UserID, id matrix.RoomID) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.fails > 0 {
			n.fails--
			return errors.New("the disk is full")
		}
		if tx == nil || pos == 0 {
			return fmt.Errorf("%s comes into %s outside of the stream", user, id)
		}
		n.told = append(n.told, user.Localpart())
		return nil
	}
	return n
}

// are those of whom was told since it was asked for last.
func (n *newcomers) are(w *world, when string, want ...string) {
	w.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.told, want) {
		w.Errorf("%s: told of %q, want %q", when, n.told, want)
	}
	n.told = nil
}

// A user is a newcomer who was not in the room before, and only where other servers are.
func TestWhoIsANewcomer(t *testing.T) {
	each(t, func(w *world) {
		n := w.watch()
		id := w.create(room.Creation{Preset: room.PublicChat, Invite: []matrix.UserID{dave, carol}})
		w.join(id, bob)
		n.are(w, "among ourselves")
		w.join(id, dave)
		n.are(w, "somebody of another server")
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		n.are(w, "leaving")
		w.join(id, bob)
		n.are(w, "coming back", "bob")
		w.join(id, bob)
		w.names.prefix = "new "
		w.ok(w.rooms.ProfileChanged(w.Context(), bob))
		w.say(id, bob, "hello")
		n.are(w, "who is there")
		w.join(id, carol)
		n.are(w, "who was invited", "carol")
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: dave}))
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		w.join(id, bob)
		n.are(w, "after the other server has gone")
	})
}

// What cannot be written down has not happened.
func TestANewcomerWhoIsNotWrittenDown(t *testing.T) {
	each(t, func(w *world) {
		n := w.watch()
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, dave)
		n.fails = 100
		if err := w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob}); !errors.Is(err, stream.ErrNotStored) {
			t.Errorf("joining = %v, want %v", err, stream.ErrNotStored)
		}
		n.fails = 0
		n.are(w, "nobody")
		if rooms := w.rooms.JoinedRooms(bob); len(rooms) > 0 {
			t.Errorf("bob is in %q", rooms)
		}
		w.join(id, bob)
		n.are(w, "again", "bob")
	})
}

// Who comes into a room with this server is a newcomer, also who comes again, and those are
// who follow.
func TestNewcomersOfARoomThatIsTakenIn(t *testing.T) {
	away(t, func(w *world) {
		n := w.watch()
		for _, v := range []event.Version{event.V10, event.V12} {
			a := w.abroad(v, room.Creation{})
			a.say(a.id, alice, "before")
			i := a.join(string(gale), "away.test")
			w.ok(w.rooms.Import(w.Context(), i))
			n.are(w, "coming in", "gale")
			w.ok(w.rooms.Import(w.Context(), i))
			n.are(w, "twice")
			w.join(a.id, "@hugo:away.test")
			n.are(w, "the next", "hugo")
			for _, user := range []matrix.UserID{gale, "@hugo:away.test"} {
				w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: a.id, Sender: user}))
			}
			a.say(a.id, alice, "between")
			w.ok(w.rooms.Import(w.Context(), a.join(string(gale), "away.test")))
			n.are(w, "coming in again", "gale")
		}
	})
}
