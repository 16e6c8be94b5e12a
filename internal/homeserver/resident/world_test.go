package resident_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	here, far        matrix.ServerName = "here.test", "far.test"
	alice, erin, eve matrix.UserID     = "@alice:here.test", "@erin:far.test", "@eve:evil.test"
)

// world is a server whose rooms others ask for.
type world struct {
	*testing.T
	*resident.Resident
	rooms   *room.Rooms
	clock   *clocktest.Clock
	settled []string // who came, into which rooms
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"stream", "room"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, clock: clocktest.New()}
		committer, err := stream.Open(t.Context(), db)
		w.ok(err)
		signer := func(context.Context) (event.Signer, error) { return signerOf(here), nil }
		w.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: committer, ServerName: here, Now: w.clock.Now, Signer: signer})
		w.ok(err)
		w.Resident = resident.New(resident.Options{Rooms: w.rooms, ServerName: here, Signer: signer, Keys: keys{}, Graph: w})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- committer.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		story(w)
	})
}

// Settle is resident.Graph's.
func (w *world) Settle(_ context.Context, room string, user matrix.UserID) {
	w.settled = append(w.settled, room+" "+user.String())
}

// Accept is resident.Graph's.
func (w *world) Accept(ctx context.Context, roomID string, e *event.Event) error {
	v, err := w.rooms.Accept(ctx, roomID, room.Arrival{Event: e, Relay: true})
	if err != nil {
		return err
	}
	return v.Why
}

func signerOf(name matrix.ServerName) event.Signer {
	seed := bytes.Repeat([]byte{byte(len(name)), name[0]}, 16)
	return event.Signer{Server: name, Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(seed)}}
}

// keys are the keys of all servers.
type keys struct{}

func (keys) VerifyKey(_ context.Context, server matrix.ServerName, _ matrix.KeyID, _ time.Time) (ed25519.PublicKey, error) {
	return signerOf(server).Key.Public(), nil
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) create(preset room.Preset) string {
	w.Helper()
	id, err := w.rooms.Create(w.Context(), room.Creation{Creator: alice, Version: "11", Preset: preset})
	w.ok(err)
	return id
}

func (w *world) say(id, text string) string {
	w.Helper()
	eventID, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q}`, text)})
	w.ok(err)
	return eventID
}

func (w *world) set(id, typ, content string) string {
	w.Helper()
	key := ""
	eventID, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: typ, StateKey: &key, Content: []byte(content)})
	w.ok(err)
	return eventID
}

// membership makes a membership by hand, as a server may that asks nobody.
func (w *world) membership(id string, user matrix.UserID, content string) *event.Event {
	w.Helper()
	r, err := w.rooms.Room(id)
	w.ok(err)
	ends, depth, err := w.rooms.Extremities(w.Context(), id)
	w.ok(err)
	key := string(user)
	w.clock.Advance(time.Millisecond)
	p := event.Proto{RoomID: id, Type: "m.room.member", StateKey: &key, Sender: key, Content: []byte(content), OriginServerTS: w.clock.Now().UnixMilli(), Depth: depth + 1, PrevEvents: ends}
	for _, key := range authz.NeededFor(r.Version(), p) {
		if e, err := w.rooms.Current(w.Context(), r, key); err == nil {
			p.AuthEvents = append(p.AuthEvents, e.ID())
		}
	}
	e, err := r.Version().Build(p, signerOf(user.Server()))
	w.ok(err)
	return e
}

// signed is a membership as the server of its user sends it.
func signed(e *event.Event) resident.Signed {
	said, _ := e.Field("membership").Text()
	return resident.Signed{Server: event.ServerOf(e.Sender()), Room: e.RoomID(), EventID: e.ID(), Change: resident.Change(said), Event: jsontext.Value(e.JSON())}
}

// join lets a user of another server in.
func (w *world) join(id string, user matrix.UserID) *event.Event {
	w.Helper()
	e := w.membership(id, user, `{"membership":"join"}`)
	_, err := w.Join(w.Context(), signed(e))
	w.ok(err)
	return e
}

// wants checks the error of something.
func (w *world) wants(what string, got, want error) {
	w.Helper()
	if !errors.Is(got, want) {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}
