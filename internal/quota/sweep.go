package quota

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// sweepLate keeps a replica whose clock is ahead from forgetting what is not
	// full yet.
	sweepLate = time.Hour
	// sweptAtATime is how many are looked at in a step. It keeps charges from waiting long
	// behind a sweep.
	sweptAtATime = 1000
)

// Sweep forgets full buckets. It walks the table in the order of its key, in steps of a transaction each.
func (q *Quota) Sweep(ctx context.Context) error {
	before := q.Now().Add(-sweepLate).UnixNano()
	after := []byte{}
	for {
		last, err := selectStep(ctx, q.DB, after, sweptAtATime)
		if errors.Is(err, sql.ErrNoRows) {
			return deleteFull(ctx, q.DB, after, lastTag, before)
		} else if err != nil {
			return err
		}
		if err := deleteFull(ctx, q.DB, after, last, before); err != nil {
			return err
		}
		after = last
	}
}

// lastTag comes after all tags, which are as long.
var lastTag = bytes.Repeat([]byte{0xff}, 32)
