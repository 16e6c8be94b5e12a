package sync_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/room"
)

// What a state was reset to is told, though no event of the timeline says so.
func TestAStateThatIsReset(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Name: "first"})
		w.set(id, alice, "m.room.name", "", `{"name":"second"}`)
		p := w.phone(alice)
		after := w.phone(alice)
		after.StateAfter = true
		w.want("the name", w.name(p.sync(), id), "second")
		after.Since = p.next
		w.say(id, alice, "together again")
		at := int64(w.stream.Visible())
		for _, statement := range []string{
			`INSERT INTO room_state_changes SELECT room, 'm.room.name', '', $1, MIN(event_pos) FROM room_state_changes WHERE type = 'm.room.name' AND pos < $1 GROUP BY room`,
			`UPDATE room_state SET event_pos = (SELECT event_pos FROM room_state_changes WHERE type = 'm.room.name' AND pos = $1) WHERE type = 'm.room.name'`,
		} {
			_, err := w.db.Exec(t.Context(), statement, at)
			w.ok(err)
		}
		for i := range 100 { // more than a room holds in memory
			w.say(id, alice, fmt.Sprint(i))
		}
		w = open(t, w.db)
		for _, p := range []*phone{p, after} {
			p.w = w
			a := p.sync()
			w.want("the name", w.name(a, id), "first")
			w.want("what was said", a.Rooms.Join[id].Timeline.said()[9], "99")
			w.wantNothing("then", p.sync())
		}
	})
}

// name is the name that an answer gives a room.
func (w *world) name(a answer, id string) (name string) {
	r := a.Rooms.Join[id]
	lists := []events{r.Timeline.events}
	if r.State != nil {
		lists = []events{*r.State, r.Timeline.events}
	} else if r.StateAfter != nil {
		lists = []events{*r.StateAfter}
	}
	for _, list := range lists {
		for _, s := range list.Events {
			if said, is := s.Content["name"].(string); is && s.Type == "m.room.name" {
				name = said
			}
		}
	}
	return name
}

// A room that cannot be read keeps the others from nobody, and is told from its beginning
// when it can be.
func TestARoomThatIsBroken(t *testing.T) {
	each(t, func(w *world) {
		sound, broken := w.create(room.Creation{Name: "sound"}), w.create(room.Creation{Name: "broken"})
		p := w.phone(alice)
		p.sync()
		lost := w.say(broken, alice, "lost?")
		w.say(sound, alice, "heard")
		var whole []byte
		w.ok(w.db.QueryRow(t.Context(), `SELECT json FROM room_events WHERE event_id = $1`, lost).Scan(&whole))
		write := func(text []byte) {
			_, err := w.db.Exec(t.Context(), `UPDATE room_events SET json = $1 WHERE event_id = $2`, text, lost)
			w.ok(err)
		}
		write(whole[1:])
		w = open(t, w.db)
		p.w = w
		a := p.sync()
		w.want("rooms", len(a.Rooms.Join), 1)
		w.want("the sound one", a.Rooms.Join[sound].Timeline.said(), []string{"heard"})
		if !strings.Contains(w.log.String(), broken) {
			t.Errorf("the log does not name the room: %s", w.log)
		}
		w.wantNothing("while it is broken", p.sync())
		write(whole)
		w.wantNothing("while nothing happens", p.sync())
		w.say(sound, alice, "on")
		for range 2 {
			w.want("an answer that does not arrive", p.look().Rooms.Join[broken].Timeline.said(), []string{"lost?"})
		}
		r := p.sync().Rooms.Join[broken]
		w.want("told from the beginning", r.Timeline.short()[0], "m.room.create|")
		w.want("after a gap", r.Timeline.Limited, true)
		w.wantNothing("then", p.sync())
	})
}

// copyOf is what a client knows of a room.
type copyOf struct {
	state map[string]string // event ids by place
	said  []string
}

