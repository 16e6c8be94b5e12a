package lookup

import "time"

// For tests from outside.
var (
	Tend      = (*Directory).tend
	EpochLen  = epochLen
	Afterlife = afterlife
	Lead      = lead
)

// The statements of sweeps.
const (
	EndedBindings      = endedBindings
	UnremindedBindings = unremindedBindings
	ExpiredBetween     = expiredBetween
)

// UserStatements are those about one user's changes.
var UserStatements = []string{changesBy, blankUsers, blankFormers}

// UntilNextEpoch is how long the current epoch lasts.
func (d *Directory) UntilNextEpoch() (left time.Duration) {
	now := d.Now()
	return epochLen - now.Add(d.epochs.offset).Sub(time.UnixMilli(0))%epochLen
}
