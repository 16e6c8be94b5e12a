package room_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

func sorted[T ~string](all []T) []T {
	slices.Sort(all)
	return all
}

// Who shares a room with whom is known of everybody, at home here or elsewhere.
func TestSharing(t *testing.T) {
	each(t, func(w *world) {
		tea, chess := w.create(room.Creation{Preset: room.PublicChat}), w.create(room.Creation{Preset: room.PublicChat, Creator: carol})
		w.join(tea, bob, dave, erin)
		w.join(chess, dave, frank)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: tea, Sender: erin}))
		for user, want := range map[matrix.UserID][]matrix.UserID{
			alice: {bob, dave}, bob: {alice, dave}, carol: {dave, frank}, dave: {alice, bob, carol, frank}, erin: nil, "@nobody:hs.test": nil,
		} {
			got, err := w.rooms.Sharing(w.Context(), user)
			if diff := cmp.Diff(want, sorted(got)); err != nil || diff != "" {
				w.Errorf("Sharing(%s), %v (- want, + got):\n%s", user, err, diff)
			}
		}
		for user, want := range map[matrix.UserID][]matrix.ServerName{alice: {"one.test"}, carol: {"one.test", "two.test"}, erin: nil} {
			got, err := w.rooms.Servers(w.Context(), user)
			if diff := cmp.Diff(want, sorted(got)); err != nil || diff != "" {
				w.Errorf("Servers(%s), %v (- want, + got):\n%s", user, err, diff)
			}
		}
		got, err := w.rooms.OtherServers(w.Context(), chess)
		if diff := cmp.Diff([]matrix.ServerName{"one.test", "two.test"}, sorted(got)); err != nil || diff != "" {
			w.Errorf("OtherServers, %v (- want, + got):\n%s", err, diff)
		}
	})
}

// A client is told whom it met and parted from since it asked last.
func TestMoved(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, dave)
		want := func(when string, user matrix.UserID, since stream.Pos, met, parted []matrix.UserID) {
			w.Helper()
			gotMet, gotParted, err := w.rooms.Moved(w.Context(), user, since, w.stream.Visible())
			if diff := cmp.Diff([][]matrix.UserID{met, parted}, [][]matrix.UserID{sorted(gotMet), sorted(gotParted)}); err != nil || diff != "" {
				w.Errorf("%s, for %s, %v (- want, + got):\n%s", when, user, err, diff)
			}
		}
		begin := w.stream.Visible()
		w.say(id, alice, "hello")
		want("nobody moves", alice, begin, nil, nil)
		w.join(id, bob)
		want("bob joins", alice, begin, []matrix.UserID{bob}, nil)
		want("bob joins", bob, begin, []matrix.UserID{alice, bob, dave}, nil)
		want("bob joins", carol, begin, nil, nil)
		then := w.stream.Visible()
		w.names.prefix = "new "
		w.ok(w.rooms.ProfileChanged(w.Context(), bob))
		want("bob has a new name", alice, then, nil, nil)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: dave}))
		want("dave leaves", alice, then, nil, []matrix.UserID{dave})
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		want("bob leaves", bob, then, nil, []matrix.UserID{alice})
		want("bob leaves", bob, w.stream.Visible(), nil, nil)
		want("both have left", alice, then, nil, []matrix.UserID{bob, dave})
	})
}

// A room counts as shared without a break as long as nobody of the two has moved.
func TestSharedSince(t *testing.T) {
	each(t, func(w *world) {
		want := func(when string, since stream.Pos, want bool) {
			w.Helper()
			if got, err := w.rooms.SharedSince(w.Context(), dave, since); err != nil || got != want {
				w.Errorf("%s: SharedSince = %t, %v, want %t", when, got, err, want)
			}
		}
		id := w.create(room.Creation{Preset: room.PublicChat})
		before := w.stream.Visible()
		want("before he comes", before, false)
		w.join(id, dave)
		want("since before he came", before, false)
		want("since he came", w.stream.Visible(), true)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: dave}))
		want("when he has left", w.stream.Visible(), false)
		w.join(id, dave)
		back := w.stream.Visible()
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: alice}))
		want("when we have left", back, false)
		w.join(id, bob)
		want("since before somebody else came", back, false)
		want("with somebody else", w.stream.Visible(), true)
	})
}
