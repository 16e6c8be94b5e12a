package transaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Receiver takes events of rooms.
type Receiver interface {
	// Receive judges events that a server has sent, raw as they came, and says by event id
	// which it does not take, and why. Those that it takes may be missing, or have nil. It is called by
	// many at the same time.
	Receive(ctx context.Context, origin matrix.ServerName, pdus []jsontext.Value) map[string]error
}

// Handler takes EDUs.
type Handler interface {
	// HandleEDU does what an EDU says. The error is for the log, unless it is one of the
	// stream or the store that asks for patience: then the server is to send it again.
	HandleEDU(ctx context.Context, origin matrix.ServerName, kind string, content jsontext.Value) error
}

// Transaction is what a server sends at once.
type Transaction struct {
	Origin matrix.ServerName
	ID     string
	PDUs   []jsontext.Value
	EDUs   []EDU
}

// EDU is a message between servers that is no event of a room.
type EDU struct {
	Type    string         `json:"edu_type"`
	Content jsontext.Value `json:"content"`
}

// Bounds of a transaction.
const (
	MaxPDUs = 50
	MaxEDUs = 100
	maxID   = 255 // octets
	// life is how long answers are remembered, and kept of how many of a server, about: it
	// sends again what it sent last.
	life = 24 * time.Hour
	kept = 1000
	// thinEvery is after how many transactions older ones of the server are forgotten that
	// sent the last of them: who sends the most is met the most.
	thinEvery = 128
)

// What Take refuses.
var (
	ErrTooMany = errors.New("a transaction has at most 50 PDUs and 100 EDUs")
	ErrID      = errors.New("a transaction id has 1 to 255 octets")
	ErrLater   = errors.New("the server cannot store that now")
)

// Results is what became of the events of a transaction, by event id.
type Results map[string]Result

// Result is what became of an event: Error says why it was not taken.
type Result struct {
	Error string `json:"error,omitempty"`
}

// Options is what a Desk stands on.
type Options struct {
	DB       *store.DB
	Receiver Receiver
	Handler  Handler
	Now      func() time.Time
	Log      *slog.Logger
	// Explain is an error as the other server reads it.
	Explain func(error) string
}

// Desk takes transactions. It is safe for concurrent use; one process has one.
type Desk struct {
	Options
	flights flights
	taken   atomic.Int64
}

// New makes a Desk on a database that has been migrated.
func New(o Options) *Desk { return &Desk{Options: o} }

// Take does what a transaction says, or has said before, and returns what became of its
// events. It goes on when the other server is gone. Errors: ErrTooMany, ErrID, ErrLater.
func (d *Desk) Take(ctx context.Context, t Transaction) (Results, error) {
	switch {
	case len(t.PDUs) > MaxPDUs, len(t.EDUs) > MaxEDUs:
		return nil, ErrTooMany
	case len(t.ID) == 0, len(t.ID) > maxID:
		return nil, ErrID
	}
	return d.flights.do(ctx, t.Origin.String()+" "+t.ID, func() (Results, error) {
		return d.once(context.WithoutCancel(ctx), t)
	})
}

func (d *Desk) once(ctx context.Context, t Transaction) (Results, error) {
	done, err := selectResult(ctx, d.DB, t.Origin, t.ID)
	if err != nil {
		return nil, fmt.Errorf("looking for a transaction: %w", err)
	}
	var results Results
	if done != nil && json.Unmarshal(done, &results) == nil {
		return results, nil
	}
	if results, err = d.process(ctx, t); err != nil {
		return nil, err
	}
	text, err := json.Marshal(results)
	if err != nil {
		return nil, fmt.Errorf("encoding what became of a transaction: %w", err)
	}
	return results, d.remember(ctx, t, text)
}

func (d *Desk) remember(ctx context.Context, t Transaction, result []byte) error {
	thin := d.taken.Add(1)%thinEvery == 0
	err := d.DB.TxSoon(ctx, func(tx *store.Tx) error {
		if err := insertResult(ctx, tx, t.Origin, t.ID, result, d.Now()); err != nil || !thin {
			return err
		}
		return deleteOlderResults(ctx, tx, t.Origin, kept)
	})
	if err != nil {
		return fmt.Errorf("remembering a transaction: %w", err)
	}
	return nil
}

// toDevice is the type of the EDUs that have keys to encrypted events, which devices want first.
const toDevice = "m.direct_to_device"

// process takes messages to devices, then the events, then the other EDUs: some are of these
// events.
func (d *Desk) process(ctx context.Context, t Transaction) (Results, error) {
	if err := d.handleAll(ctx, t, func(e EDU) bool { return e.Type == toDevice }); err != nil {
		return nil, err
	}
	results := Results{}
	if len(t.PDUs) > 0 {
		for id, err := range d.Receiver.Receive(ctx, t.Origin, t.PDUs) {
			results[id] = Result{}
			if err != nil {
				results[id] = Result{Error: d.Explain(err)}
			}
		}
	}
	return results, d.handleAll(ctx, t, func(e EDU) bool { return e.Type != toDevice })
}

// handleAll has those EDUs handled that are meant, in their order. The error is ErrLater.
func (d *Desk) handleAll(ctx context.Context, t Transaction, meant func(EDU) bool) error {
	for _, edu := range t.EDUs {
		if !meant(edu) {
			continue
		}
		err := d.handle(ctx, t.Origin, edu)
		if isForLater(err) {
			return fmt.Errorf("%w: %w", ErrLater, err)
		}
		if err != nil {
			d.Log.Debug("an EDU was not taken", "homeserver", t.Origin, "error", err)
		}
	}
	return nil
}

// handle has an EDU handled, which may do its worst: it is gone then, and no other.
func (d *Desk) handle(ctx context.Context, origin matrix.ServerName, edu EDU) (err error) {
	defer func() {
		if v := recover(); v != nil {
			d.Log.Error("handling an EDU panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	return d.Handler.HandleEDU(ctx, origin, edu.Type, edu.Content)
}

func isForLater(err error) bool {
	for _, later := range []error{stream.ErrNotStored, stream.ErrFull, stream.ErrStopped, store.ErrBusy} {
		if errors.Is(err, later) {
			return true
		}
	}
	return false
}

// Sweep forgets the answers of a day ago.
func (d *Desk) Sweep(ctx context.Context) error {
	if err := deleteResultsBefore(ctx, d.DB, d.Now().Add(-life)); err != nil {
		return fmt.Errorf("sweeping transactions: %w", err)
	}
	return nil
}
