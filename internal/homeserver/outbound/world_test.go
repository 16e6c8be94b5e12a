package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/outbound"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// world is a server that runs, and all others.
type world struct {
	*testing.T
	*outbound.Outbound
	db     *store.DB
	clock  *clocktest.Clock
	stream *stream.Committer
	others *others
	kill   func()
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"stream", "outbound"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), others: newOthers()}
		w.start()
		story(w)
	})
}

// start starts the server, or starts it anew after kill.
func (w *world) start() {
	w.Helper()
	var err error
	if w.stream, err = stream.Open(w.Context(), w.db); err != nil {
		w.Fatal(err)
	}
	w.Outbound, err = outbound.New(w.Context(), outbound.Options{DB: w.db, Stream: w.stream, Remote: w.others, Now: w.clock.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), MaxWaiting: 200, Random: func(d time.Duration) time.Duration { return d }})
	if err != nil {
		w.Fatal(err)
	}
	w.Rooms = rooms{}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.stream.Run(ctx) })
	running.Go(func() { _ = w.Outbound.Run(ctx) })
	w.kill = func() { stop(); running.Wait() }
	w.Cleanup(w.kill)
}

// settle waits until all that can be sent now is sent.
func (w *world) settle() {
	for {
		w.Look()
		w.commit(func(*store.Tx, stream.Pos) error { return nil })
		if w.Quiet() {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// underWay waits until something is being sent to a server.
func (w *world) underWay(server matrix.ServerName) {
	for begun := false; !begun; time.Sleep(time.Millisecond) {
		w.others.mu.Lock()
		begun = w.others.under[server] > 0
		w.others.mu.Unlock()
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.clock.Advance(d)
	w.settle()
}

func (w *world) commit(write func(tx *store.Tx, pos stream.Pos) error) {
	w.Helper()
	if _, err := w.stream.Commit(w.Context(), nil, write); err != nil {
		w.Fatal(err)
	}
}

// event queues an event of a room, whose id is told by its name.
func (w *world) event(roomID, name string, to ...matrix.ServerName) {
	w.Helper()
	w.commit(func(tx *store.Tx, pos stream.Pos) error {
		return w.QueueEvents(w.Context(), tx, []room.Dispatch{{Room: roomID, EventID: name, Pos: pos, To: to}})
	})
}

func (w *world) edu(topic, kind string, to ...matrix.ServerName) {
	w.Helper()
	w.commit(func(tx *store.Tx, _ stream.Pos) error {
		return w.QueueEDU(w.Context(), tx, to, topic, remote.EDU{Type: kind, Content: jsontext.Value(`{}`)})
	})
}

// want checks what a server has got since the last time.
func (w *world) want(when string, server matrix.ServerName, want string) {
	w.Helper()
	if got := w.others.got(server); got != want {
		w.Errorf("%s: %s got %q, want %q", when, server, got, want)
	}
}

// rows is how much waits.
func (w *world) rows() (n int) {
	w.Helper()
	err := w.db.QueryRow(w.Context(), `SELECT (SELECT COUNT(*) FROM outbound_events) + (SELECT COUNT(*) FROM outbound_edus)`).Scan(&n)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// rooms has every event, and each is told by its id. Those of a room "!gone" are not there,
// and invitations of it do not hold.
type rooms struct{}

func (rooms) Raw(_ context.Context, ids []string) (map[string]jsontext.Value, error) {
	found := map[string]jsontext.Value{}
	for _, id := range ids {
		if id != "$purged" {
			found[id] = jsontext.Value(fmt.Sprintf("%q", id))
		}
	}
	return found, nil
}

func (rooms) Invitation(_ context.Context, roomID, eventID string) (room.Invitation, error) {
	if roomID == "!gone" {
		return room.Invitation{}, room.ErrUnknownEvent
	}
	return room.Invitation{Version: event.V11, Event: jsontext.Value(fmt.Sprintf("%q", eventID))}, nil
}

// others are all other servers.
type others struct {
	mu       sync.Mutex // guards what follows
	answer   map[matrix.ServerName]func(remote.Transaction) error
	log      map[matrix.ServerName][]string
	ids      map[matrix.ServerName][]string
	under    map[matrix.ServerName]int
	overlaps int
	hang     map[matrix.ServerName]chan struct{}
}

func newOthers() *others {
	return &others{answer: map[matrix.ServerName]func(remote.Transaction) error{}, log: map[matrix.ServerName][]string{}, ids: map[matrix.ServerName][]string{},
		under: map[matrix.ServerName]int{}, hang: map[matrix.ServerName]chan struct{}{}}
}

var errDead = fmt.Errorf("asking: %w", fedclient.ErrUnreachable)

// dies has a server answer nothing, or all again.
func (o *others) dies(server matrix.ServerName, dead bool) {
	o.answers(server, func(remote.Transaction) error {
		if dead {
			return errDead
		}
		return nil
	})
}

func (o *others) answers(server matrix.ServerName, how func(remote.Transaction) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer[server] = how
}

// hangs has a server answer nothing until release.
func (o *others) hangs(server matrix.ServerName) (release func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	o.hang[server] = c
	return sync.OnceFunc(func() { close(c) })
}

func (o *others) begin(server matrix.ServerName) (hang chan struct{}, answer func(remote.Transaction) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.under[server]++; o.under[server] > 1 {
		o.overlaps++
	}
	return o.hang[server], o.answer[server]
}

func (o *others) end(server matrix.ServerName, what, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.under[server]--
	o.log[server] = append(o.log[server], what)
	o.ids[server] = append(o.ids[server], id)
}

func (o *others) Send(ctx context.Context, server matrix.ServerName, t remote.Transaction) (map[string]string, error) {
	hang, answer := o.begin(server)
	what := ""
	for _, p := range t.PDUs {
		what += string(p[1:len(p)-1]) + " "
	}
	for _, e := range t.EDUs {
		what += e.Type + " "
	}
	var err error
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			err = errDead
		}
	}
	if err == nil && answer != nil {
		err = answer(t)
	}
	if len(t.PDUs) > 50 || len(t.EDUs) > 100 || len(t.PDUs)+len(t.EDUs) == 0 {
		what = fmt.Sprintf("a transaction of %d and %d", len(t.PDUs), len(t.EDUs))
	}
	if err != nil {
		what = "(" + what[:len(what)-1] + ") "
	}
	o.end(server, what, t.ID)
	return map[string]string{}, err
}

func (o *others) Invite(_ context.Context, server matrix.ServerName, i remote.Invitation) (jsontext.Value, error) {
	_, answer := o.begin(server)
	var err error
	if answer != nil {
		err = answer(remote.Transaction{PDUs: []jsontext.Value{i.Event}})
	}
	what := "invited to " + i.Room.String() + " of version " + i.RoomVersion + " by " + string(i.Event[1:len(i.Event)-1]) + " "
	if err != nil {
		what = "(" + what[:len(what)-1] + ") "
	}
	o.end(server, what, "")
	return i.Event, err
}

func (o *others) got(server matrix.ServerName) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := ""
	for _, what := range o.log[server] {
		all += "[" + what[:len(what)-1] + "]"
	}
	o.log[server] = nil
	return all
}

// transactions are the ids of what a server was sent.
func (o *others) transactions(server matrix.ServerName) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ids[server]
}

var errTest = errors.New("undone by the test")
