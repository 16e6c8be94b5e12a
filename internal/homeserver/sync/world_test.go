package sync_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/typing"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	alice matrix.UserID = "@alice:hs.test"
	bob   matrix.UserID = "@bob:hs.test"
	carol matrix.UserID = "@carol:hs.test"
)

// ours is the key of the tests' server.
var ours = event.Signer{Server: "hs.test", Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

// world is a server that runs, as far as /sync tells of it.
type world struct {
	testing.TB
	db       *store.DB
	clock    *clocktest.Clock
	stream   *stream.Committer
	rooms    *room.Rooms
	data     *userdata.Data
	keys     *e2ee.Encryption
	receipts *receipt.Receipts
	typing   *typing.Typing
	sync     *sync.Syncer
	log      *bytes.Buffer
	refused  error // of users of evil.test
}

var owners = []string{"stream", "room", "userdata", "e2ee", "receipt"}

// each tells a story on every engine.
func each(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { story(open(t, db)) })
}

// directory knows each user with a phone and a tablet.
type directory struct{}

func (directory) Devices(context.Context, store.Queryer, matrix.UserID) ([]e2ee.KnownDevice, error) {
	return []e2ee.KnownDevice{{ID: "PHONE"}, {ID: "TABLET"}}, nil
}

// members are those of rooms, for receipts and typing.
type members struct{ rooms *room.Rooms }

func (m members) LocalMembers(id matrix.RoomID) (users []matrix.UserID) {
	for _, user := range []matrix.UserID{alice, bob, carol} {
		if slices.Contains(m.rooms.JoinedRooms(user), string(id)) {
			users = append(users, user)
		}
	}
	return users
}

