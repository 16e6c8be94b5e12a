package room_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

func about(id string, sender, target matrix.UserID) room.Membership {
	return room.Membership{Room: id, Sender: sender, Target: target, Reason: "why"}
}

func joinRule(rule string) room.Creation {
	return room.Creation{InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: fmt.Appendf(nil, `{"join_rule":%q}`, rule)}}}
}

func TestMemberships(t *testing.T) {
	each(t, func(w *world) {
		ctx, rooms := w.Context(), w.rooms
		id := w.create(room.Creation{Version: "11"})
		w.unchanged("joining uninvited", func() error { return rooms.Join(ctx, room.Membership{Room: id, Sender: bob}) }, authz.ErrJoinRule)
		w.unchanged("inviting as nobody", func() error { return rooms.Invite(ctx, about(id, bob, carol)) }, authz.ErrNotJoined)
		w.unchanged("kicking who was never there", func() error { return rooms.Kick(ctx, about(id, alice, bob)) }, room.ErrNotMember)
		w.unchanged("unbanning who is not banned", func() error { return rooms.Unban(ctx, about(id, alice, bob)) }, room.ErrNotBanned)
		w.ok(rooms.Invite(ctx, about(id, alice, bob)))
		w.unchanged("inviting again", func() error { return rooms.Invite(ctx, about(id, alice, alice)) }, authz.ErrInviteTarget)
		w.join(id, bob)
		w.unchanged("joining twice", func() error { return rooms.Join(ctx, room.Membership{Room: id, Sender: bob}) }, nil)
		w.unchanged("kicking one's better", func() error { return rooms.Kick(ctx, about(id, bob, alice)) }, authz.ErrKickLevel)
		w.unchanged("banning one's better", func() error { return rooms.Ban(ctx, about(id, bob, alice)) }, authz.ErrBanLevel)
		w.ok(rooms.Kick(ctx, about(id, alice, bob)))
		w.unchanged("coming back", func() error { return rooms.Join(ctx, room.Membership{Room: id, Sender: bob}) }, authz.ErrJoinRule)
		w.ok(rooms.Ban(ctx, about(id, alice, bob)))
		w.unchanged("inviting who is banned", func() error { return rooms.Invite(ctx, about(id, alice, bob)) }, authz.ErrInviteTarget)
		w.ok(rooms.Unban(ctx, about(id, alice, bob)))
		w.ok(rooms.Invite(ctx, about(id, alice, bob)))
		w.ok(rooms.Leave(ctx, room.Membership{Room: id, Sender: bob}))
		w.unchanged("leaving twice", func() error { return rooms.Leave(ctx, room.Membership{Room: id, Sender: bob}) }, authz.ErrLeave)
		w.unchanged("knocking at a closed door", func() error { return rooms.Knock(ctx, room.Membership{Room: id, Sender: bob}) }, authz.ErrKnockRule)
		last := w.events(id)[len(w.events(id))-2]
		if got := fmt.Sprint(last.content()); got != "map[displayname:bob membership:invite reason:why]" {
			t.Errorf("the invitation says %s", got)
		}
		for _, s := range rooms.Stays(bob) {
			if s.Membership != room.Leave || s.Room.ID() != id {
				t.Errorf("bob's stay is %v", s)
			}
		}
	})
}

// Of those who are not in a room any more somebody may want to know.
func TestWhoIsGone(t *testing.T) {
	each(t, func(w *world) {
		var mu sync.Mutex
		var gone []matrix.UserID
		w.rooms.Gone = func(_ matrix.RoomID, user matrix.UserID) {
			mu.Lock()
			defer mu.Unlock()
			gone = append(gone, user)
		}
		id := w.create(room.Creation{Preset: room.PublicChat})
		f := w.visitor(id, "far.test")
		w.join(id, bob, carol)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: carol}))
		w.accept(id, f.event(draft{typ: "m.room.member", key: stranger("far.test"), content: `{"membership":"leave"}`, prev: []string{w.last(id)}}), room.Accepted)
		mu.Lock()
		defer mu.Unlock()
		if want := []matrix.UserID{bob, carol, "@dave:far.test"}; !slices.Equal(gone, want) {
			w.Errorf("gone are %q, want %q", gone, want)
		}
	})
}

