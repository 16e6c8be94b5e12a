package inbound_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

var owners = []string{"stream", "room", "inbound"}

const (
	alice matrix.UserID = "@alice:here.test"
	erin  matrix.UserID = "@erin:far.test"
	frank matrix.UserID = "@frank:far.test"
)

// server is a homeserver with its rooms.
type server struct {
	testing.TB
	name   matrix.ServerName
	signer event.Signer
	db     *store.DB
	clock  *clocktest.Clock
	rooms  *room.Rooms
	in     *inbound.Inbound
	far    *peer // what it reaches
	keys   keys
}

// keys are the keys of all servers of a test.
type keys map[matrix.ServerName]ed25519.PublicKey

var errNoKey = errors.New("no such key")

func (k keys) VerifyKey(_ context.Context, server matrix.ServerName, id matrix.KeyID, _ time.Time) (ed25519.PublicKey, error) {
	if key := k[server]; key != nil && id == "ed25519:1" {
		return key, nil
	}
	return nil, errNoKey
}

func signerOf(name matrix.ServerName) event.Signer {
	seed := bytes.Repeat([]byte{byte(len(name)), name[0]}, 16)
	return event.Signer{Server: name, Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(seed)}}
}

// open starts a server on a database.
func open(t testing.TB, db *store.DB, name matrix.ServerName) *server {
	t.Helper()
	s := &server{TB: t, name: name, signer: signerOf(name), db: db, clock: clocktest.New(), far: &peer{}, keys: keys{}}
	for _, other := range []matrix.ServerName{"here.test", "far.test", "evil.test"} {
		s.keys[other] = signerOf(other).Key.Public()
	}
	committer, err := stream.Open(t.Context(), db)
	s.ok(err)
	signer := func(context.Context) (event.Signer, error) { return s.signer, nil }
	s.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: committer, ServerName: name, Now: s.clock.Now, Signer: signer})
	s.ok(err)
	s.in = inbound.New(inbound.Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), DB: db, Rooms: s.rooms, Remote: s.far, Keys: s.keys, ServerName: name, Signer: signer, Now: s.clock.Now, Patience: 10 * time.Second})
	s.rooms.Historian = s.in
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- committer.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return s
}

// each tells a story of two servers, ours on every engine.
func each(t *testing.T, story func(here, far *server)) {
	t.Helper()
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		here := open(t, db, "here.test")
		far := open(t, storetest.Open(t, storetest.SQLite(t), owners), "far.test")
		here.far.server, far.far.server = far, here
		story(here, far)
	})
}

func (s *server) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// create makes a public room.
func (s *server) create(v event.Version, creator matrix.UserID) string {
	s.Helper()
	id, err := s.rooms.Create(s.Context(), room.Creation{Creator: creator, Version: v.String(), Preset: room.PublicChat})
	s.ok(err)
	return id
}

func (s *server) say(id string, user matrix.UserID, text string) string {
	s.Helper()
	eventID, err := s.rooms.Send(s.Context(), room.Sending{Room: id, Sender: user, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q}`, text)})
	s.ok(err)
	return eventID
}

func (s *server) set(id string, user matrix.UserID, typ, content string) string {
	s.Helper()
	key := ""
	eventID, err := s.rooms.Send(s.Context(), room.Sending{Room: id, Sender: user, Type: typ, StateKey: &key, Content: []byte(content)})
	s.ok(err)
	return eventID
}

// join lets a user join by the other server.
func (s *server) join(id string, user matrix.UserID) {
	s.Helper()
	s.ok(s.in.Join(s.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: user}, Via: []matrix.ServerName{s.far.server.name}}))
}

// event is an event that is stored.
func (s *server) event(id, eventID string) *event.Event {
	s.Helper()
	r, err := s.rooms.Room(id)
	s.ok(err)
	held, err := s.rooms.Held(s.Context(), r, []string{eventID})
	s.ok(err)
	if len(held) != 1 {
		s.Fatalf("%s has no %s", s.name, eventID)
	}
	return held[0].Event
}

// receives gives events of the other server, and wants no error.
func (s *server) receives(events ...*event.Event) {
	s.Helper()
	for id, err := range s.receive(events...) {
		if err != nil {
			s.Errorf("%s: %v", id, err)
		}
	}
}

func (s *server) receive(events ...*event.Event) map[string]error {
	s.Helper()
	var pdus []jsontext.Value
	for _, e := range events {
		pdus = append(pdus, jsontext.Value(e.JSON()))
	}
	return s.in.Receive(s.Context(), s.far.server.name, pdus)
}

// reads is what a user reads in a room.
func (s *server) reads(id string, user matrix.UserID, want ...string) {
	s.Helper()
	var said []string
	q := room.Query{Room: id, Back: true, Limit: 100}
	for range 10 {
		page, err := s.rooms.Messages(s.Context(), user, q)
		s.ok(err)
		for _, e := range page.Events {
			if body, isText := e.Field("body").Text(); isText {
				said = append(said, body)
			}
		}
		if q.From = page.End; page.End == "" {
			break
		}
	}
	slices.Reverse(said)
	if !slices.Equal(said, want) {
		s.Errorf("%s reads %q, want %q", user, said, want)
	}
}

func (s *server) ends(id string) []string {
	s.Helper()
	ends, _, err := s.rooms.Extremities(s.Context(), id)
	s.ok(err)
	return ends
}

// draft is an event that a server makes by hand. key is a state key, or "-" for none.
type draft struct {
	typ, key, content string
	sender            matrix.UserID
	prev, auth        []string // auth nil is what the state there asks for
	depth             int64
	redacts           string
}

const noKey = "-"

// forge makes an event, as a server may that keeps to no rule.
func (s *server) forge(id string, d draft) *event.Event {
	s.Helper()
	r, err := s.rooms.Room(id)
	s.ok(err)
	s.clock.Advance(time.Millisecond)
	p := event.Proto{RoomID: id, Type: d.typ, Sender: string(d.sender), Content: []byte(d.content), OriginServerTS: s.clock.Now().UnixMilli(),
		Depth: max(d.depth, 1), PrevEvents: d.prev, AuthEvents: d.auth, Redacts: d.redacts}
	if d.key != noKey {
		p.StateKey = &d.key
	}
	if d.auth == nil {
		for _, key := range authz.NeededFor(r.Version(), p) {
			if e, err := s.rooms.Current(s.Context(), r, key); err == nil {
				p.AuthEvents = append(p.AuthEvents, e.ID())
			}
		}
	}
	e, err := r.Version().Build(p, signerOf(d.sender.Server()))
	s.ok(err)
	return e
}

func (s *server) message(id, text string, user matrix.UserID, prev ...string) *event.Event {
	s.Helper()
	return s.forge(id, draft{typ: "m.room.message", key: noKey, content: fmt.Sprintf(`{"body":%q}`, text), sender: user, prev: prev})
}
