package people

import (
	"sync"

	"signet/internal/quota"
)

// tally keeps small change off the database: what is asked for is mostly little, and from
// ever other networks, each of which would cost a write of its own. A process charges a
// subject when it has used up a hundredth of a budget here; what it has counted until then is
// lost with it.
type tally struct {
	batches map[string]int // by budget, what is charged at a time

	mu   sync.Mutex // guards owed
	owed map[owing]int
}

type owing struct{ budget, subject string }

// maxOwed bounds the memory. Beyond it all is forgotten, of each subject less than a batch.
const maxOwed = 1 << 16

func newTally(q *quota.Quota) *tally {
	t := &tally{batches: map[string]int{}, owed: map[owing]int{}}
	if q != nil {
		for _, b := range q.Budgets {
			t.batches[b.Name] = b.Limit / 100
		}
	}
	return t
}

// add counts charges, and returns those that are to be made now, with all that their subjects
// owe.
func (t *tally) add(charges []quota.Charge) (due []quota.Charge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.owed) > maxOwed {
		clear(t.owed)
	}
	for _, c := range charges {
		by := owing{c.Budget, c.Subject}
		t.owed[by] += c.N
		if n := t.owed[by]; n > 0 && n >= t.batches[c.Budget] {
			due = append(due, quota.Charge{Budget: c.Budget, Subject: c.Subject, N: n})
			delete(t.owed, by)
		}
	}
	return due
}

// undo is for charges that were refused: what was due is owed still, but for these.
func (t *tally) undo(charges, due []quota.Charge) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range due {
		t.owed[owing{c.Budget, c.Subject}] += c.N
	}
	for _, c := range charges {
		t.owed[owing{c.Budget, c.Subject}] -= c.N
	}
}
