package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"signet/internal/deliver"
	"signet/internal/threepid"
)

// paceKept is how many deliveries are remembered for how long they took.
const paceKept = 64

// Before any message was delivered, a decoy takes a time between these.
const (
	leastPace = 40 * time.Millisecond
	mostPace  = 400 * time.Millisecond
)

// paces remembers how long the latest deliveries took and how the last one ended, so that
// a message that is not sent, since its receiver wants none, takes as long and ends alike:
// the requester waits for it and must not learn so.
type paces struct {
	mu   sync.Mutex // guards the rest
	took map[threepid.Medium][]time.Duration
	last map[threepid.Medium]error
}

func (p *paces) add(m threepid.Medium, took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == nil {
		p.took, p.last = map[threepid.Medium][]time.Duration{}, map[threepid.Medium]error{}
	}
	kept := append(p.took[m], took)
	p.took[m] = kept[max(0, len(kept)-paceKept):]
	p.last[m] = err
}

// draw is one of the times remembered, and the fate of the last.
func (p *paces) draw(m threepid.Medium) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept := p.took[m]; len(kept) > 0 {
		return kept[rand.N(len(kept))], p.last[m]
	}
	return leastPace + rand.N(mostPace-leastPace), nil
}

// pace runs a delivery, or for a decoy lets its time pass. What becomes of a decoy is what
// becomes of any message while the way out is barred; a receiver's own refusal tells
// nothing of the way.
func (v *Verifier) pace(ctx context.Context, m threepid.Medium, decoy bool, send func() error) error {
	if decoy {
		took, err := v.paces.draw(m)
		return errors.Join(v.Sleep(ctx, took), err)
	}
	began := time.Now()
	err := send()
	if barred := errors.Is(err, deliver.ErrNotNow) || errors.Is(err, deliver.ErrMisconfigured); barred || err == nil {
		v.paces.add(m, time.Since(began), err)
	}
	return err
}

// Sleep waits, or until ctx ends. It is for Options.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
