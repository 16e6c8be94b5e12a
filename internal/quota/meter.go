package quota

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// MeterOptions are what a Meter needs. Observe, if set, is told of each charge.
type MeterOptions struct {
	Budgets []Budget // all there are, each name once; their groups do not matter
	Now     func() time.Time
	Observe func(budget string, outcome Outcome)
}

// Meter holds budgets in the memory of one process, for what is asked so often that not
// even a lease is cheap enough, and where a restart may refill them. It keeps only the
// buckets that are not full. It is safe for concurrent use.
type Meter struct {
	MeterOptions
	byName map[string]Budget

	mu   sync.Mutex     // guards the rest
	full map[spot]int64 // when a bucket is full again
	room int            // when there are so many, those that are full are forgotten
}

// spot is where a bucket is kept.
type spot struct{ budget, subject string }

const minSpots = 1024

// NewMeter has full buckets. The error is ErrBudget, as of New.
func NewMeter(o MeterOptions) (*Meter, error) {
	m := &Meter{MeterOptions: o, byName: map[string]Budget{}, full: map[spot]int64{}, room: minSpots}
	for _, b := range o.Budgets {
		if err := b.check(); err != nil {
			return nil, err
		}
		if _, twice := m.byName[b.Name]; twice {
			return nil, fmt.Errorf("budget %q is there twice: %w", b.Name, ErrBudget)
		}
		m.byName[b.Name] = b
	}
	if m.Observe == nil {
		m.Observe = func(string, Outcome) {}
	}
	return m, nil
}

// Charge charges all of them or none. Its errors are those of Quota.Charge.
func (m *Meter) Charge(charges ...Charge) error {
	for _, c := range charges {
		if _, known := m.byName[c.Budget]; !known || c.N <= 0 {
			return fmt.Errorf("a charge of %d to %q: %w", c.N, c.Budget, ErrBudget)
		}
	}
	outcomes, refusal := m.settle(charges)
	for at, outcome := range outcomes {
		if len(refusal.Short) == 0 || outcome == Refused {
			m.Observe(charges[at].Budget, outcome)
		}
	}
	if len(refusal.Short) > 0 {
		return refusal
	}
	return nil
}

// settle charges what there is enough for, and takes that back if a budget refuses.
func (m *Meter) settle(charges []Charge) (outcomes []Outcome, refusal Exhausted) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now().UnixNano()
	outcomes = make([]Outcome, len(charges))
	for at, c := range charges {
		wait := m.move(c, now)
		outcomes[at] = item{Budget: m.byName[c.Budget], wait: wait}.outcome()
		if outcomes[at] == Refused {
			refusal.Short = append(refusal.Short, c.Budget)
			if wait > refusal.RetryAfter {
				refusal.Budget, refusal.RetryAfter = c.Budget, wait
			}
		}
	}
	if len(refusal.Short) > 0 {
		m.undo(charges, outcomes)
	}
	slices.Sort(refusal.Short)
	return outcomes, refusal
}

// move takes a charge out of its bucket, if it has enough, or tells how long to wait.
func (m *Meter) move(c Charge, now int64) (wait time.Duration) {
	b, at := m.byName[c.Budget], spot{c.Budget, c.Subject}
	if c.N > b.Limit {
		return wholeMillis(int64(b.Per))
	}
	full := max(now, m.full[at])
	if late := b.late(full, c.N, now); late > 0 {
		return wholeMillis(late)
	}
	m.forgetFull(now)
	m.full[at] = full + b.cost(c.N)
	return 0
}

// undo gives back what was taken.
func (m *Meter) undo(charges []Charge, outcomes []Outcome) {
	for at, c := range charges {
		if outcomes[at] == Allowed {
			m.full[spot{c.Budget, c.Subject}] -= m.byName[c.Budget].cost(c.N)
		}
	}
}

func (m *Meter) forgetFull(now int64) {
	if len(m.full) < m.room {
		return
	}
	maps.DeleteFunc(m.full, func(_ spot, full int64) bool { return full <= now })
	m.room = 2*len(m.full) + minSpots
}
