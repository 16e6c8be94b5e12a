package room_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
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

// profiles are those of the tests: everybody is called by the localpart, with a prefix.
type profiles struct{ prefix string }

func (p *profiles) Profile(_ context.Context, user matrix.UserID) (name, avatar string, err error) {
	return p.prefix + user.Localpart(), "", nil
}

// world is the rooms of a server that runs.
type world struct {
	testing.TB
	db     *store.DB
	clock  *clocktest.Clock
	stream *stream.Committer
	rooms  *room.Rooms
	names  profiles
	out    outgoing
	sign   atomic.Pointer[func()] // is called before each event is built, outside of locks
	stop   context.CancelFunc
	ended  chan error
}

// each tells a story on every engine and checks the tables afterwards.
func each(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream", "room"}, func(t *testing.T, db *store.DB) {
		w := open(t, db, 0)
		story(w)
		w.check()
	})
}

// eachUnchecked is each for stories of rooms that are no chain.
func eachUnchecked(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream", "room"}, func(t *testing.T, db *store.DB) { story(open(t, db, 0)) })
}

// open starts the server; where another runs on the database it is replaced, as after a
// kill -9.
func open(t testing.TB, db *store.DB, cacheBytes int64) *world {
	t.Helper()
	return opened(t, db, cacheBytes, "hs.test")
}

// openAs is open for a server of another name.
func openAs(t testing.TB, db *store.DB, server matrix.ServerName) *world {
	t.Helper()
	return opened(t, db, 0, server)
}

func opened(t testing.TB, db *store.DB, cacheBytes int64, server matrix.ServerName) *world {
	t.Helper()
	signer := ours
	signer.Server = server
	w := &world{TB: t, db: db, clock: clocktest.New(), ended: make(chan error, 1)}
	var err error
	if w.stream, err = stream.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	w.rooms, err = room.New(t.Context(), room.Options{
		DB: db, Stream: w.stream, ServerName: server, Now: w.clock.Now, Profiles: &w.names, Outgoing: &w.out, CacheBytes: cacheBytes,
		Signer: func(context.Context) (event.Signer, error) {
			if before := w.sign.Load(); before != nil {
				(*before)()
			}
			return signer, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() { w.ended <- w.stream.Run(ctx) }()
	t.Cleanup(func() { stop(); <-w.ended; w.ended <- nil })
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// create makes a room of Alice's.
func (w *world) create(c room.Creation) string {
	w.Helper()
	if c.Creator == "" {
		c.Creator = alice
	}
	id, err := w.rooms.Create(w.Context(), c)
	w.ok(err)
	return id
}

// say sends a message.
func (w *world) say(id string, user matrix.UserID, text string) string {
	w.Helper()
	eventID, err := w.rooms.Send(w.Context(), message(id, user, text))
	w.ok(err)
	return eventID
}

func message(id string, user matrix.UserID, text string) room.Sending {
	return room.Sending{Room: id, Sender: user, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q,"msgtype":"m.text"}`, text)}
}

// set sets a piece of state with an empty key.
func (w *world) set(id string, user matrix.UserID, typ, content string) error {
	key := ""
	_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: user, Type: typ, StateKey: &key, Content: []byte(content)})
	return err
}

func (w *world) join(id string, users ...matrix.UserID) {
	w.Helper()
	for _, user := range users {
		w.ok(w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: user}))
	}
}

// row is an event as it is stored.
type row struct {
	pos, group int64
	id, typ    string
	key        *string
	json       []byte
	redactedBy int64
}

// events are the stored events of a room, in order.
func (w *world) events(id string) (events []row) {
	w.Helper()
	rows, err := w.db.Query(w.Context(), `SELECT e.pos, e.state_group, e.event_id, e.type, e.state_key, e.json, e.redacted_by
		FROM room_events e JOIN room_rooms r ON r.nid = e.room WHERE r.room_id = $1 ORDER BY e.pos`, id)
	w.ok(err)
	defer rows.Close()
	for rows.Next() {
		var r row
		w.ok(rows.Scan(&r.pos, &r.group, &r.id, &r.typ, &r.key, &r.json, &r.redactedBy))
		events = append(events, r)
	}
	return events
}

func (r row) content() (content map[string]any) {
	var e struct{ Content map[string]any }
	_ = json.Unmarshal(r.json, &e)
	return e.Content
}

// count counts the rows of a table.
func (w *world) count(table string) (n int) {
	w.Helper()
	w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

// unchanged tells a story in which nothing is stored.
func (w *world) unchanged(what string, story func() error, want error) {
	w.Helper()
	before := w.count("room_events") + w.count("room_state_changes") + w.count("room_transactions") + w.count("room_aliases")
	err := story()
	wantError(w, what, err, want)
	if after := w.count("room_events") + w.count("room_state_changes") + w.count("room_transactions") + w.count("room_aliases"); after != before {
		w.Errorf("%s: %d rows were written", what, after-before)
	}
}
