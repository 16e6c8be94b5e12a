package quota

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/matrix"
)

// ErrBudget is the error of a budget that cannot be kept, and of a charge that is not
// positive or names a budget that New was not told of.
var ErrBudget = errors.New("not a budget, or not a charge to one")

// Budget is a limit on what each of its subjects may use up. Budgets of one Group that
// are charged for the same subject, as those of an hour and a day are, share a row, which
// is read and written once for all of them. A Slot is whose a moment in the row is, so it
// stays a budget's own for as long as it is in the group.
type Budget struct {
	Name   string        // a metric label such as "email.destination.hour"
	Group  string        // such as "email.destination"; empty: the budget's own
	Slot   int           // from 0 to 3, another one for each budget of a group
	Limit  int           // at once, and again in each Per; 0 allows nothing
	Per    time.Duration // in which an empty budget is full again; ten years at most
	DryRun bool          // observed only: it refuses nothing
}

// Charge is N of a budget used up by a subject: an address, an account, a
// homeserver, a network prefix, in one canonical form.
type Charge struct {
	Budget  string
	Subject string
	N       int // positive
}

// Exhausted is the error of charges that were refused. Budget is the one that makes
// them wait longest; after RetryAfter, whole milliseconds, every budget has enough
// unless others use it first. Short are the names of all that had not enough, sorted,
// so that whoever can lift some refusals knows whether those are all. It unwraps to
// matrix.LimitExceeded.
type Exhausted struct {
	Budget     string
	RetryAfter time.Duration
	Short      []string
}

func (e Exhausted) Error() string {
	return fmt.Sprintf("the budget %s is used up, retry after %s", e.Budget, e.RetryAfter)
}

// Unwrap returns the matrix.LimitExceeded.
func (e Exhausted) Unwrap() error { return matrix.LimitExceeded{RetryAfter: e.RetryAfter} }

// Override returns the budgets with the limits that an operator set by their names. The
// error is ErrBudget, and says which, for names of no budget and limits that cannot be
// kept.
func Override(budgets []Budget, limits map[string]int) ([]Budget, error) {
	all, unknown := slices.Clone(budgets), maps.Clone(limits)
	var errs []error
	for i := range all {
		b := &all[i]
		limit, set := limits[b.Name]
		if !set {
			continue
		}
		delete(unknown, b.Name)
		b.Limit = limit
		errs = append(errs, b.check())
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		errs = append(errs, fmt.Errorf("no budget is named %q: %w", name, ErrBudget))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// maxPer keeps every moment that a bucket can be full within 64 bits.
const maxPer = 10 * 366 * 24 * time.Hour

// check keeps the arithmetic below away from overflow.
func (b Budget) check() error {
	if b.Slot < 0 || b.Slot >= slots {
		return fmt.Errorf("budget %q, in slot %d of a row: %w", b.Name, b.Slot, ErrBudget)
	}
	if b.Name == "" || b.Per <= 0 || b.Per > maxPer || b.Limit < 0 || int64(b.Limit) > int64(b.Per) {
		return fmt.Errorf("budget %q, %d in %s: %w", b.Name, b.Limit, b.Per, ErrBudget)
	}
	return nil
}

// group is whose rows the budget's buckets are in.
func (b Budget) group() string { return cmp.Or(b.Group, b.Name) }

// cost is the time in nanoseconds in which n come back, for 0 ≤ n ≤ Limit > 0. One
// takes a whole number, rounded up, so that cost(n) is n × cost(1) exactly and no
// number of small charges gets more than a large one; Per is stretched by less than
// a nanosecond for each of Limit.
func (b Budget) cost(n int) int64 {
	limit := int64(b.Limit)
	return int64(n) * ((int64(b.Per) + limit - 1) / limit)
}

// window is the time in which an empty bucket is full again.
func (b Budget) window() int64 { return b.cost(b.Limit) }

// late is by how much a bucket would be full too late, full at that moment, if n more
// were used up now. It is positive if there is not enough.
func (b Budget) late(full int64, n int, now int64) int64 {
	return full + b.cost(n) - now - b.window()
}

// share is how much of a bucket that is full at that moment is used now, from 0 to 1.
func (b Budget) share(full, now int64) float64 {
	if b.Limit == 0 {
		return 1
	}
	return min(1, max(0, float64(full-now)/float64(b.window())))
}

// wholeMillis rounds up, so that nobody is told to come too early.
func wholeMillis(ns int64) time.Duration {
	const ms = int64(time.Millisecond)
	return time.Duration((ns + ms - 1) / ms * ms)
}
