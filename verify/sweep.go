package verify

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
)

const (
	// sweepEvery is how often sessions long past their end are forgotten.
	sweepEvery = time.Hour
	// sweptAtATime keeps requests from waiting long behind a sweep.
	sweptAtATime = 1000
)

// lastSID comes after all session ids, by whatever rules the database sorts text: they
// are capital letters and digits.
var lastSID = strings.Repeat("Z", 64)

// Run forgets old sessions until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(v.sweep(ctx), deleteSuppressions(ctx, v.DB, v.Now())); err != nil && ctx.Err() == nil {
			v.Log.Error("old verification sessions are not forgotten", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep walks the table in the order of its key: an index of when sessions changed would
// cost every request more than the walk does in an hour.
func (v *Verifier) sweep(ctx context.Context) error {
	changed, stopped := v.Now().Add(-sessionLife-sessionKept), v.Now().Add(-ownersSilence)
	for after := ""; ; {
		last, err := lastOf(ctx, v.DB, after, sweptAtATime)
		if errors.Is(err, sql.ErrNoRows) {
			return deleteSessions(ctx, v.DB, after, lastSID, changed, stopped)
		}
		if err != nil {
			return err
		}
		if err := deleteSessions(ctx, v.DB, after, last, changed, stopped); err != nil {
			return err
		}
		after = last
	}
}
