package receipt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	alice, bob matrix.UserID = "@alice:example.org", "@bob:example.org"
	tea, chess matrix.RoomID = "!tea:example.org", "!chess:example.org"
)

type rooms struct{}

func (rooms) LocalMembers(matrix.RoomID) []matrix.UserID { return []matrix.UserID{alice, bob} }

// world is the receipts of two people. An event's position is in its id.
type world struct {
	*receipt.Receipts
	t      *testing.T
	stream *stream.Committer
}

var noon = time.UnixMilli(1_700_000_000_000)

func each(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Each(t, []string{"stream", "receipt"}, func(t *testing.T, db *store.DB) {
		c, err := stream.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = c.Run(ctx) })
		defer running.Wait()
		defer stop()
		story(t, &world{&receipt.Receipts{DB: db, Stream: c, Rooms: rooms{}, Now: func() time.Time { return noon }}, t, c})
	})
}

var positions = map[string]stream.Pos{"$1": 1, "$2": 2, "$3": 3}

// set has a user read a room up to an event.
func (w *world) set(room matrix.RoomID, user matrix.UserID, kind receipt.Kind, thread, event string) {
	w.t.Helper()
	if err := w.Set(w.t.Context(), receipt.Receipt{Room: room, User: user, Kind: kind, Thread: thread, EventID: event, EventPos: positions[event]}); err != nil {
		w.t.Error(err)
	}
}

// expect holds what a reader is shown of the tea room since a position.
func (w *world) expect(reader matrix.UserID, since stream.Pos, want receipt.Content) {
	w.t.Helper()
	got, err := w.Since(w.t.Context(), tea, reader, since, w.stream.Visible())
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s is shown (- want, + got):\n%s", reader, diff)
	}
}

// of is one receipt's content.
func of(event string, kind receipt.Kind, user matrix.UserID, thread string) receipt.Content {
	return receipt.Content{event: {kind: {user: {TS: noon.UnixMilli(), Thread: thread}}}}
}

func TestEverybodySeesReadAndNobodyPrivate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$1")
		w.set(tea, alice, receipt.Private, "", "$2")
		w.set(chess, alice, receipt.Read, "", "$3")
		w.expect(bob, 0, of("$1", receipt.Read, alice, ""))
		both := of("$1", receipt.Read, alice, "")
		both["$2"] = of("$2", receipt.Private, alice, "")["$2"]
		w.expect(alice, 0, both)
		w.expect(bob, w.stream.Visible(), nil)
	})
}

func TestWhereReceiptsMoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$1")
		first := w.stream.Visible()
		w.set(tea, alice, receipt.Read, "", "$2")
		w.set(chess, alice, receipt.Private, "", "$3")
		for _, test := range []struct {
			reader    matrix.UserID
			since, to stream.Pos
			want      map[matrix.RoomID]bool
		}{
			{bob, 0, w.stream.Visible(), map[matrix.RoomID]bool{tea: true}},
			{alice, first, w.stream.Visible(), map[matrix.RoomID]bool{tea: true, chess: true}},
			{alice, first + 1, w.stream.Visible(), map[matrix.RoomID]bool{chess: true}},
			{alice, 0, first, map[matrix.RoomID]bool{}}, // has moved on since
			{alice, w.stream.Visible(), w.stream.Visible(), map[matrix.RoomID]bool{}},
		} {
			got, err := w.MovedIn(t.Context(), test.reader, test.since, test.to)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("for %s between %d and %d, %v (- want, + got):\n%s", test.reader, test.since, test.to, err, diff)
			}
		}
	})
}

