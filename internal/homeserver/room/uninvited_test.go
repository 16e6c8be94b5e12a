package room_test

import (
	"errors"
	"slices"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// What another server has let into a room, that this one refuses, is neither read nor told,
// whatever follows it; the room goes on, with all who were in it before, in the same graph.
func TestWhoIsLetInByAnother(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for _, v := range []event.Version{event.V6, event.V12} {
			id, f := w.public(v)
			dave, eve := stranger("far.test"), "@eve"+v.String()+":evil.test"
			levels := map[event.Version]string{event.V6: `{"invite":0,"users":{"@alice:hs.test":100}}`, event.V12: `{"invite":0}`}
			nobody := ""
			_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.power_levels", StateKey: &nobody, Content: []byte(levels[v])})
			w.ok(err)
			f.sees()
			evil := &far{world: w, room: id, v: f.v, signer: event.Signer{Server: "evil.test", Key: f.signer.Key}, clock: f.clock, state: event.StateMap{}, hashes: f.hashes}
			evil.sees()
			old := evil.event(draft{typ: "m.room.member", key: "@old:evil.test", sender: "@old:evil.test", content: `{"membership":"join"}`, prev: []string{w.last(id)}})
			w.accept(id, old, room.Accepted)
			evil.state.Add(old)
			refusal := errors.New("entry 7")
			w.rooms.Refuse = func(server matrix.ServerName) error {
				if server == "evil.test" {
					return refusal
				}
				return nil
			}
			end := w.last(id)
			join := evil.event(draft{typ: "m.room.member", key: eve, sender: eve, content: `{"membership":"join"}`, prev: []string{end}})
			verdict, err := w.rooms.Accept(w.Context(), id, room.Arrival{Event: join})
			w.ok(err)
			if verdict.Outcome != room.SoftFailed || !errors.Is(verdict.Why, refusal) {
				t.Errorf("version %s: a join comes out as %+v", v, verdict)
			}
			in := func(user string) bool {
				joined, err := w.rooms.IsJoined(w.Context(), id, matrix.UserID(user))
				w.ok(err)
				known, err := w.rooms.Acquainted(w.Context(), alice, matrix.UserID(user))
				w.ok(err)
				if joined != known {
					t.Errorf("%s is in the room: %t, and known: %t", user, joined, known)
				}
				return joined
			}
			evil.state.Add(join)
			say := func(text string, want room.Outcome, prev ...string) string {
				w.Helper()
				return w.accept(id, evil.event(draft{typ: "m.room.message", key: noKey, sender: eve, content: `{"body":"` + text + `","msgtype":"m.text"}`, prev: prev}), want)
			}
			buy := say("buy", room.SoftFailed, join.ID())
			late := say("late", room.Rejected, end)
			f.sees()
			f.state.Add(join)
			w.accept(id, f.message("hello", buy), room.Accepted)
			again := evil.event(draft{typ: "m.room.member", key: eve, sender: eve, content: `{"membership":"join","displayname":"Buy"}`, prev: []string{w.last(id)}})
			w.accept(id, again, room.SoftFailed)
			evil.state.Add(again)
			w.accept(id, f.message("there", again.ID()), room.Accepted)
			spam := say("spam", room.SoftFailed, w.last(id))
			invite := evil.event(draft{typ: "m.room.member", key: string(bob), sender: "@old:evil.test", content: `{"membership":"invite"}`, prev: []string{w.last(id)}})
			w.accept(id, invite, room.SoftFailed)
			w.untold(id, join.ID(), buy, late, again.ID(), spam, invite.ID())
			w.reads(id, alice, "hello", "there")
			if in(eve) || !in("@old:evil.test") || !in(dave) || in("@nobody:evil.test") {
				t.Errorf("version %s: who is in the room is not told apart", v)
			}
			r, err := w.rooms.Room(id)
			w.ok(err)
			if members, err := w.rooms.JoinedUsers(w.Context(), r); err != nil || !slices.Contains(members, eve) {
				t.Errorf("version %s: the room has %q, %v: not as the others have it", v, members, err)
			}

			if met, err := w.rooms.Met(w.Context(), "evil.test", slices.Values([]matrix.UserID{alice, "@old:evil.test", matrix.UserID(dave)})); err != nil || !met[alice] || len(met) > 1 {
				t.Errorf("version %s: of alice and others evil.test meets %v: %v", v, met, err)
			}
			known := evil.event(draft{typ: "m.room.message", key: noKey, sender: "@old:evil.test", content: `{"body":"known","msgtype":"m.text"}`, prev: []string{w.last(id)}})
			w.accept(id, known, room.Accepted)
			w = open(w.TB, w.db, 0)
			w.rooms.Refuse = func(server matrix.ServerName) error { return refusal }
			f.world, evil.world = w, w
			say("kill -9", room.SoftFailed, w.last(id))
			w.say(id, alice, "ours")
			bye := evil.event(draft{typ: "m.room.member", key: eve, sender: eve, content: `{"membership":"leave"}`, prev: []string{w.last(id)}})
			w.accept(id, bye, room.SoftFailed)
			gone := evil.event(draft{typ: "m.room.member", key: "@old:evil.test", sender: "@old:evil.test", content: `{"membership":"leave"}`, prev: []string{w.last(id)}})
			w.accept(id, gone, room.Accepted)
			if met, err := w.rooms.Met(w.Context(), "evil.test", slices.Values([]matrix.UserID{alice})); err != nil || met[alice] != (v == event.V12) { // there is Eve of the first one
				t.Errorf("version %s: evil.test meets %v, %v", v, met, err)
			}
			evil.sees()
			w.accept(id, evil.event(draft{typ: "m.room.member", key: "@old:evil.test", sender: "@old:evil.test", content: `{"membership":"join"}`, prev: []string{w.last(id)}}), room.SoftFailed)
			w.rooms.Refuse = nil
			evil.sees()
			back := evil.event(draft{typ: "m.room.member", key: eve, sender: eve, content: `{"membership":"join"}`, prev: []string{w.last(id)}})
			w.accept(id, back, room.Accepted)
			evil.state.Add(back)
			say("sorry", room.Accepted, w.last(id))
			w.reads(id, alice, "hello", "there", "known", "ours", "sorry")
		}
	})
}
