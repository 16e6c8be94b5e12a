package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"signet/internal/matrix"
)

// Newcomer is since when an account is there that its owner has registered. It is zero for
// one that the operator has made, or who has the shared secret: somebody answers for it.
func (a *Accounts) Newcomer(ctx context.Context, user matrix.UserID) (time.Time, error) {
	if since, known := a.newcomers.find(user); known {
		return since, nil
	}
	since, err := selectProbation(ctx, a.DB, user)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the age of an account: %w", err)
	}
	a.newcomers.put(user, since)
	return since, nil
}

// newcomers are the beginnings of accounts that were asked for lately, none of which changes.
// The zero value is ready.
type newcomers struct {
	mu         sync.Mutex // guards the rest
	young, old map[matrix.UserID]time.Time
}

// maxNewcomers is how many the young are before they are the old.
const maxNewcomers = 16 << 10

func (n *newcomers) find(user matrix.UserID) (since time.Time, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if since, known = n.young[user]; known {
		return since, true
	}
	if since, known = n.old[user]; known {
		n.keep(user, since)
	}
	return since, known
}

func (n *newcomers) put(user matrix.UserID, since time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(user, since)
}

func (n *newcomers) keep(user matrix.UserID, since time.Time) {
	if n.young == nil || len(n.young) >= maxNewcomers {
		n.old, n.young = n.young, map[matrix.UserID]time.Time{}
	}
	n.young[user] = since
}
