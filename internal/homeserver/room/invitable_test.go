package room_test

import (
	"context"
	"errors"
	"testing"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Who is not to be invited is not, by whichever way it is tried.
func TestInvitable(t *testing.T) {
	each(t, func(w *world) {
		refused := errors.New("not to be invited")
		w.rooms.Invitable = func(_ context.Context, by, user matrix.UserID) error {
			if by != alice {
				w.Errorf("%s invites %s", by, user)
			}
			if user == bob || user == carol {
				return refused
			}
			return nil
		}
		tea := w.create(room.Creation{Preset: room.PublicChat})
		for _, user := range []matrix.UserID{bob, carol} { // of this server, and of another
			key := string(user)
			m := room.Membership{Room: tea, Sender: alice, Target: user}
			_, created := w.rooms.Create(w.Context(), room.Creation{Creator: alice, Invite: []matrix.UserID{user}})
			_, sent := w.rooms.Send(w.Context(), room.Sending{Room: tea, Sender: alice, Type: "m.room.member", StateKey: &key, Content: []byte(`{"membership":"invite"}`)})
			_, proposed := w.rooms.ProposeInvite(w.Context(), m)
			for way, err := range map[string]error{"Invite": w.rooms.Invite(w.Context(), m), "Create": created, "Send": sent, "ProposeInvite": proposed} {
				if !errors.Is(err, refused) {
					w.Errorf("%s, %s: %v", user, way, err)
				}
			}
			_, err := w.rooms.Send(w.Context(), room.Sending{Room: tea, Sender: alice, Type: "m.room.member", StateKey: &key, Content: []byte(`{"membership":"ban"}`)})
			if err != nil {
				w.Errorf("a ban: %v", err)
			}
		}
		if err := w.rooms.Invite(w.Context(), room.Membership{Room: tea, Sender: alice, Target: dave}); err != nil {
			w.Errorf("somebody else: %v", err)
		}
	})
}
