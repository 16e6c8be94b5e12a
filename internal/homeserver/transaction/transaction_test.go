package transaction_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/transaction"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// world is a desk whose events and EDUs are counted.
type world struct {
	*testing.T
	db    *store.DB
	desk  *transaction.Desk
	clock *clocktest.Clock
	enter chan struct{} // where there is one, whoever receives waits for it

	mu    sync.Mutex // guards what follows
	got   int
	edus  []string
	order []string // of events and EDUs
	fails error    // of the next EDU
}

var errRefused = errors.New("refused")

func (w *world) Receive(_ context.Context, origin matrix.ServerName, pdus []jsontext.Value) map[string]error {
	if w.enter != nil {
		<-w.enter
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got += len(pdus)
	w.order = append(w.order, "events")
	results := map[string]error{}
	for i, pdu := range pdus {
		if id := fmt.Sprintf("$%s-%d", origin, i); string(pdu) == `"bad"` {
			results[id] = errRefused
		} else {
			results[id] = nil
		}
	}
	return results
}

func (w *world) HandleEDU(_ context.Context, _ matrix.ServerName, kind string, _ jsontext.Value) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fails; err != nil {
		w.fails = nil
		return err
	}
	if kind == "panic" {
		panic("an EDU")
	}
	w.edus = append(w.edus, kind)
	w.order = append(w.order, kind)
	return nil
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"transaction"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New()}
		w.desk = transaction.New(transaction.Options{DB: db, Receiver: w, Handler: w, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler), Explain: error.Error})
		story(w)
	})
}

func (w *world) take(origin matrix.ServerName, id string, pdus ...string) transaction.Results {
	w.Helper()
	t := transaction.Transaction{Origin: origin, ID: id, EDUs: []transaction.EDU{{Type: "m.x"}}}
	for _, pdu := range pdus {
		t.PDUs = append(t.PDUs, jsontext.Value(pdu))
	}
	results, err := w.desk.Take(w.Context(), t)
	if err != nil {
		w.Error(err)
	}
	return results
}

// Keys come before the events that nobody can read without them, and what is said of events
// after them.
func TestKeysComeFirst(t *testing.T) {
	each(t, func(w *world) {
		sent := transaction.Transaction{Origin: "a.test", ID: "1", PDUs: []jsontext.Value{jsontext.Value(`"good"`)}}
		for _, kind := range []string{"m.receipt", "m.direct_to_device", "m.typing", "m.direct_to_device"} {
			sent.EDUs = append(sent.EDUs, transaction.EDU{Type: kind})
		}
		if _, err := w.desk.Take(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		if want := []string{"m.direct_to_device", "m.direct_to_device", "events", "m.receipt", "m.typing"}; !slices.Equal(w.order, want) {
			t.Errorf("taken in the order %q, want %q", w.order, want)
		}
	})
}

func TestOnce(t *testing.T) {
	each(t, func(w *world) {
		want := transaction.Results{"$a.test-0": {}, "$a.test-1": {Error: "refused"}}
		for range 3 {
			if got := w.take("a.test", "1", `"good"`, `"bad"`); !maps.Equal(got, want) {
				w.Errorf("the transaction gives %v, want %v", got, want)
			}
		}
		if w.got != 2 || len(w.edus) != 1 {
			w.Errorf("%d events and %d EDUs were taken, want 2 and 1", w.got, len(w.edus))
		}
		w.take("b.test", "1", `"good"`)
		w.take("a.test", "2", `"good"`)
		if w.got != 4 || len(w.edus) != 3 {
			w.Errorf("%d events and %d EDUs were taken of three transactions, want 4 and 3", w.got, len(w.edus))
		}
		w.clock.Advance(25 * time.Hour)
		if err := w.desk.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		if w.take("a.test", "1", `"good"`); w.got != 5 {
			w.Error("the transaction of yesterday is remembered")
		}
	})
}

// The same transaction, sent again while the first is at work, waits for what becomes of it.
func TestAtTheSameMoment(t *testing.T) {
	each(t, func(w *world) {
		w.enter = make(chan struct{})
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if got := w.take("a.test", "1", `"bad"`); got["$a.test-0"].Error != "refused" {
					w.Errorf("one of eight reads %v", got)
				}
			})
		}
		w.enter <- struct{}{}
		close(w.enter)
		wait.Wait()
		if w.got != 1 || len(w.edus) != 1 {
			w.Errorf("%d events and %d EDUs were taken, want one each", w.got, len(w.edus))
		}
	})
}