func TestKnocking(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(joinRule("knock"))
		w.ok(w.rooms.Knock(w.Context(), room.Membership{Room: id, Sender: bob, Reason: "please"}))
		w.unchanged("joining", func() error { return w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob}) }, authz.ErrJoinRule)
		w.ok(w.rooms.Invite(w.Context(), about(id, alice, bob)))
		w.join(id, bob)
		old := w.create(room.Creation{Version: "6"})
		w.unchanged("knocking in an old room", func() error { return w.rooms.Knock(w.Context(), room.Membership{Room: old, Sender: bob}) }, authz.ErrMembership)
	})
}

// Members of one room may join another; a member who could invite lets them in.
func TestRestrictedJoins(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range []string{"8", "10", "12"} {
			space := w.create(room.Creation{Preset: room.PublicChat})
			allow := fmt.Appendf(nil, `{"join_rule":"restricted","allow":[{"type":"other"},7,{"type":"m.room_membership","room_id":%q}]}`, space)
			id := w.create(room.Creation{Version: v, InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: allow}}})
			w.unchanged("joining from nowhere", func() error { return w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob}) }, authz.ErrJoinRule)
			w.join(space, bob)
			w.join(id, bob)
			events := w.events(id)
			if got := events[len(events)-1].content()["join_authorised_via_users_server"]; got != string(alice) {
				t.Errorf("version %s: bob was let in by %v", v, got)
			}
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: space, Sender: bob}))
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: bob}))
			w.unchanged("joining again", func() error { return w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob}) }, authz.ErrJoinRule)
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: alice}))
			w.join(space, carol)
			w.unchanged("joining where nobody is", func() error { return w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: carol}) }, authz.ErrAuthoriser)
		}
	})
}

// Many devices of one user join at the same time: there is one event.
func TestJoinsOfOneUserAreOne(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		before := len(w.events(id))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: bob}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(w.events(id)) - before; n != 1 {
			t.Errorf("bob has joined %d times", n)
		}
	})
}

// barrier waits until so many are there.
func barrier(n int) func() {
	var there atomic.Int64
	open := make(chan struct{})
	return func() {
		if there.Add(1) == int64(n) {
			close(open)
		}
		<-open
	}
}

// A request that is made again and again, also at the same time and after a restart, makes
// one event; the same words of another device, user, room or type make another.
func TestTransactions(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		other := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, bob)
		request := func(change func(*room.Sending)) room.Sending {
			s := message(id, alice, "once")
			s.Transaction = room.Transaction{Device: "PHONE", ID: "1"}
			change(&s)
			return s
		}
		same := request(func(*room.Sending) {})
		ids := make([]string, 8)
		together := barrier(len(ids)) // all have looked for the id before any makes its event
		w.sign.Store(&together)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				var err error
				if ids[i], err = w.rooms.Send(w.Context(), same); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.sign.Store(nil)
		if slices.Sort(ids); ids[0] != ids[7] {
			t.Errorf("one request made %q", ids)
		}
		restarted := open(t, w.db, 0)
		if again, err := restarted.rooms.Send(w.Context(), same); err != nil || again != ids[0] {
			t.Errorf("after a restart it makes %s, %v", again, err)
		}
		seen := map[string]bool{ids[0]: true}
		for _, s := range []room.Sending{
			request(func(s *room.Sending) { s.Transaction.Device = "TABLET" }),
			request(func(s *room.Sending) { s.Transaction.ID = "2" }),
			request(func(s *room.Sending) { s.Sender = bob }),
			request(func(s *room.Sending) { s.Room = other }),
			request(func(s *room.Sending) { s.Type = "m.sticker" }),
		} {
			made, err := restarted.rooms.Send(w.Context(), s)
			w.ok(err)
			if seen[made] {
				t.Errorf("%v is taken for another", s)
			}
			seen[made] = true
		}
		restarted.clock.Advance(25 * 3600 * 1e9)
		w.ok(restarted.rooms.Sweep(w.Context()))
		if n := w.count("room_transactions"); n != 0 {
			t.Errorf("a day later %d transaction ids are known", n)
		}
	})
}

