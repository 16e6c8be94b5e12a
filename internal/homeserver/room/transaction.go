package room

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// transactionLife is how long a transaction id is known.
const transactionLife = 24 * time.Hour

// recent is how many transactions are in memory: those that a client may repeat while the
// first request is under way, and many more.
const recent = 4096

// transaction is a request of a client that makes one event, however often it is made.
type transaction struct {
	hash    [16]byte
	eventID string         // settled when the event is queued
	ticket  *stream.Ticket // likewise
}

// Transaction is what a client names a request by. Two requests are the same if they are
// of one device and one endpoint, its parameters included, and have the same id.
type Transaction struct {
	Device string
	ID     string
}

func newTransaction(user matrix.UserID, t Transaction, endpoint ...string) *transaction {
	h := sha256.New()
	for _, part := range append([]string{string(user), t.Device, t.ID}, endpoint...) {
		fmt.Fprintf(h, "%d %s", len(part), part)
	}
	made := &transaction{}
	copy(made.hash[:], h.Sum(nil))
	return made
}

// transactions are the requests of late. The zero value has none.
type transactions struct {
	mu     sync.Mutex // guards all of it
	byHash map[[16]byte]*transaction
	order  [recent][16]byte // the oldest is overwritten next, at next
	next   int
}

// find is the same transaction, if it was queued.
func (ts *transactions) find(t *transaction) *transaction {
	if t == nil {
		return nil
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.byHash[t.hash]
}

func (ts *transactions) remember(t *transaction) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byHash == nil {
		ts.byHash = make(map[[16]byte]*transaction, recent)
	}
	delete(ts.byHash, ts.order[ts.next])
	ts.byHash[t.hash], ts.order[ts.next] = t, t.hash
	ts.next = (ts.next + 1) % recent
}

// forget forgets a transaction whose event was not stored.
func (ts *transactions) forget(t *transaction) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byHash[t.hash] == t {
		delete(ts.byHash, t.hash)
	}
}

// done is the id of the event that a request has made before, empty if it has made none.
func (rs *Rooms) done(ctx context.Context, t *transaction) (eventID string, err error) {
	if same := rs.transactions.find(t); same != nil {
		_, err := same.ticket.Wait(ctx)
		if errors.Is(err, stream.ErrNotStored) {
			return "", nil
		}
		return same.eventID, err
	}
	eventID, err = selectTransaction(ctx, rs.DB, t.hash[:])
	if err != nil {
		return "", fmt.Errorf("looking for a transaction id: %w", err)
	}
	return eventID, nil
}