// What many rooms are asked for together is what each is asked for.
func TestManyRooms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ids := []matrix.RoomID{tea, chess}
		for i := range 3 * 8 {
			ids = append(ids, matrix.RoomID(fmt.Sprintf("!%d:example.org", i)))
		}
		for i, id := range ids {
			if i%3 != 2 {
				w.set(id, alice, receipt.Private, "", "$1")
				w.set(id, alice, receipt.Read, receipt.Main, fmt.Sprintf("$%d", 1+i%3))
				w.set(id, bob, receipt.Read, "", "$3")
			}
		}
		to := w.stream.Visible()
		w.set(tea, bob, receipt.Private, "", "$3")
		for _, user := range []matrix.UserID{alice, bob} {
			shown, err := w.All(t.Context(), ids, user, to)
			read, failed := w.AllReadUpTo(t.Context(), ids, user)
			if err != nil || failed != nil || len(shown) != 18 || len(read) != 18 {
				t.Fatalf("of %d rooms %d are shown and %d read, %v, %v", len(ids), len(shown), len(read), err, failed)
			}
			for _, id := range ids {
				one, err := w.Since(t.Context(), id, user, 0, to)
				if diff := cmp.Diff(one, shown[id]); err != nil || diff != "" {
					t.Errorf("%s is shown of %s, %v (- alone, + together):\n%s", user, id, err, diff)
				}
				alone, err := w.ReadUpTo(t.Context(), id, user)
				if diff := cmp.Diff(alone, read[id], cmpopts.EquateEmpty()); err != nil || diff != "" {
					t.Errorf("%s has read of %s, %v (- alone, + together):\n%s", user, id, err, diff)
				}
			}
		}
		if none, err := w.All(t.Context(), nil, alice, to); err != nil || len(none) != 0 {
			t.Errorf("of no rooms are shown %v, %v", none, err)
		}
	})
}

// What arrives late undoes nothing, and wakes nobody.
func TestReceiptsGoForward(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$2")
		seen := w.stream.Visible()
		waiter := w.stream.Notifier().Wait(bob)
		defer waiter.Stop()
		for _, event := range []string{"$1", "$2"} {
			w.set(tea, alice, receipt.Read, "", event)
		}
		if w.stream.Visible() != seen {
			t.Error("a receipt that is not ahead was stored")
		}
		select {
		case <-waiter.Woken():
			t.Error("somebody was woken")
		default:
		}
		w.expect(bob, seen, nil)
		w.set(tea, alice, receipt.Read, "", "$3")
		<-waiter.Woken()
		w.expect(bob, seen, of("$3", receipt.Read, alice, ""))
	})
}

// A private receipt wakes its owner alone.
func TestAPrivateReceiptWakesNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own, other := w.stream.Notifier().Wait(alice), w.stream.Notifier().Wait(bob)
		defer own.Stop()
		defer other.Stop()
		w.set(tea, alice, receipt.Private, "", "$1")
		<-own.Woken()
		select {
		case <-other.Woken():
			t.Error("bob learns when alice reads")
		default:
		}
	})
}

func TestThreads(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$2")
		w.set(tea, alice, receipt.Read, "$1", "$1")
		w.set(tea, alice, receipt.Read, receipt.Main, "$1")
		w.set(tea, alice, receipt.Private, receipt.Main, "$3")
		want := of("$2", receipt.Read, alice, "")
		want["$1"] = of("$1", receipt.Read, alice, receipt.Main)["$1"]
		w.expect(bob, 0, want)
		furthest, err := w.ReadUpTo(t.Context(), tea, alice)
		if diff := cmp.Diff(map[string]stream.Pos{"": 2, "$1": 1, receipt.Main: 3}, furthest); err != nil || diff != "" {
			t.Errorf("ReadUpTo, %v (- want, + got):\n%s", err, diff)
		}
	})
}

// Of receipts for one event, that for the whole room is shown, whichever came first.
func TestOneEventInSeveralThreads(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$2")
		w.set(tea, alice, receipt.Read, "$1", "$2")
		w.set(tea, bob, receipt.Read, "$1", "$3")
		w.set(tea, bob, receipt.Read, "", "$3")
		want := of("$2", receipt.Read, alice, "")
		want["$3"] = of("$3", receipt.Read, bob, "")["$3"]
		w.expect(bob, 0, want)
	})
}

func TestReceiptsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, test := range map[string]struct {
			kind   receipt.Kind
			thread string
			want   error
		}{
			"another kind":         {"m.fully_read", "", receipt.ErrKind},
			"no kind":              {"", "", receipt.ErrKind},
			"a thread's name":      {receipt.Read, "tea", receipt.ErrThread},
			"a thread's, too long": {receipt.Read, "$" + strings.Repeat("x", 255), receipt.ErrThread},
		} {
			err := w.Set(t.Context(), receipt.Receipt{Room: tea, User: alice, Kind: test.kind, Thread: test.thread, EventID: "$1", EventPos: 1})
			if !errors.Is(err, test.want) {
				t.Errorf("%s: Set = %v, want %v", name, err, test.want)
			}
		}
		w.expect(alice, 0, nil)
	})
}

