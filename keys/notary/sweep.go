package notary

import (
	"context"
	"time"
)

// supersededKept is how long an object is kept that says nothing which a newer one does not.
const supersededKept = 7 * 24 * time.Hour

// Sweep forgets objects that newer ones have replaced. The log keeps them.
func (n *Notary) Sweep(ctx context.Context) error {
	before := n.Now().Add(-supersededKept)
	for _, remove := range []func() (int64, error){
		func() (int64, error) { return deleteSuperseded(ctx, n.DB, before) },
		func() (int64, error) { return deleteRecords(ctx, n.DB, before) },
	} {
		for {
			removed, err := remove()
			if err != nil {
				return err
			}
			if removed < sweptAtATime {
				break
			}
		}
	}
	return nil
}
