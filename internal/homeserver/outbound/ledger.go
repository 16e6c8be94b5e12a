package outbound

import (
	"context"
	"sync"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/together"
)

// ledger is what was sent and is to be forgotten. What several destinations have taken at
// about the same time, as all of a room do, goes with one commit.
type ledger struct {
	mu      sync.Mutex // guards open
	open    []sent
	writing *together.Errand
}

// sent is what a destination has taken.
type sent struct {
	to        matrix.ServerName
	events    []eventRow
	edus      []eduRow
	recovered bool // it had failed before
}

// forgetLife bounds one commit.
const forgetLife = time.Minute

// forget deletes what was sent. A power cut may bring it back: then it is sent twice.
func (o *Outbound) forget(s sent) error {
	if len(s.events)+len(s.edus) == 0 && !s.recovered {
		return nil
	}
	o.ledger.mu.Lock()
	o.ledger.open = append(o.ledger.open, s)
	o.ledger.mu.Unlock()
	return o.ledger.writing.Do()
}

// write deletes what stands in the ledger.
func (o *Outbound) write() error {
	o.ledger.mu.Lock()
	all := o.ledger.open
	o.ledger.open = nil
	o.ledger.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), forgetLife)
	defer cancel()
	return o.DB.TxSoon(ctx, func(tx *store.Tx) error {
		for _, s := range all {
			if err := s.delete(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s sent) delete(ctx context.Context, tx *store.Tx) error {
	if err := deleteEvents(ctx, tx, s.to, s.events); err != nil {
		return err
	}
	if err := deleteEDUs(ctx, tx, s.to, s.edus); err != nil || !s.recovered {
		return err
	}
	return deleteFailed(ctx, tx, s.to)
}