// open starts the server; where another runs on the database it is replaced, as after a
// kill -9.
func open(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{TB: t, db: db, clock: clocktest.New(), log: new(bytes.Buffer)}
	var err error
	w.stream, err = stream.Open(t.Context(), db)
	w.ok(err)
	w.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: w.stream, ServerName: "hs.test", Now: w.clock.Now,
		Signer: func(context.Context) (event.Signer, error) { return ours, nil }})
	w.ok(err)
	w.data = userdata.New(userdata.Options{DB: db, Committer: w.stream, Now: w.clock.Now})
	w.keys, err = e2ee.New(t.Context(), e2ee.Options{DB: db, Stream: w.stream, ServerName: "hs.test", Now: w.clock.Now, Devices: directory{}})
	w.ok(err)
	w.receipts = &receipt.Receipts{DB: db, Stream: w.stream, Rooms: members{w.rooms}, Now: w.clock.Now}
	w.typing = typing.New(members{w.rooms})
	w.typing.Join(stream.NewPassingLane(w.stream, w.typing))
	w.sync = sync.New(sync.Options{Stream: w.stream, Rooms: w.rooms, Data: w.data, Encryption: w.keys, Receipts: w.receipts, Typing: w.typing,
		Refuse: func(server matrix.ServerName) error {
			if server == "evil.test" {
				return w.refused
			}
			return nil
		},
		Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.stream.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(c room.Creation) string {
	w.Helper()
	if c.Creator == "" {
		c.Creator = alice
	}
	id, err := w.rooms.Create(w.Context(), c)
	w.ok(err)
	return id
}

func (w *world) say(id string, user matrix.UserID, text string) string {
	w.Helper()
	eventID, err := w.rooms.Send(w.Context(), message(id, user, text))
	w.ok(err)
	return eventID
}

func message(id string, user matrix.UserID, text string) room.Sending {
	return room.Sending{Room: id, Sender: user, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q,"msgtype":"m.text"}`, text)}
}

// set sets a piece of state.
func (w *world) set(id string, user matrix.UserID, typ, key, content string) {
	w.Helper()
	_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: user, Type: typ, StateKey: &key, Content: []byte(content)})
	w.ok(err)
}

func (w *world) join(id string, users ...matrix.UserID) {
	w.Helper()
	for _, user := range users {
		w.ok(w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: user}))
	}
}

func (w *world) leave(id string, user matrix.UserID) {
	w.Helper()
	w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: user}))
}

// phone is a client: what it asks with, and the token that it has.
type phone struct {
	w *world
	sync.Request
	next string
}

func (w *world) phone(user matrix.UserID) *phone {
	return &phone{w: w, Request: sync.Request{User: user, Device: "PHONE"}}
}

// with is a phone with a filter.
func (p *phone) with(filter string) *phone {
	p.Filter = filter
	return p
}

// ask asks for what is new.
func (w *world) ask(ctx context.Context, r sync.Request) (answer []byte, err error) {
	err = w.sync.Sync(ctx, r, func(text []byte) error {
		answer = text
		return nil
	})
	return answer, err
}

// sync asks for what is new, and keeps the token.
func (p *phone) sync() answer {
	p.w.Helper()
	a := p.look()
	p.next, p.Since = a.NextBatch, a.NextBatch
	return a
}

// look asks for what is new as one whom the answer does not reach.
func (p *phone) look() answer {
	p.w.Helper()
	text, err := p.w.ask(p.w.Context(), p.Request)
	p.w.ok(err)
	return p.w.answer(text)
}

func (w *world) answer(text []byte) (a answer) {
	w.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		w.Fatalf("%v in %s", err, text)
	}
	a.text = string(text)
	return a
}

// answer is what /sync may say, and nothing else.
type answer struct {
	text      string
	NextBatch string `json:"next_batch"`
	Rooms     struct {
		Join   map[string]joined `json:"join"`
		Leave  map[string]joined `json:"leave"`
		Invite map[string]struct {
			State events `json:"invite_state"`
		} `json:"invite"`
		Knock map[string]struct {
			State events `json:"knock_state"`
		} `json:"knock"`
	} `json:"rooms"`
	AccountData events           `json:"account_data"`
	ToDevice    events           `json:"to_device"`
	Counts      map[string]int64 `json:"device_one_time_keys_count"`
	Fallbacks   []string         `json:"device_unused_fallback_key_types"`
	Lists       struct {
		Changed []string `json:"changed"`
		Left    []string `json:"left"`
	} `json:"device_lists"`
}

type joined struct {
	Summary struct {
		Heroes  []string `json:"m.heroes"`
		Joined  *int     `json:"m.joined_member_count"`
		Invited *int     `json:"m.invited_member_count"`
	} `json:"summary"`
	State      *events `json:"state"`
	StateAfter *events `json:"state_after"`
	Timeline   struct {
		events
		Limited   bool   `json:"limited"`
		PrevBatch string `json:"prev_batch"`
	} `json:"timeline"`
	Ephemeral   events               `json:"ephemeral"`
	AccountData events               `json:"account_data"`
	Unread      map[string]int       `json:"unread_notifications"`
	Threads     map[string]countJSON `json:"unread_thread_notifications"`
}

type countJSON struct {
	Highlights    int `json:"highlight_count"`
	Notifications int `json:"notification_count"`
}

type events struct {
	Events []shown `json:"events"`
}

type shown struct {
	Type     string         `json:"type"`
	Key      *string        `json:"state_key"`
	ID       string         `json:"event_id"`
	Sender   string         `json:"sender"`
	Content  map[string]any `json:"content"`
	TS       int64          `json:"origin_server_ts"`
	Redacts  string         `json:"redacts"`
	Unsigned map[string]any `json:"unsigned"`
}

// String is an event in short: its type and key, and what it says first of what it may.
func (s shown) String() string {
	text := s.Type
	if s.Key != nil {
		text += "|" + *s.Key
	}
	for _, member := range []string{"body", "membership", "name", "n"} {
		if said, there := s.Content[member]; there {
			return fmt.Sprint(text, "=", said)
		}
	}
	return text
}

func (e events) short() []string {
	list := []string{}
	for _, s := range e.Events {
		list = append(list, s.String())
	}
	return list
}

// said are the messages among events.
func (e events) said() []string {
	list := []string{}
	for _, s := range e.Events {
		if body, isText := s.Content["body"].(string); isText {
			list = append(list, body)
		}
	}
	return list
}

// members are the state keys of memberships among events, in order.
func (e *events) members() []string {
	list := []string{}
	for _, s := range e.Events {
		if s.Type == "m.room.member" {
			list = append(list, *s.Key)
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) want(what string, got, want any) {
	w.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}

// wantNothing checks that an answer tells nothing.
func (w *world) wantNothing(what string, a answer) {
	w.Helper()
	if len(a.Rooms.Join)+len(a.Rooms.Leave)+len(a.Rooms.Invite)+len(a.Rooms.Knock)+len(a.AccountData.Events)+len(a.ToDevice.Events)+len(a.Lists.Changed)+len(a.Lists.Left) > 0 {
		w.Errorf("%s: %s, want nothing", what, a.text)
	}
}

// waiting asks for what is new in the background, patiently.
func (p *phone) waiting(ctx context.Context) <-chan answer {
	r := p.Request
	r.Timeout = time.Minute
	answers := make(chan answer, 1)
	go func() {
		defer close(answers)
		text, err := p.w.ask(ctx, r)
		if err == nil {
			answers <- p.w.answer(text)
		}
	}()
	return answers
}
