package verify

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// sweptAtATime keeps requests from waiting long behind a sweep.
const sweptAtATime = 1000

// lastSID comes after all session ids, by whatever rules the database sorts text: they
// are capital letters and digits.
var lastSID = strings.Repeat("Z", 64)

// Sweep forgets old sessions, and the reasons to send nothing and to whom an address was shown
// where that has ended.
func (v *Verifier) Sweep(ctx context.Context) error {
	return errors.Join(v.sweepSessions(ctx), deleteSuppressions(ctx, v.DB, v.Now()), deleteShownBefore(ctx, v.DB, v.Now()))
}

// sweepSessions walks the table in the order of its key: an index of when sessions changed
// would cost every request more than the walk does in an hour.
func (v *Verifier) sweepSessions(ctx context.Context) error {
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
