package inbound_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

func wish(id string, via ...matrix.ServerName) inbound.Wish {
	return inbound.Wish{Membership: room.Membership{Room: id, Sender: alice}, Via: via}
}

// stay is a user's membership here.
func (s *server) stay(id string, user matrix.UserID, want string) {
	s.Helper()
	if got := s.rooms.Standing(user, id).Membership; got != want {
		s.Errorf("%s is %q, want %q", user, got, want)
	}
}

// A room of other servers is joined, left, and joined again: it goes on where it is then.
func TestJoinLeaveAndComeBack(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range event.Versions() {
			id := far.create(v, erin)
			far.say(id, erin, "hello")
			here.ok(here.in.Join(t.Context(), wish(id, "here.test", "gone.test", "far.test")))
			here.stay(id, alice, room.Join)
			here.ok(here.in.Join(t.Context(), wish(id))) // is one already
			here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: alice}))
			far.receives(here.event(id, here.ends(id)[0]))
			far.set(id, erin, "m.room.topic", `{"topic":"meanwhile"}`)
			far.say(id, erin, "meanwhile")
			here.ok(here.in.Join(t.Context(), wish(id))) // who was in it is known
			here.stay(id, alice, room.Join)
			if s, err := here.rooms.StateEvent(t.Context(), alice, id, "m.room.topic", ""); err != nil || string(s.Content()) != `{"topic":"meanwhile"}` {
				t.Errorf("version %s: the topic is %v, %v", v, s, err)
			}
			mine := here.say(id, alice, "back")
			far.receives(here.event(id, mine))
		}
	})
}

// What is said as soon as a user of this server has been let in is read, though it comes
// before they are in: whether they were invited or not.
func TestWhatIsSaidDuringAJoin(t *testing.T) {
	each(t, func(here, far *server) {
		for _, invited := range []bool{false, true} {
			id := far.create(event.V11, erin)
			if invited {
				here.ok(far.in.Invite(t.Context(), room.Membership{Room: id, Sender: erin, Target: alice}))
			}
			came := make(chan map[string]error, 1)
			here.far.lies = map[string]func() (any, error){"send_join": func() (any, error) {
				said := far.event(id, far.say(id, erin, "welcome"))
				go func() { came <- here.receive(said) }()
				for here.in.Queued(id) < 2 && len(came) == 0 {
					runtime.Gosched()
				}
				return func(j remote.Joined) remote.Joined { return j }, nil
			}}
			here.join(id, alice)
			for eventID, err := range <-came {
				if err != nil {
					t.Errorf("invited %t: %s: %v", invited, eventID, err)
				}
			}
			here.reads(id, alice, "welcome")
		}
	})
}

// What was said in a room while nobody here was in it is read where it was said.
func TestWhatWasSaidMeanwhile(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		here.ok(here.in.Join(t.Context(), wish(id, "far.test")))
		here.receives(far.event(id, far.say(id, erin, "hello")))
		here.ok(here.rooms.Leave(t.Context(), room.Membership{Room: id, Sender: alice}))
		far.receives(here.event(id, here.ends(id)[0]))
		far.set(id, erin, "m.room.topic", `{"topic":"meanwhile"}`)
		said := []string{"hello"}
		for i := range 30 {
			said = append(said, fmt.Sprint(i))
			far.say(id, erin, fmt.Sprint(i))
		}
		here.ok(here.in.Join(t.Context(), wish(id)))
		here.reads(id, alice, said...)
		far.receives(here.event(id, here.say(id, alice, "back")))
		here.receives(far.event(id, far.say(id, erin, "welcome")))
		here.reads(id, alice, append(said, "back", "welcome")...)
		if ends := here.ends(id); len(ends) != 1 {
			t.Errorf("the room ends with %q", ends)
		}
	})
}

// Many users join at once; one of them brings the room here, and all are in it.
func TestUsersJoinAtTheSameTime(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		users := []matrix.UserID{"@a:here.test", "@b:here.test", "@c:here.test", "@d:here.test"}
		errs := make(chan error)
		for _, user := range users {
			go func() {
				w := wish(id, "far.test")
				w.Sender = user
				errs <- here.in.Join(t.Context(), w)
			}()
		}
		for range users {
			here.ok(<-errs)
		}
		for _, user := range users {
			here.stay(id, user, room.Join)
		}
		if n := len(slices.DeleteFunc(here.far.asked, func(what string) bool { return what != "send_join" })); n != 1 {
			t.Errorf("the room was joined by the other server %d times", n)
		}
	})
}