// State that is set to what it is stays the same event.
func TestTheSameStateAgain(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.ok(w.set(id, alice, "m.room.name", `{"name":"x","a":1}`))
		w.unchanged("the same name", func() error { return w.set(id, alice, "m.room.name", ` { "a": 1, "name": "x" } `) }, nil)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: alice}))
		w.unchanged("the same name, from outside", func() error { return w.set(id, alice, "m.room.name", `{"name":"x","a":1}`) }, authz.ErrNotJoined)
	})
}

func TestRedactionsRefuse(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range []string{"2", "10", "12"} {
			id, other := w.create(room.Creation{Version: v, Preset: room.PublicChat}), w.create(room.Creation{Version: v})
			w.join(id, bob, carol)
			said, elsewhere := w.say(id, bob, "mine"), w.say(other, alice, "theirs")
			red := func(user matrix.UserID, target string) error {
				_, err := w.rooms.Redact(w.Context(), room.Redaction{Room: id, Sender: user, EventID: target})
				return err
			}
			w.unchanged("what another said", func() error { return red(carol, said) }, room.ErrMayNot)
			w.unchanged("what is not there", func() error { return red(carol, "$no") }, room.ErrUnknownEvent)
			w.unchanged("what is elsewhere", func() error { return red(carol, elsewhere) }, room.ErrUnknownEvent)
			for _, no := range []string{"", "no", "$\x00", "$" + strings.Repeat("n", 255)} {
				w.unchanged("what is no event", func() error { return red(alice, no) }, map[bool]error{true: room.ErrRedacts, false: room.ErrUnknownEvent}[no == ""])
			}
			w.unchanged("from outside", func() error { return red("@dave:hs.test", said) }, room.ErrMayNot)
			w.ok(red(bob, said))
		}
	})
}

// Who has let somebody in is not for clients to say, also where it does not matter.
func TestNobodySaysWhoLetThemIn(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range []string{"7", "8", "12"} {
			id := w.create(room.Creation{Version: v, Preset: room.PublicChat})
			key := string(alice)
			said, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.member", StateKey: &key,
				Content: []byte(`{"displayname":"Al","join_authorised_via_users_server":"@x:far.test","membership":"join"}`)})
			w.ok(err)
			e, err := w.rooms.Event(w.Context(), alice, id, said)
			w.ok(err)
			if got := string(e.Content()); got != `{"displayname":"Al","membership":"join"}` {
				t.Errorf("version %s: %s", v, got)
			}
		}
	})
}

// A redaction whose content names its target is one, by whichever door it comes.
func TestARedactionThatIsSent(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		said := w.say(id, alice, "secret")
		s := room.Sending{Room: id, Sender: alice, Type: "m.room.redaction", Content: fmt.Appendf(nil, `{"redacts":%q}`, said)}
		_, err := w.rooms.Send(w.Context(), s)
		w.ok(err)
		for _, e := range w.events(id) {
			if strings.Contains(string(e.json), "secret") {
				t.Errorf("there is still %s", e.json)
			}
		}
	})
}

