package stream

import (
	"sync"

	"signet/internal/matrix"
)

// Notifier wakes who waits for something new of a user, and nobody else. It keeps
// nothing of users for whom nobody waits.
type Notifier struct {
	mu      sync.Mutex // guards all of it
	users   map[matrix.UserID]*bell
	waiting int
}

// bell rings once for all who wait for a user.
type bell struct {
	rung    chan struct{} // closed when it rings
	waiting int
}

func newNotifier() *Notifier { return &Notifier{users: map[matrix.UserID]*bell{}} }

// Waiter waits for something new of one user.
type Waiter struct {
	notifier *Notifier
	user     matrix.UserID
	bell     *bell
}

// Wait begins to wait. Nothing is missed by who calls it before reading Visible: what is
// shown later closes Woken. Whoever waits calls Stop in the end.
func (n *Notifier) Wait(user matrix.UserID) *Waiter {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := n.users[user]
	if b == nil {
		b = &bell{rung: make(chan struct{})}
		n.users[user] = b
	}
	b.waiting++
	n.waiting++
	return &Waiter{notifier: n, user: user, bell: b}
}

// Woken is closed when there may be something new.
func (w *Waiter) Woken() <-chan struct{} { return w.bell.rung }

// Stop ends the wait, woken or not.
func (w *Waiter) Stop() {
	n := w.notifier
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting--
	if w.bell.waiting--; w.bell.waiting == 0 && n.users[w.user] == w.bell {
		delete(n.users, w.user)
	}
}

// Waiting is how many wait.
func (n *Notifier) Waiting() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiting
}

func (n *Notifier) wake(users map[matrix.UserID]struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for user := range users {
		if b := n.users[user]; b != nil {
			delete(n.users, user)
			close(b.rung)
		}
	}
}