// What another server proposes and is no JSON of an event is its fault, whatever is wrong with it.
func TestATemplateThatIsNoJSON(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		for _, template := range []string{`{"depth":1.5}`, `{"depth":9007199254740992}`, `{"depth":1,"depth":2}`, `{"depth":`, strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)} {
			here.far.lies = map[string]func() (any, error){"make_join": func() (any, error) {
				return remote.Template{RoomVersion: "11", Event: jsontext.Value(template)}, nil
			}}
			err := here.in.Join(t.Context(), wish(id, "far.test"))
			for _, ours := range []error{event.ErrJSON, event.ErrCanonical, event.ErrDuplicate, event.ErrNesting} {
				if !errors.Is(err, remote.ErrTemplate) || errors.Is(err, ours) {
					t.Errorf("%.20s: %v, which is %v", template, err, ours)
				}
			}
		}
	})
}

// A server that lies about the room it lets one into brings no room here.
func TestLiesAboutARoom(t *testing.T) {
	each(t, func(here, far *server) {
		id, other := far.create(event.V11, erin), far.create(event.V11, erin)
		template := func(t remote.Template) func() (any, error) { return func() (any, error) { return t, nil } }
		joined := func(change func(remote.Joined) remote.Joined) func() (any, error) {
			return func() (any, error) { return change, nil }
		}
		elsewhere := far.event(other, far.ends(other)[0])
		for name, lies := range map[string]map[string]func() (any, error){
			"an unknown version": {"make_join": template(remote.Template{RoomVersion: "org.example", Event: jsontext.Value(`{}`)})},
			"no template":        {"make_join": template(remote.Template{RoomVersion: "11", Event: jsontext.Value(`{"auth_events":[1],"prev_events":{}}`)})},
			"no state":           {"send_join": joined(func(j remote.Joined) remote.Joined { j.State = nil; return j })},
			"no auth chain": {"send_join": joined(func(j remote.Joined) remote.Joined {
				j.AuthChain = nil
				j.State = slices.DeleteFunc(j.State, func(e jsontext.Value) bool { return says(e, `"m.room.power_levels"`) })
				j.State = slices.DeleteFunc(j.State, func(e jsontext.Value) bool { return says(e, `"m.room.join_rules"`) })
				return j
			})},
			"another room's": {"send_join": joined(func(j remote.Joined) remote.Joined {
				return remote.Joined{State: []jsontext.Value{jsontext.Value(elsewhere.JSON())}, AuthChain: []jsontext.Value{jsontext.Value(elsewhere.JSON())}}
			})},
			"unsigned": {"send_join": joined(func(j remote.Joined) remote.Joined {
				for i, e := range j.State {
					j.State[i] = jsontext.Value(replace(e, `"ed25519:1"`, `"ed25519:2"`))
				}
				return j
			})},
		} {
			here.far.lies = lies
			if err := here.in.Join(t.Context(), wish(id, "far.test")); err == nil {
				t.Errorf("%s: the room is here", name)
			}
			here.stay(id, alice, "")
			if _, err := here.rooms.Room(id); !errors.Is(err, room.ErrUnknownRoom) {
				t.Errorf("%s: the room is known: %v", name, err)
			}
		}
		here.far.lies = nil
		here.join(id, alice)
	})
}

func says(e jsontext.Value, text string) bool { return replace(e, text, "") != string(e) }

// An invitation is shown, refused, and given again; whoever gave it may take it back.
func TestInvitationsBetweenServers(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V2, event.V11, event.V12} {
			id, err := far.rooms.Create(t.Context(), room.Creation{Creator: erin, Version: v.String(), Name: "Far"})
			far.ok(err)
			invite := room.Membership{Room: id, Sender: erin, Target: alice}
			far.ok(far.in.Invite(t.Context(), invite))
			here.stay(id, alice, room.Invite)
			if s, err := far.rooms.MembershipNow(t.Context(), mustRoom(far, id), alice); err != nil || s != room.Invite {
				t.Errorf("there, alice is %q, %v", s, err)
			}
			shown, err := here.rooms.Stripped(t.Context(), here.rooms.Outside(id), alice)
			here.ok(err)
			if len(shown) < 4 {
				t.Errorf("shown: %d events", len(shown))
			}
			here.ok(here.in.Leave(t.Context(), wish(id)))
			here.stay(id, alice, room.Leave)
			if s, err := far.rooms.MembershipNow(t.Context(), mustRoom(far, id), alice); err != nil || s != room.Leave {
				t.Errorf("there, alice is %q, %v", s, err)
			}
			far.ok(far.in.Invite(t.Context(), invite))
			invited := far.current(id, "m.room.member", string(alice))
			for _, other := range []matrix.UserID{frank, "@eve:evil.test"} {
				if v == event.V2 {
					break // where they would have to know the invitation's hash
				}
				e := far.forge(id, draft{typ: "m.room.member", key: string(alice), content: `{"membership":"leave"}`, sender: other, prev: far.ends(id), auth: []string{invited}})
				if err := here.receive(e)[e.ID()]; !errors.Is(err, inbound.ErrNotHere) {
					t.Errorf("%s takes the invitation back: %v", other, err)
				}
			}
			here.stay(id, alice, room.Invite)
			far.ok(far.rooms.Kick(t.Context(), invite))
			here.receives(far.event(id, far.ends(id)[0]))
			here.stay(id, alice, room.Leave)
			far.ok(far.in.Invite(t.Context(), invite))
			here.ok(here.in.Join(t.Context(), wish(id)))
			here.stay(id, alice, room.Join)
			here.say(id, alice, "thank you")
		}
	})
}

