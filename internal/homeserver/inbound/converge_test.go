package inbound_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Two servers that do not hear each other for a while, and whose users undo each other's
// doings meanwhile, have the same state once all has arrived, in whatever order it did, and
// each has said something more.
func TestServersAgreeInTheEnd(t *testing.T) {
	each(t, func(here, far *server) {
		for seed, v := range []event.Version{event.V2, event.V6, event.V11, event.V12} {
			id := far.create(v, erin)
			far.set(id, erin, "m.room.power_levels", levels(v, 100))
			here.join(id, alice)
			far.ok(far.rooms.Join(t.Context(), room.Membership{Room: id, Sender: frank}))
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			talk := &talk{room: id, v: v, random: random}
			for range 12 {
				for range 1 + random.IntN(4) {
					talk.act(here, alice)
				}
				for range 1 + random.IntN(4) {
					talk.act(far, erin)
				}
				if random.IntN(3) == 0 {
					talk.deliver(here, far)
				}
				if random.IntN(3) == 0 {
					talk.deliver(far, here)
				}
			}
			talk.deliver(here, far)
			talk.deliver(far, here)
			talk.settle(here, far)
			one, other := here.state(id, alice), far.state(id, erin)
			if !maps.Equal(one, other) {
				t.Errorf("version %s, seed %d: here\n%v\nthere\n%v", v, seed, one, other)
			}
			var beside int
			here.ok(here.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM room_events WHERE place <> 0`).Scan(&beside))
			if beside == 0 {
				t.Error("they never talked at the same time")
			}
		}
	})
}

// levels are power levels in which Erin, unless she is above them, Alice and, so far, others
// have power.
func levels(v event.Version, alices int) string {
	if v.PrivilegedCreators() {
		return fmt.Sprintf(`{"users":{"@alice:here.test":%d}}`, alices)
	}
	return fmt.Sprintf(`{"users":{"@alice:here.test":%d,"@erin:far.test":100}}`, alices)
}

// talk is what two servers do in a room.
type talk struct {
	room   string
	v      event.Version
	random *rand.Rand
	n      int
}

// act lets a user do something, if the room allows it.
func (k *talk) act(s *server, user matrix.UserID) {
	k.n++
	key := ""
	sending := room.Sending{Room: k.room, Sender: user, StateKey: &key, Type: "m.room.topic", Content: fmt.Appendf(nil, `{"topic":"%d"}`, k.n)}
	about := room.Membership{Room: k.room, Sender: user, Target: frank}
	switch k.random.IntN(7) {
	case 0:
		sending.Type = "m.room.name"
	case 1:
		sending.Type, sending.Content = "m.room.power_levels", []byte(levels(k.v, 50+k.random.IntN(51)))
	case 2:
		sending.Type, sending.Content = "m.room.join_rules", []byte([]string{`{"join_rule":"public"}`, `{"join_rule":"invite"}`}[k.random.IntN(2)])
	case 3:
		_ = s.rooms.Ban(s.Context(), about)
		return
	case 4:
		_ = s.rooms.Unban(s.Context(), about)
		return
	case 5:
		s.say(k.room, user, fmt.Sprint(k.n))
		return
	}
	_, _ = s.rooms.Send(s.Context(), sending)
}

// deliver brings all that one server has to the other, in any order.
func (k *talk) deliver(from, to *server) {
	from.Helper()
	var ids []string
	rows, err := from.db.Query(from.Context(), `SELECT e.event_id FROM room_events e JOIN room_rooms r ON r.nid = e.room WHERE r.room_id = $1 AND e.pos > 0`, k.room)
	from.ok(err)
	defer rows.Close()
	for rows.Next() {
		var id string
		from.ok(rows.Scan(&id))
		ids = append(ids, id)
	}
	k.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		to.receives(from.event(k.room, id))
	}
}

// settle has each say something that follows all it knows. What one has soft-failed counts for
// the other, as the order was in which it came, until something follows it (server-server
// API, "Soft failure").
func (k *talk) settle(here, far *server) {
	far.say(k.room, erin, "now then")
	k.deliver(far, here)
	here.say(k.room, alice, "now then")
	k.deliver(here, far)
}

// state is the ids of a room's state.
func (s *server) state(id string, user matrix.UserID) map[event.Key]string {
	s.Helper()
	events, err := s.rooms.State(s.Context(), user, id)
	s.ok(err)
	state := map[event.Key]string{}
	for _, e := range events {
		key, _ := e.StateKey()
		state[event.Key{Type: e.Type(), StateKey: key}] = e.ID()
	}
	return state
}