func (c *copyOf) take(list events) {
	for _, s := range list.Events {
		if s.Key != nil {
			c.state[s.Type+"|"+*s.Key] = s.ID
		}
	}
}

// follow keeps what answers say of rooms.
func follow(copies map[string]*copyOf, a answer) {
	for id := range a.Rooms.Leave {
		delete(copies, id)
	}
	for id, r := range a.Rooms.Join {
		c := copies[id]
		if c == nil {
			c = &copyOf{state: map[string]string{}}
			copies[id] = c
		}
		if r.Timeline.Limited {
			c.said = nil
		}
		c.said = append(c.said, r.Timeline.said()...)
		if r.StateAfter != nil {
			c.take(*r.StateAfter)
			continue
		}
		c.take(*r.State)
		c.take(r.Timeline.events)
	}
}

// Whatever happens, whatever filter a client has, and however often the server is killed, a
// client ends with the state that its rooms have and with what was said last, in order.
func TestFollowing(t *testing.T) {
	for name, filter := range map[string]string{
		"few":         `{"room":{"timeline":{"limit":2}}}`,
		"many":        `{"room":{"timeline":{"limit":30}}}`,
		"no timeline": `{"room":{"timeline":{"limit":0}}}`,
		"messages":    `{"room":{"timeline":{"types":["m.room.message"]}}}`,
		"state after": `{"room":{"timeline":{"limit":3}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				p := w.phone(bob).with(filter)
				p.StateAfter = name == "state after"
				following(w, p)
			})
		})
	}
}

func following(w *world, p *phone) {
	rng := rand.New(rand.NewPCG(uint64(len(p.Filter)), 1))
	var ids []string
	for range 3 {
		ids = append(ids, w.create(room.Creation{Preset: room.PublicChat}))
	}
	copies, said := map[string]*copyOf{}, map[string][]string{}
	for n := range 250 {
		id := ids[rng.IntN(len(ids))]
		switch rng.IntN(14) {
		case 0:
			_ = w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob})
		case 1:
			_ = w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob})
		case 2:
			_ = w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: carol})
		case 3:
			_ = w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: carol})
		case 4, 5:
			w.set(id, alice, fmt.Sprint("t", rng.IntN(4)), "", fmt.Sprintf(`{"n":%d}`, n))
		case 6:
			p.look() // does not arrive
		case 7, 8:
			follow(copies, p.sync())
			compare(w, copies, ids, said)
		case 9:
			for i := range 10 * rng.IntN(9) {
				text := fmt.Sprint(n, " ", i)
				w.say(id, alice, text)
				said[id] = append(said[id], text)
			}
		case 10:
			if n%3 == 0 {
				w = open(w.TB, w.db) // killed and started
				p.w = w
			}
		default:
			text := fmt.Sprint(n)
			w.say(id, alice, text)
			said[id] = append(said[id], text)
		}
	}
	follow(copies, p.sync())
	compare(w, copies, ids, said)
	w.wantNothing("in the end", p.sync())
}

// compare holds what a client knows against what is.
func compare(w *world, copies map[string]*copyOf, ids []string, said map[string][]string) {
	w.Helper()
	for _, id := range ids {
		is, known := slices.Contains(w.rooms.JoinedRooms(bob), id), copies[id]
		if is != (known != nil) {
			w.Fatalf("%s: joined is %v, known %+v", id, is, known)
		}
		if !is {
			continue
		}
		state, err := w.rooms.State(w.Context(), bob, id)
		w.ok(err)
		want := map[string]string{}
		for _, s := range state {
			key, _ := s.StateKey()
			want[s.Type()+"|"+key] = s.ID()
		}
		if !maps.Equal(known.state, want) {
			w.Fatalf("%s has the state %v, known %v", id, want, known.state)
		}
		all := said[id]
		if n := len(known.said); n > len(all) || !slices.Equal(known.said, all[len(all)-n:]) {
			w.Fatalf("%s: %q were said, known %q", id, all, known.said)
		}
	}
}
