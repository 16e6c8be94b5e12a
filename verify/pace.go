package verify

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"signet/internal/threepid"
)

// paceKept is how many deliveries are remembered for how long they took.
const paceKept = 64

// firstPace is how long a decoy takes before any message was delivered.
const firstPace = 200 * time.Millisecond

// paces remembers how long the latest deliveries took, so that a message that is not
// sent, since its receiver wants none, takes as long: the requester waits for it and
// must not learn so.
type paces struct {
	mu   sync.Mutex // guards the rest
	took map[threepid.Medium][]time.Duration
}

func (p *paces) add(m threepid.Medium, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took == nil {
		p.took = map[threepid.Medium][]time.Duration{}
	}
	kept := append(p.took[m], took)
	p.took[m] = kept[max(0, len(kept)-paceKept):]
}

// draw is one of the times remembered.
func (p *paces) draw(m threepid.Medium) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept := p.took[m]; len(kept) > 0 {
		return kept[rand.N(len(kept))]
	}
	return firstPace
}

// pace runs a delivery, or for a decoy lets its time pass.
func (v *Verifier) pace(ctx context.Context, m threepid.Medium, decoy bool, send func() error) error {
	if decoy {
		return v.Sleep(ctx, v.paces.draw(m))
	}
	began := time.Now()
	err := send()
	if err == nil {
		v.paces.add(m, time.Since(began))
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
