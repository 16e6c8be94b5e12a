package unread_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/clocktest"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/push"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/unread"
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

var ours = event.Signer{Server: "hs.test", Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

// world is a room of Alice's that Bob and Carol are in, and what they have not read.
type world struct {
	testing.TB
	db       *store.DB
	stream   *stream.Committer
	rooms    *room.Rooms
	receipts *receipt.Receipts
	data     *userdata.Data
	unread   *unread.Unread
	id       string
	sent     int
}

// profiles are the display names of people: Bob calls himself Bobby.
type profiles struct{}

func (profiles) Profile(_ context.Context, user matrix.UserID) (displayName, avatarURL string, err error) {
	return map[matrix.UserID]string{bob: "Bobby"}[user], "", nil
}

func each(t *testing.T, story func(w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream", "room", "receipt", "userdata"}, func(t *testing.T, db *store.DB) { story(open(t, db)) })
}

func open(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{TB: t, db: db}
	clock := clocktest.New()
	var err error
	if w.stream, err = stream.Open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	w.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: w.stream, ServerName: "hs.test", Now: clock.Now, Profiles: profiles{},
		Signer: func(context.Context) (event.Signer, error) { return ours, nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.receipts = &receipt.Receipts{DB: db, Stream: w.stream, Rooms: w.rooms, Now: clock.Now}
	w.data = userdata.New(userdata.Options{DB: db, Committer: w.stream, Now: clock.Now})
	w.unread = unread.New(unread.Options{Rooms: w.rooms, Receipts: w.receipts, Rules: w.data})
	w.receipts.Moving, w.data.RulesChange = w.unread.ReceiptMoves, w.unread.RulesChange
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.stream.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	w.id, err = w.rooms.Create(t.Context(), room.Creation{Creator: alice, Preset: room.PublicChat})
	w.ok(err)
	w.join(bob, carol)
	return w
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) join(users ...matrix.UserID) {
	w.Helper()
	for _, user := range users {
		w.ok(w.rooms.Join(w.Context(), room.Membership{Room: w.id, Sender: user}))
	}
}

// send sends an event of a type and returns its id.
func (w *world) send(user matrix.UserID, typ, content string) string {
	w.Helper()
	w.sent++
	id, err := w.rooms.Send(w.Context(), room.Sending{Room: w.id, Sender: user, Type: typ, Content: []byte(content),
		Transaction: room.Transaction{Device: "D", ID: fmt.Sprint(w.sent)}})
	w.ok(err)
	return id
}

// say sends a message.
func (w *world) say(user matrix.UserID, text string) string {
	w.Helper()
	return w.send(user, "m.room.message", `{"msgtype":"m.text","body":"`+text+`"}`)
}

// reply sends a message that relates to another event.
func (w *world) reply(user matrix.UserID, kind, to, text string) string {
	w.Helper()
	return w.send(user, "m.room.message", `{"msgtype":"m.text","body":"`+text+`","m.relates_to":{"rel_type":"`+kind+`","event_id":"`+to+`"}}`)
}

// reads moves a receipt.
func (w *world) reads(user matrix.UserID, kind receipt.Kind, thread, eventID string) {
	w.Helper()
	seen, err := w.rooms.Event(w.Context(), user, w.id, eventID)
	w.ok(err)
	w.ok(w.receipts.Set(w.Context(), receipt.Receipt{Room: matrix.RoomID(w.id), User: user, Kind: kind, Thread: thread, EventID: eventID, EventPos: seen.Pos}))
}

// counts are what a user has not read, as they go on from what was counted before and as
// they are counted anew: which is the same.
func (w *world) counts(user matrix.UserID) unread.Counts {
	w.Helper()
	r, err := w.rooms.Room(w.id)
	w.ok(err)
	goneOn, err := w.unread.Counts(w.Context(), user, r, w.stream.Visible())
	w.ok(err)
	anew, err := unread.New(w.unread.Options).Counts(w.Context(), user, r, w.stream.Visible())
	w.ok(err)
	if diff := cmp.Diff(anew, goneOn); diff != "" {
		w.Errorf("what %s has not read, counted on (- want as counted anew, + got):\n%s", user, diff)
	}
	return goneOn
}

// expect holds what a user has not read of the main timeline.
func (w *world) expect(what string, user matrix.UserID, notifications, highlights int) {
	w.Helper()
	w.expectAll(what, user, unread.Counts{Main: unread.Count{Notifications: notifications, Highlights: highlights}})
}

func (w *world) expectAll(what string, user matrix.UserID, want unread.Counts) {
	w.Helper()
	if diff := cmp.Diff(want, w.counts(user)); diff != "" {
		w.Errorf("%s: %s has not read (- want, + got):\n%s", what, user, diff)
	}
}

// rules changes a user's push rules.
func (w *world) rules(user matrix.UserID, change func(*push.Settings) error) {
	w.Helper()
	w.ok(w.data.ChangePushRules(w.Context(), user, change))
}
