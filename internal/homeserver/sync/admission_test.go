package sync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"signet/internal/homeserver/room"
)

// admission is what a phone is let in by, until it is revoked.
type admission struct {
	doubt   chan struct{}
	checked chan struct{} // is sent to by Check
	err     error
}

func (a *admission) Doubt() <-chan struct{} { return a.doubt }

func (a *admission) Check(context.Context) error {
	err := a.err // of this moment: who is told of the check may change it
	a.checked <- struct{}{}
	return err
}

// ending waits with an admission in the background, until it waits.
func (p *phone) ending(a *admission) <-chan error {
	r := p.Request
	r.Timeout, r.Admission = time.Minute, a
	ended := make(chan error, 1)
	go func() { ended <- p.w.sync.Sync(p.w.Context(), r, func([]byte) error { return nil }) }()
	<-a.checked
	return ended
}

// A device that is let in no more waits no more, whatever wakes it, and is told nothing; one
// of which that was only doubted goes on waiting.
func TestTheEndOfAnAdmission(t *testing.T) {
	gone := errors.New("logged out")
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.phone(alice)
		p.sync()
		a := &admission{doubt: make(chan struct{}), checked: make(chan struct{})}
		ended := p.ending(a)
		doubt := a.doubt
		a.doubt = make(chan struct{})
		close(doubt)
		<-a.checked
		w.want("who was doubted has ended", len(ended), 0)
		a.err = gone
		close(a.doubt)
		<-a.checked
		w.want("who is let in no more", <-ended, gone)

		a = &admission{doubt: make(chan struct{}), checked: make(chan struct{})}
		ended = p.ending(a)
		a.err = gone
		w.say(id, alice, "a secret")
		<-a.checked
		w.want("who is let in no more and woken by news", <-ended, gone)
	})
}
