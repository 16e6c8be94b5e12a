package inbound_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/remote"
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
}

const noKey = "-"

// forge makes an event, as a server may that keeps to no rule.
func (s *server) forge(id string, d draft) *event.Event {
	s.Helper()
	r, err := s.rooms.Room(id)
	s.ok(err)
	s.clock.Advance(time.Millisecond)
	p := event.Proto{RoomID: id, Type: d.typ, Sender: string(d.sender), Content: []byte(d.content), OriginServerTS: s.clock.Now().UnixMilli(),
		Depth: max(d.depth, 1), PrevEvents: d.prev, AuthEvents: d.auth}
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

// peer is the other server as one reaches it. What it is told to lie about, it does.
type peer struct {
	server *server
	asked  []string
	silent bool                    // it never answers
	extra  map[string]*event.Event // events that it has made by hand
	lies   map[string]func() (any, error)
}

var errUnreachable = fedclient.ErrUnreachable

func (p *peer) hears(ctx context.Context, what string) error {
	p.asked = append(p.asked, what)
	if p.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.server == nil {
		return errUnreachable
	}
	return nil
}

func (p *peer) lie(what string) (any, error, bool) {
	if lie := p.lies[what]; lie != nil {
		v, err := lie()
		return v, err, true
	}
	return nil, nil, false
}

var notFound = remote.Error{Status: http.StatusNotFound, Errcode: matrix.NotFound}

func (p *peer) room(id string) (*room.Room, error) {
	r, err := p.server.rooms.Room(id)
	if err != nil {
		return nil, notFound
	}
	return r, nil
}

func (p *peer) propose(ctx context.Context, what, id string, user matrix.UserID, membership string) (t remote.Template, err error) {
	if err := p.hears(ctx, what); err != nil {
		return t, err
	}
	if v, err, lies := p.lie(what); lies {
		return v.(remote.Template), err
	}
	r, err := p.room(id)
	if err != nil {
		return t, err
	}
	key := string(user)
	proto := event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: key, Content: []byte(`{"membership":"` + membership + `"}`)}
	var auth []string
	for _, key := range authz.NeededFor(r.Version(), proto) {
		if e, err := p.server.rooms.Current(ctx, r, key); err == nil {
			auth = append(auth, citation(e.Event))
		}
	}
	ends, depth, err := p.server.rooms.Extremities(ctx, id)
	if err != nil {
		return t, err
	}
	var prev []string
	for _, end := range ends {
		prev = append(prev, citation(p.server.event(id, end)))
	}
	t.RoomVersion = r.Version().String()
	t.Event = fmt.Appendf(nil, `{"auth_events":[%s],"prev_events":[%s],"depth":%d,"content":%s,"type":"m.room.member"}`,
		strings.Join(auth, ","), strings.Join(prev, ","), depth+1, proto.Content)
	return t, nil
}

// citation is how an event is cited.
func citation(e *event.Event) string {
	if !e.Version().EventIDInEvent() {
		return `"` + e.ID() + `"`
	}
	hash := e.ReferenceHash()
	return fmt.Sprintf(`[%q,{"sha256":%q}]`, e.ID(), matrix.EncodeBase64(hash[:]))
}

func (p *peer) MakeJoin(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID, _ []string) (remote.Template, error) {
	return p.propose(ctx, "make_join", id.String(), user, room.Join)
}

func (p *peer) MakeLeave(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID) (remote.Template, error) {
	return p.propose(ctx, "make_leave", id.String(), user, room.Leave)
}

func (p *peer) MakeKnock(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, user matrix.UserID, _ []string) (remote.Template, error) {
	return p.propose(ctx, "make_knock", id.String(), user, room.Knock)
}

// signed takes what another server has signed.
func (p *peer) signed(ctx context.Context, id string, pdu jsontext.Value) (r *room.Room, e *event.Event, err error) {
	if r, err = p.room(id); err != nil {
		return nil, nil, err
	}
	if e, err = r.Version().Parse(pdu); err != nil {
		return nil, nil, err
	}
	return r, e, p.server.in.Accept(ctx, id, e)
}