func mustRoom(s *server, id string) *room.Room {
	s.Helper()
	r, err := s.rooms.Room(id)
	s.ok(err)
	return r
}

// An invitation is refused here also where its server cannot be reached any more, and the
// room can be forgotten.
func TestAnInvitationOfAServerThatIsGone(t *testing.T) {
	each(t, func(here, far *server) {
		for _, v := range []event.Version{event.V1, event.V12} {
			id := far.create(v, erin)
			far.ok(far.in.Invite(t.Context(), room.Membership{Room: id, Sender: erin, Target: alice}))
			here.far.server = nil
			here.ok(here.in.Leave(t.Context(), wish(id)))
			here.stay(id, alice, room.Leave)
			here.ok(here.rooms.Forget(t.Context(), alice, id))
			here.far.server = far
		}
	})
}

// What is no invitation for a user of ours, or not signed by the inviter's server, is not
// taken in.
func TestBadInvitations(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		ends := far.ends(id)
		invite := func(key, content string, sender matrix.UserID) *event.Event {
			return far.forge(id, draft{typ: "m.room.member", key: key, content: content, sender: sender, prev: ends})
		}
		good := invite(string(alice), `{"membership":"invite"}`, erin)
		of := func(e *event.Event) inbound.Invited {
			return inbound.Invited{RoomID: id, EventID: e.ID(), Version: "11", Event: jsontext.Value(e.JSON())}
		}
		otherID, otherVersion, otherRoom, changed := of(good), of(good), of(good), of(good)
		otherID.EventID, otherVersion.Version, otherRoom.RoomID = ends[0], "99", "!other:far.test"
		changed.Event = jsontext.Value(replace(good.JSON(), `"ed25519:1"`, `"ed25519:2"`))
		for name, i := range map[string]inbound.Invited{
			"a user elsewhere": of(invite("@x:far.test", `{"membership":"invite"}`, erin)),
			"no user":          of(invite("here.test", `{"membership":"invite"}`, erin)),
			"a join":           of(invite(string(alice), `{"membership":"join"}`, erin)),
			"another server's": of(invite(string(alice), `{"membership":"invite"}`, "@eve:evil.test")),
			"another id":       otherID, "another version": otherVersion, "another room": otherRoom, "unsigned": changed,
		} {
			if _, err := here.in.ReceiveInvite(t.Context(), "far.test", i); err == nil {
				t.Errorf("%s is taken in", name)
			}
			here.stay(id, alice, "")
		}
		signed, err := here.in.ReceiveInvite(t.Context(), "far.test", of(good))
		here.ok(err)
		e, err := event.V11.Parse(signed)
		if err != nil || e.ID() != good.ID() || !says(signed, `"here.test":{"ed25519:1"`) {
			t.Errorf("signed: %s, %v", signed, err)
		}
		here.stay(id, alice, room.Invite)
	})
}

// Who knocks is seen to knock on both sides, and may take it back.
func TestKnockingElsewhere(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		far.set(id, erin, "m.room.join_rules", `{"join_rule":"knock"}`)
		here.ok(here.in.Knock(t.Context(), wish(id, "far.test")))
		here.stay(id, alice, room.Knock)
		if s, err := far.rooms.MembershipNow(t.Context(), mustRoom(far, id), alice); err != nil || s != room.Knock {
			t.Errorf("there, alice is %q, %v", s, err)
		}
		here.ok(here.in.Leave(t.Context(), wish(id)))
		here.stay(id, alice, room.Leave)
	})
}

