// Package together lets those who need the same thing done at the same time have it done
// once: a log synced, or what others have written read. Whoever comes while it is under
// way may be too late for it and shares the next time, with all who come until that
// begins.
package together

import (
	"errors"
	"sync"
)

// errPanicked is the error of those who shared a time that panicked, which whoever led it
// hears of otherwise.
var errPanicked = errors.New("what was done for several at once panicked")

// Errand is something that is done for many at once. It is safe for concurrent use.
type Errand struct {
	do   func() error
	turn chan struct{} // the right to do it, taken by sending

	mu   sync.Mutex // guards next
	next *round     // whom the next time is for, nil if nobody waits for one
}

// round is one time, and those who wait for it.
type round struct {
	done chan struct{} // closed when it has ended
	err  error
}

// New returns the errand of a function, which is never called while it runs.
func New(do func() error) *Errand {
	return &Errand{do: do, turn: make(chan struct{}, 1)}
}

// Do returns when the function has run that began after Do was called, with its error.
func (e *Errand) Do() error {
	e.mu.Lock()
	mine := e.next
	first := mine == nil
	if first {
		mine = &round{done: make(chan struct{})}
		e.next = mine
	}
	e.mu.Unlock()
	if first {
		e.lead(mine)
	}
	<-mine.done
	return mine.err
}

// lead does it for all who have joined until it begins.
func (e *Errand) lead(mine *round) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.mu.Lock()
	e.next = nil
	e.mu.Unlock()
	defer close(mine.done)
	mine.err = errPanicked // unless do returns
	mine.err = e.do()
}