func (p *peer) SendJoin(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string, pdu jsontext.Value) (j remote.Joined, err error) {
	if err := p.hears(ctx, "send_join"); err != nil {
		return j, err
	}
	r, e, err := p.signed(ctx, id.String(), pdu)
	if err != nil {
		return j, err
	}
	j.State, j.AuthChain, err = p.stateBefore(ctx, r, e.ID())
	j.Event = e.JSON()
	if lie, err, lies := p.lie("send_join"); lies {
		return lie.(func(remote.Joined) remote.Joined)(j), err
	}
	return j, err
}

func (p *peer) SendLeave(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, _ string, pdu jsontext.Value) error {
	if err := p.hears(ctx, "send_leave"); err != nil {
		return err
	}
	_, _, err := p.signed(ctx, id.String(), pdu)
	return err
}

func (p *peer) SendKnock(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, _ string, pdu jsontext.Value) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "send_knock"); err != nil {
		return nil, err
	}
	_, _, err := p.signed(ctx, id.String(), pdu)
	return []jsontext.Value{jsontext.Value(`{"type":"m.room.name","state_key":"","sender":"@erin:far.test","content":{"name":"Far"}}`)}, err
}

func (p *peer) Invite(ctx context.Context, _ matrix.ServerName, i remote.Invitation) (jsontext.Value, error) {
	if err := p.hears(ctx, "invite"); err != nil {
		return nil, err
	}
	return p.server.in.ReceiveInvite(ctx, p.server.far.server.name, inbound.Invited{RoomID: i.Room.String(), EventID: i.EventID, Version: i.RoomVersion, Event: i.Event, State: i.State})
}

// stateBefore is the state before an event, and all events that it may rest on.
func (p *peer) stateBefore(ctx context.Context, r *room.Room, eventID string) (state, auth []jsontext.Value, err error) {
	ids, authIDs, err := p.idsBefore(ctx, r, eventID)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		state = append(state, p.json(ctx, id))
	}
	for _, id := range authIDs {
		auth = append(auth, p.json(ctx, id))
	}
	return state, auth, nil
}

func (p *peer) json(ctx context.Context, eventID string) jsontext.Value {
	if e := p.extra[eventID]; e != nil {
		return e.JSON()
	}
	r, err := p.server.rooms.RoomOfEvent(ctx, eventID)
	if err != nil {
		return nil
	}
	held, _ := p.server.rooms.Held(ctx, r, []string{eventID})
	return held[0].JSON()
}

func (p *peer) idsBefore(ctx context.Context, r *room.Room, eventID string) (state, auth []string, err error) {
	if e := p.extra[eventID]; e != nil { // it says that it was sent in the state of now
		ends, _, err := p.server.rooms.Extremities(ctx, r.ID())
		if err != nil {
			return nil, nil, err
		}
		held, err := p.server.rooms.Held(ctx, r, ends)
		if err != nil {
			return nil, nil, err
		}
		places, err := p.server.rooms.GroupIDs(ctx, r, held[0].StateGroup())
		for _, id := range places {
			state = append(state, id)
		}
		return state, p.chain(ctx, r, state), err
	}
	held, err := p.server.rooms.Held(ctx, r, []string{eventID})
	if err != nil || len(held) == 0 {
		return nil, nil, notFound
	}
	before, err := p.server.rooms.IDsBefore(ctx, r, held[0])
	for _, id := range before {
		state = append(state, id)
	}
	return state, p.chain(ctx, r, append(slices.Clone(state), held[0].AuthEvents()...)), err
}

