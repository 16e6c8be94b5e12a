package people

import (
	"context"
	"fmt"
	"time"

	"signet/keys/value"
)

const (
	// forgetEvery is how long a replica may have in memory what another has erased.
	forgetEvery = time.Second
	// erasuresKept is how many erasures are listed for replicas to forget. One that missed more
	// forgets everything.
	erasuresKept = 1000
)

// forget forgets what is erased, until ctx ends.
func (p *People) forget(ctx context.Context) {
	for failing := false; ; {
		err := p.forgetErased(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			p.Log.Error("what was erased stays in memory", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(forgetEvery):
		}
	}
}

// forgetErased drops the proofs of labels that were erased since it was called last, by
// whichever replica.
func (p *People) forgetErased(ctx context.Context) error {
	known := p.prover.known()
	now, err := selectState(ctx, p.DB)
	if err != nil || now.erasures == known {
		return err
	}
	tags, err := selectErased(ctx, p.DB, known)
	if err != nil {
		return fmt.Errorf("reading what was erased: %w", err)
	}
	p.prover.forget(now.erasures, tags)
	return nil
}

// erased tells whether a newest version is what an erasure leaves, or is about to be.
func erased(object []byte) bool {
	if object == nil {
		return true
	}
	_, err := value.ParseTombstone(object)
	return err == nil
}