// Of several servers that do not do what is wanted, the user is told what that one says who
// knows most of it.
func TestWhatServersRefuse(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		refusal := func(status int) error { return fedclient.Refusal{Status: status} }
		for _, c := range []struct {
			says [3]error
			want error
		}{
			{[3]error{refusal(403), refusal(404), errUnreachable}, refusal(403)},
			{[3]error{errUnreachable, refusal(404), refusal(502)}, refusal(502)},
			{[3]error{refusal(403), refusal(400), refusal(404)}, refusal(400)},
		} {
			n := 0
			here.far.lies = map[string]func() (any, error){"make_knock": func() (any, error) { n++; return remote.Template{}, c.says[n-1] }}
			if err := here.in.Knock(t.Context(), wish(id, "far.test", "evil.test", "third.test")); !errors.Is(err, c.want) {
				t.Errorf("%v: %v", c.says, err)
			}
		}
	})
}

// A time before this server was in the room leads to an event of then.
func TestATimeBeforeWeCame(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V11, erin)
		far.clock.Advance(time.Hour)
		ago := far.say(id, erin, "long ago")
		at := far.clock.Now()
		far.clock.Advance(time.Hour)
		for range 30 {
			far.say(id, erin, "later")
		}
		here.clock.Advance(3 * time.Hour)
		here.join(id, alice)
		s, err := here.rooms.EventAt(t.Context(), alice, id, at.UnixMilli()+5, true)
		here.ok(err)
		if s.ID() != ago {
			t.Errorf("it leads to %s at %d", s.ID(), s.OriginServerTS())
		}
		if _, err := here.rooms.Context(t.Context(), alice, id, ago, 10, room.Filter{}); err != nil {
			t.Error(err)
		}
	})
}

// A server that cannot tell whether somebody may come in, or cannot let them in, is not the
// last word: the next one is asked.
func TestAnotherServerIsAskedToLetOneIn(t *testing.T) {
	each(t, func(here, far *server) {
		for _, code := range []matrix.ErrCode{"M_UNABLE_TO_AUTHORISE_JOIN", "M_UNABLE_TO_GRANT_JOIN"} {
			id := far.create(event.V11, erin)
			here.far.asked = nil
			here.far.lies = map[string]func() (any, error){"make_join": func() (any, error) {
				here.far.lies = nil
				return remote.Template{}, fedclient.Refusal{Status: 400, Errcode: code}
			}}
			here.ok(here.in.Join(t.Context(), wish(id, "stern.test", "far.test")))
			here.stay(id, alice, room.Join)
			if !slices.Equal(here.far.asked, []string{"make_join", "make_join", "send_join"}) {
				t.Errorf("%s: asked was %q", code, here.far.asked)
			}
		}
	})
}

// slowKeys has no key before those of many servers are asked for.
type slowKeys struct {
	keys
	mu      sync.Mutex // guards lacking
	lacking map[matrix.ServerName]bool
	all     chan struct{} // closed when none is
}

func (k *slowKeys) VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID, at time.Time) (ed25519.PublicKey, error) {
	k.mu.Lock()
	slow := k.lacking[server]
	if delete(k.lacking, server); slow && len(k.lacking) == 0 {
		close(k.all)
	}
	k.mu.Unlock()
	if !slow {
		return k.keys.VerifyKey(ctx, server, id, at)
	}
	select {
	case <-k.all:
		return k.keys.VerifyKey(ctx, server, id, at)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A room of many servers is brought here: their keys are asked for side by side, so that
// slow ones delay it together and not one after the other.
func TestKeysOfManyServersAreAskedForTogether(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V12, erin)
		slow := &slowKeys{keys: here.keys, lacking: map[matrix.ServerName]bool{}, all: make(chan struct{})}
		for i := range 16 {
			name := matrix.ServerName(fmt.Sprintf("s%d.test", i))
			far.keys[name], here.keys[name], slow.lacking[name] = signerOf(name).Key.Public(), signerOf(name).Key.Public(), true
			user := matrix.UserID("@u:" + name)
			far.ok(far.in.Accept(t.Context(), id, far.forge(id, draft{typ: "m.room.member", key: string(user), sender: user, content: `{"membership":"join"}`, prev: far.ends(id)})))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // should it fail
		defer cancel()
		in := inbound.New(inbound.Options{DB: here.db, Rooms: here.rooms, Remote: here.far, Keys: slow, ServerName: "here.test", Now: here.clock.Now,
			Signer: func(context.Context) (event.Signer, error) { return here.signer, nil }})
		here.ok(in.Join(ctx, wish(id, "far.test")))
		here.stay(id, alice, room.Join)
	})
}