func (p *peer) chain(ctx context.Context, r *room.Room, of []string) (ids []string) {
	seen := map[string]bool{}
	for next := of; len(next) > 0; {
		held, _ := p.server.rooms.Held(ctx, r, next)
		next = nil
		for _, s := range held {
			if !seen[s.ID()] {
				seen[s.ID()] = true
				ids = append(ids, s.ID())
				next = append(next, s.AuthEvents()...)
			}
		}
	}
	return ids
}

func (p *peer) StateIDs(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (s remote.StateIDs, err error) {
	if err := p.hears(ctx, "state_ids"); err != nil {
		return s, err
	}
	if v, err, lies := p.lie("state_ids"); lies {
		return v.(remote.StateIDs), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return s, err
	}
	s.State, s.AuthChain, err = p.idsBefore(ctx, r, eventID)
	return s, err
}

func (p *peer) State(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (s remote.State, err error) {
	if err := p.hears(ctx, "state"); err != nil {
		return s, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return s, err
	}
	s.State, s.AuthChain, err = p.stateBefore(ctx, r, eventID)
	return s, err
}

func (p *peer) Event(ctx context.Context, _ matrix.ServerName, eventID string) (jsontext.Value, error) {
	if err := p.hears(ctx, "event"); err != nil {
		return nil, err
	}
	if e := p.json(ctx, eventID); e != nil {
		return e, nil
	}
	return nil, notFound
}

func (p *peer) EventAuth(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, eventID string) (chain []jsontext.Value, err error) {
	if err := p.hears(ctx, "event_auth"); err != nil {
		return nil, err
	}
	if v, err, lies := p.lie("event_auth"); lies {
		return v.([]jsontext.Value), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	e, err := r.Version().Parse(p.json(ctx, eventID))
	if err != nil {
		return nil, notFound
	}
	for _, id := range p.chain(ctx, r, e.AuthEvents()) {
		chain = append(chain, p.json(ctx, id))
	}
	return chain, nil
}

// past is what precedes some events, these too, the newest first.
func (p *peer) past(ctx context.Context, r *room.Room, from []string, limit int, stop []string) (found []jsontext.Value) {
	seen := map[string]bool{}
	for next := from; len(next) > 0 && len(found) < limit; {
		id := next[0]
		next = next[1:]
		raw := p.json(ctx, id)
		if raw == nil || seen[id] || slices.Contains(stop, id) {
			continue
		}
		seen[id] = true
		found = append(found, raw)
		if e, err := r.Version().Parse(raw); err == nil {
			next = append(next, e.PrevEvents()...)
		}
	}
	return found
}

func (p *peer) Backfill(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, from []string, limit int) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "backfill"); err != nil {
		return nil, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	return p.past(ctx, r, from, limit, nil), nil
}

func (p *peer) MissingEvents(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, m remote.Missing) ([]jsontext.Value, error) {
	if err := p.hears(ctx, "get_missing_events"); err != nil {
		return nil, err
	}
	if v, err, lies := p.lie("get_missing_events"); lies {
		return v.([]jsontext.Value), err
	}
	r, err := p.room(id.String())
	if err != nil {
		return nil, err
	}
	var from []string
	for _, latest := range m.Latest {
		if e, err := r.Version().Parse(p.json(ctx, latest)); err == nil {
			from = append(from, e.PrevEvents()...)
		}
	}
	return p.past(ctx, r, from, m.Limit, m.Earliest), nil
}

func (p *peer) TimestampToEvent(ctx context.Context, _ matrix.ServerName, id matrix.RoomID, near time.Time, back bool) (c remote.Closest, err error) {
	if err := p.hears(ctx, "timestamp_to_event"); err != nil {
		return c, err
	}
	r, err := p.room(id.String())
	if err != nil {
		return c, err
	}
	s, err := p.server.rooms.Near(ctx, r, near.UnixMilli(), back, 0)
	if err != nil {
		return c, notFound
	}
	return remote.Closest{EventID: s.ID(), Time: time.UnixMilli(s.OriginServerTS())}, nil
}