// Eight who write into one room at the same time make one chain.
func TestManyWriters(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		var all sync.WaitGroup
		for i := range 8 {
			user := matrix.UserID(fmt.Sprintf("@user%d:hs.test", i))
			all.Go(func() {
				if err := w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: user}); err != nil {
					t.Error(err)
				}
				for n := range 20 {
					if _, err := w.rooms.Send(w.Context(), message(id, user, fmt.Sprint(n))); err != nil {
						t.Error(err)
					}
					if n%5 == 0 {
						key := ""
						_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.topic", StateKey: &key, Content: fmt.Appendf(nil, `{"topic":"%s %d"}`, user, n)})
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Wait()
		if n := len(w.read(id, alice, 100)); n != 160 {
			t.Errorf("of 160 messages one reads %d", n)
		}
	})
}

// States beyond the length of a chain of groups are what they were, also for who asks the
// groups.
func TestLongChains(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		for i := range 230 {
			w.ok(w.set(id, alice, fmt.Sprintf("t%d", i%7), fmt.Sprintf(`{"n":%d}`, i)))
		}
		var snapshots int
		w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM room_state_groups WHERE chain = 0`).Scan(&snapshots))
		if snapshots != 3 {
			t.Errorf("%d groups are stored whole, want 3", snapshots)
		}
	})
}

func TestUnknownRooms(t *testing.T) {
	each(t, func(w *world) {
		ctx, rooms := w.Context(), w.rooms
		for _, id := range []string{"", "x", "!no:hs.test", "!no:other.test"} {
			for name, err := range map[string]error{
				"Join": rooms.Join(ctx, about(id, alice, "")), "Leave": rooms.Leave(ctx, about(id, alice, "")), "Knock": rooms.Knock(ctx, about(id, alice, "")),
				"Kick": rooms.Kick(ctx, about(id, alice, bob)), "Ban": rooms.Ban(ctx, about(id, alice, bob)), "Unban": rooms.Unban(ctx, about(id, alice, bob)),
				"Invite": rooms.Invite(ctx, about(id, alice, bob)), "Forget": rooms.Forget(ctx, alice, id), "Report": rooms.Report(ctx, room.Report{Reporter: alice, Room: id}),
				"SetListed": rooms.SetListed(ctx, alice, id, true), "PutAlias": rooms.PutAlias(ctx, alice, "#a:hs.test", id),
			} {
				if !errors.Is(err, room.ErrUnknownRoom) {
					t.Errorf("%s(%q) = %v", name, id, err)
				}
			}
		}
		_, err := rooms.Upgrade(ctx, room.Upgrade{Room: "!no:hs.test", User: alice, Version: "11"})
		wantError(t, "Upgrade", err, room.ErrUnknownRoom)
	})
}

// Who takes another name has it in every room that they are in, and in no other.
func TestANewName(t *testing.T) {
	each(t, func(w *world) {
		var ids []string
		for i := range 3 {
			ids = append(ids, w.create(room.Creation{Version: fmt.Sprint(10 + i), Preset: room.PublicChat}))
		}
		space := w.create(room.Creation{Preset: room.PublicChat})
		allow := fmt.Appendf(nil, `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q}]}`, space)
		restricted := w.create(room.Creation{InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: allow}}})
		for _, id := range append([]string{space, restricted}, ids[:2]...) {
			w.join(id, bob)
		}
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: ids[1], Sender: bob}))
		w.unchanged("the name as it is", func() error { return w.rooms.ProfileChanged(w.Context(), bob) }, nil)
		w.names.prefix = "dr "
		w.ok(w.rooms.ProfileChanged(w.Context(), bob))
		for id, want := range map[string]string{ids[0]: "map[displayname:dr bob membership:join]", restricted: "map[displayname:dr bob membership:join]", ids[1]: "map[membership:leave]"} {
			events := w.events(id)
			if got := fmt.Sprint(events[len(events)-1].content()); got != want {
				t.Errorf("a room ends with %s, want %s", got, want)
			}
		}
		if n := len(w.events(ids[2])); n != 5 {
			t.Errorf("a room that bob is not in has %d events", n)
		}
	})
}
