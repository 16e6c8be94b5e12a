package room_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"signet/internal/homeserver/room"
)

// uttered is a message, with what decides about who may read it.
type uttered struct {
	id, visibility, stay string
	at                   int // among all that happened
}

// story is what happened in a room, as bob's right to read is told from the specification
// (client-server API, "Room History Visibility").
type story struct {
	w          *world
	id         string
	said       []uttered
	joined     []int // when bob came
	left       int   // when he was last in the room no more
	stay       string
	member     string // the event that says so
	visibility string
	forgotten  bool
	now        int
}

func (s *story) may(u uttered) bool {
	switch {
	case u.visibility == "world_readable":
		return true
	case s.forgotten:
		return false
	case u.stay == room.Join, u.visibility == "invited" && u.stay == room.Invite:
		return true
	}
	return u.visibility == "shared" && slices.ContainsFunc(s.joined, func(at int) bool { return at > u.at })
}

// step has something happen.
func (s *story) step(rng *rand.Rand) {
	w, about := s.w, room.Membership{Room: s.id, Sender: alice, Target: bob}
	own := room.Membership{Room: s.id, Sender: bob}
	s.now++
	switch rng.IntN(12) {
	case 0, 1:
		_ = w.rooms.Join(w.Context(), own)
	case 2:
		_ = w.rooms.Leave(w.Context(), own)
	case 3:
		_ = w.rooms.Invite(w.Context(), about)
	case 4:
		_ = w.rooms.Kick(w.Context(), about)
	case 5:
		_ = w.rooms.Ban(w.Context(), about)
	case 6, 7:
		_ = w.rooms.Unban(w.Context(), about)
	case 8:
		if w.rooms.Forget(w.Context(), bob, s.id) == nil {
			s.forgotten = true
		}
	case 9:
		s.visibility = []string{"world_readable", "shared", "invited", "joined"}[rng.IntN(4)]
		w.ok(w.set(s.id, alice, "m.room.history_visibility", fmt.Sprintf(`{"history_visibility":%q}`, s.visibility)))
	default:
		s.said = append(s.said, uttered{w.say(s.id, alice, fmt.Sprint(s.now)), s.visibility, s.stay, s.now})
	}
	s.settle()
}

// settle takes note of what bob is now.
func (s *story) settle() {
	member, err := s.w.rooms.StateEvent(s.w.Context(), alice, s.id, "m.room.member", bob.String())
	if err != nil {
		return
	}
	is, _ := member.Field("membership").Text()
	if member.ID() == s.member {
		return
	}
	s.member = member.ID()
	switch {
	case is == room.Join:
		s.joined = append(s.joined, s.now)
	case s.stay == room.Join:
		s.left = s.now
	}
	s.stay, s.forgotten = is, false
}

// check asks for everything in bob's name.
func (s *story) check() {
	w := s.w
	w.Helper()
	page, err := w.rooms.Messages(w.Context(), bob, room.Query{Room: s.id, Back: true, Limit: 500})
	known := s.stay == room.Join || s.visibility == "world_readable" || len(s.joined) > 0 && !s.forgotten
	if known != (err == nil) {
		w.Fatalf("bob, %s (forgotten: %v), asks for messages where history is %s: %v", s.stay, s.forgotten, s.visibility, err)
	}
	for _, u := range s.said {
		_, err := w.rooms.Event(w.Context(), bob, s.id, u.id)
		if may := s.may(u); may != (err == nil) {
			w.Fatalf("bob, %s (forgotten: %v), reads a message of when he was %q and history %s: %v", s.stay, s.forgotten, u.stay, u.visibility, err)
		}
		told := slices.ContainsFunc(page.Events, func(e room.Seen) bool { return e.ID() == u.id })
		open := s.stay == room.Join || s.visibility == "world_readable" || known && u.at < s.left
		if told != (open && s.may(u)) {
			w.Fatalf("bob, %s (forgotten: %v), is told a message of when he was %q and history %s: %v", s.stay, s.forgotten, u.stay, u.visibility, told)
		}
	}
}

// Whatever becomes of bob and of who may read, he reads what the specification lets him,
// and nothing else.
func TestWhoReadsWhat(t *testing.T) {
	eachUnchecked(t, func(w *world) {
		for seed := range 12 {
			rng := rand.New(rand.NewPCG(uint64(seed), 7))
			s := &story{w: w, visibility: "shared", stay: room.Leave, id: w.create(room.Creation{Preset: room.PublicChat})}
			for n := range 60 {
				s.step(rng)
				if n%4 == 0 {
					s.check()
				}
			}
			s.check()
		}
	})
}