// Eight devices of one user report at the same moment: the furthest counts.
func TestTheFurthestOfManyCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for range 8 {
			for event := range positions {
				all.Go(func() { w.set(tea, alice, receipt.Read, "", event) })
			}
		}
		all.Wait()
		w.expect(bob, 0, of("$3", receipt.Read, alice, ""))
	})
}

func TestErasure(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$1")
		w.set(tea, bob, receipt.Read, "", "$2")
		err := w.DB.Tx(t.Context(), func(tx *store.Tx) error { return receipt.Leaver{}.Leave(t.Context(), tx, alice, true) })
		if err != nil {
			t.Fatal(err)
		}
		w.expect(bob, 0, of("$2", receipt.Read, bob, ""))
	})
}

// elsewhere is told of what alice reads in the tea room.
type elsewhere struct{ queued []string }

func (e *elsewhere) Told(_ context.Context, room matrix.RoomID, user matrix.UserID) ([]matrix.ServerName, error) {
	switch {
	case room != tea:
		return nil, errors.New("no such room")
	case user != alice:
		return nil, nil
	}
	return []matrix.ServerName{"one.test"}, nil
}

func (e *elsewhere) QueueReceipt(_ context.Context, _ *store.Tx, to []matrix.ServerName, r receipt.Receipt, at time.Time) error {
	e.queued = append(e.queued, string(to[0])+" "+r.EventID+" "+at.UTC().Format(time.DateTime))
	return nil
}

// Other servers are told of receipts that move, unless they are private.
func TestOtherServersAreTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		told := &elsewhere{}
		w.Outgoing = told
		w.set(tea, alice, receipt.Read, "", "$2")
		w.set(tea, alice, receipt.Read, "", "$1")
		w.set(tea, alice, receipt.Private, "", "$3")
		w.set(tea, bob, receipt.Read, "", "$3")
		if diff := cmp.Diff([]string{"one.test $2 2023-11-14 22:13:20"}, told.queued); diff != "" {
			t.Errorf("told (- want, + got):\n%s", diff)
		}
		if err := w.Set(t.Context(), receipt.Receipt{Room: chess, User: alice, Kind: receipt.Read, EventID: "$1", EventPos: 1}); err == nil {
			t.Error("a receipt is set of which nobody knows whom to tell")
		}
	})
}

// Everybody who comes into a room is told of all receipts in it: of one user's, those for the
// threads that they have read last.
func TestReceiptsOfVeryManyThreads(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.set(tea, alice, receipt.Read, "", "$1")
		w.set(tea, alice, receipt.Read, receipt.Main, "$1")
		w.set(tea, alice, receipt.Private, "$thread", "$1")
		w.set(tea, bob, receipt.Read, "$thread", "$1")
		w.set(chess, alice, receipt.Read, "$thread", "$1")
		for n := range 510 {
			root := fmt.Sprint("$root", n)
			if err := w.Set(t.Context(), receipt.Receipt{Room: tea, User: alice, Kind: receipt.Read, Thread: root, EventID: root, EventPos: stream.Pos(10 + n)}); err != nil {
				t.Fatal(err)
			}
		}
		read, err := w.ReadUpTo(t.Context(), tea, alice)
		if err != nil {
			t.Fatal(err)
		}
		_, old := read["$root9"]
		_, kept := read["$root10"]
		if len(read) != 500+3 || old || !kept || read["$root509"] != 519 {
			t.Errorf("%d receipts are kept (the 10th: %v, the 11th: %v), want 500 of threads, one private, and two", len(read), old, kept)
		}
		for user, room := range map[matrix.UserID]matrix.RoomID{bob: tea, alice: chess} {
			if read, err := w.ReadUpTo(t.Context(), room, user); err != nil || len(read) != 1 {
				t.Errorf("%s has %v, %v in %s", user, read, err, room)
			}
		}
	})
}
