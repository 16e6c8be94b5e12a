package inbound_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// undisturbed tells a story beside which a user says something over and over again, and
// holds that this always succeeds: no event of another server costs anybody here theirs.
func (s *server) undisturbed(story func()) {
	s.Helper()
	id := s.create(event.V11, alice)
	var stop atomic.Bool
	var talking sync.WaitGroup
	talking.Go(func() {
		for !stop.Load() {
			if _, err := s.rooms.Send(s.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.message", Content: []byte(`{"body":"on"}`)}); err != nil {
				s.Errorf("what is said elsewhere meanwhile: %v", err)
				return
			}
		}
	})
	story()
	stop.Store(true)
	talking.Wait()
}

// What an event says may hold what no text of a database does. Wherever it stands, the event
// is judged, and costs nobody else theirs.
func TestWhatNoDatabaseHolds(t *testing.T) {
	long := strings.Repeat("x", 20_000) // longer than what databases can find again
	for _, v := range []event.Version{event.V5, event.V11} {
		each(t, func(here, far *server) {
			id := far.create(v, erin)
			here.join(id, alice)
			here.undisturbed(func() {
				for i, d := range []draft{
					{typ: "m.room.message", key: noKey, content: `{"body":"\u0000"}`},
					{typ: "m.room.topic", content: `{"topic":"\u0000"}`},
					{typ: "m.room.name", content: `{"name":"\u0000"}`},
					{typ: "m.room.canonical_alias", content: `{"alias":"#\u0000:far.test"}`},
					{typ: "m.room.history_visibility", content: `{"history_visibility":"\u0000"}`},
					{typ: "m.room.member", key: string(erin), content: `{"membership":"join","displayname":"\u0000","avatar_url":"\u0000"}`},
					{typ: "m.room.message", key: noKey, content: `{"m.relates_to":{"rel_type":"m.thread","event_id":"$\u0000"}}`},
					{typ: "m.room.redaction", key: noKey, content: `{"redacts":"$\u0000"}`, redacts: "$\x00"},
					{typ: "m.room.redaction", key: noKey, content: `{"redacts":"$` + long + `"}`, redacts: "$" + long},
				} {
					d.sender, d.prev, d.depth = erin, here.ends(id), int64(100+i)
					e := far.forge(id, d)
					here.receives(e)
					if unknown, err := here.rooms.Unknown(t.Context(), id, []string{e.ID()}); err != nil || len(unknown) > 0 {
						t.Errorf("%s %.40s is not stored: %v", d.typ, d.content, err)
					}
				}
				here.say(id, alice, "after")
				_, err := here.rooms.State(t.Context(), alice, id)
				here.ok(err)
			})
		})
	}
}

// In the first versions of rooms a server chooses the ids of its events. One that uses an id
// twice, in two rooms or in one, harms nobody but itself: the first is the event.
func TestAnIDTwice(t *testing.T) {
	each(t, func(here, far *server) {
		first, second := far.create(event.V1, erin), far.create(event.V1, erin)
		here.join(first, alice)
		here.join(second, alice)
		here.undisturbed(func() {
			e := far.named(first, "$same:far.test", "first")
			here.receives(e)
			again := far.named(second, "$same:far.test", "second")
			if err := here.receive(again)[e.ID()]; !errors.Is(err, room.ErrOtherRoom) {
				t.Errorf("the same id in another room: %v", err)
			}
			left, err := here.rooms.Outliers(t.Context(), second, []*event.Event{again})
			if here.ok(err); len(left) != 1 {
				t.Error("it is stored by another way")
			}
			here.receive(far.named(first, "$same:far.test", "third"))
			here.reads(first, alice, "first")
			if got := here.event(first, e.ID()); !bytes.Equal(got.JSON(), e.JSON()) {
				t.Errorf("the event is %s now", got.JSON())
			}
			here.say(second, alice, "after")
		})
	})
}

// Two invitations of one id are one.
func TestAnInvitationTwice(t *testing.T) {
	each(t, func(here, far *server) {
		invite := func(id string) error {
			e := invitation(here, event.V1, id, alice)
			_, err := here.in.ReceiveInvite(t.Context(), "evil.test", inbound.Invited{RoomID: id, EventID: e.ID(), Version: "1", Event: e.JSON()})
			return err
		}
		here.undisturbed(func() {
			here.ok(invite("!first:evil.test"))
			if err := invite("!second:evil.test"); !errors.Is(err, room.ErrOtherRoom) {
				t.Errorf("the second: %v", err)
			}
		})
	})
}

// invitation is one by somebody who need not be in the room.
func invitation(s *server, v event.Version, id string, user matrix.UserID) *event.Event {
	s.Helper()
	key := string(user)
	p := event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: "@eve:evil.test", Content: []byte(`{"membership":"invite"}`),
		OriginServerTS: s.clock.Now().UnixMilli(), Depth: math.MaxInt64}
	if v.EventIDInEvent() {
		p.EventID = "$invite:evil.test"
	}
	e, err := v.Build(p, signerOf("evil.test"))
	s.ok(err)
	return e
}

// named is a message with an id of the sender's choice, which follows what is at the end.
func (s *server) named(id, eventID, text string) *event.Event {
	s.Helper()
	r := mustRoom(s, id)
	p := event.Proto{EventID: eventID, RoomID: id, Type: "m.room.message", Sender: string(erin), Content: fmt.Appendf(nil, `{"body":%q}`, text),
		OriginServerTS: s.clock.Now().UnixMilli(), Depth: 100, Hashes: map[string][sha256.Size]byte{}}
	for _, key := range []event.Key{{Type: "m.room.create"}, {Type: "m.room.member", StateKey: string(erin)}, {Type: "m.room.power_levels"}} {
		if e, err := s.rooms.Current(s.Context(), r, key); err == nil {
			p.AuthEvents = append(p.AuthEvents, e.ID())
			p.Hashes[e.ID()] = e.ReferenceHash()
		}
	}
	for _, end := range s.far.server.ends(id) {
		p.PrevEvents = append(p.PrevEvents, end)
		p.Hashes[end] = s.far.server.event(id, end).ReferenceHash()
	}
	e, err := r.Version().Build(p, s.signer)
	s.ok(err)
	return e
}

// The first versions of rooms allow depths up to the largest there is, after which there is
// none.
func TestTheLargestDepth(t *testing.T) {
	each(t, func(here, far *server) {
		id := far.create(event.V1, erin)
		here.join(id, alice)
		e := far.named(id, "$deep:far.test", "deep")
		deep, err := event.V1.Parse([]byte(replace(e.JSON(), `"depth":100`, `"depth":9223372036854775807`)))
		here.ok(err)
		deep, err = deep.Sign(far.signer) // without its content, whose hash was another
		here.ok(err)
		here.receives(deep)
		here.say(id, alice, "on")
		here.say(id, alice, "and on")
		here.reads(id, alice, "on", "and on")
		far.receives(here.event(id, here.ends(id)[0]))
	})
}