// A server that sends without end fills no disk with what became of it, and what it sent last
// is remembered.
func TestVeryManyTransactions(t *testing.T) {
	each(t, func(w *world) {
		const sent = 1400
		for i := range sent {
			w.clock.Advance(time.Millisecond)
			w.take("a.test", fmt.Sprint(i))
		}
		w.take("b.test", "1")
		var n int
		if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM transaction_results WHERE origin = 'a.test'`).Scan(&n); err != nil || n > 1200 {
			w.Errorf("%d of %d are remembered, %v", n, sent, err)
		}
		w.edus = nil
		for i := range 900 {
			w.take("a.test", fmt.Sprint(sent-1-i))
		}
		if w.take("b.test", "1"); len(w.edus) > 0 {
			w.Errorf("%d of the last are taken again", len(w.edus))
		}
	})
}

// Whoever sent it may be gone: what was begun is finished.
func TestTheSenderLeaves(t *testing.T) {
	each(t, func(w *world) {
		ctx, leave := context.WithCancel(w.Context())
		w.enter = make(chan struct{})
		done := make(chan error)
		go func() {
			_, err := w.desk.Take(ctx, transaction.Transaction{Origin: "a.test", ID: "1", PDUs: []jsontext.Value{jsontext.Value(`"good"`)}})
			done <- err
		}()
		w.enter <- struct{}{}
		leave()
		if err := <-done; err != nil {
			w.Error(err)
		}
		close(w.enter)
		if w.take("a.test", "1", `"good"`); w.got != 1 {
			w.Errorf("the event was taken %d times", w.got)
		}
	})
}

// One EDU that cannot be stored now has the transaction come again; one that is rubbish, or
// worse, is passed over.
func TestEDUs(t *testing.T) {
	each(t, func(w *world) {
		edus := []transaction.EDU{{Type: "panic"}, {Type: "m.a"}, {Type: "m.b"}}
		w.fails = fmt.Errorf("storing: %w", stream.ErrFull)
		_, err := w.desk.Take(w.Context(), transaction.Transaction{Origin: "a.test", ID: "1", EDUs: edus})
		if !errors.Is(err, transaction.ErrLater) || len(w.edus) != 0 {
			w.Errorf("the transaction = %v with %v, want ErrLater", err, w.edus)
		}
		if _, err = w.desk.Take(w.Context(), transaction.Transaction{Origin: "a.test", ID: "1", EDUs: edus}); err != nil || len(w.edus) != 2 {
			w.Errorf("again = %v with %v", err, w.edus)
		}
		w.fails = errRefused
		if _, err = w.desk.Take(w.Context(), transaction.Transaction{Origin: "a.test", ID: "2", EDUs: edus[1:]}); err != nil || len(w.edus) != 3 || w.edus[2] != "m.b" {
			w.Errorf("with one that is rubbish = %v with %v", err, w.edus)
		}
	})
}

func TestBounds(t *testing.T) {
	each(t, func(w *world) {
		for want, t := range map[error]transaction.Transaction{
			transaction.ErrTooMany: {ID: "1", PDUs: make([]jsontext.Value, 51)},
			transaction.ErrID:      {ID: strings.Repeat("x", 256)},
		} {
			if _, err := w.desk.Take(w.Context(), t); !errors.Is(err, want) {
				w.Errorf("a transaction = %v, want %v", err, want)
			}
		}
		if _, err := w.desk.Take(w.Context(), transaction.Transaction{ID: "1", EDUs: make([]transaction.EDU, 101)}); !errors.Is(err, transaction.ErrTooMany) {
			w.Errorf("101 EDUs = %v", err)
		}
		if w.got != 0 {
			w.Error("events were taken")
		}
	})
}
