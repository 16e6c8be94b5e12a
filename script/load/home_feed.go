package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// pace is the time from one message to the next.
const pace = time.Second / 20

// longPoll is how long /sync waits, in milliseconds.
const longPoll = "20000"

// feed is messages that are sent to a room at a steady pace, and those who wait for them.
// Each says which it is and when it was sent, counted from when the feed began.
type feed struct {
	*target
	room      string
	sender    person
	receivers []*receiver
	began     time.Time
}

// receiver is a person who waits for messages.
type receiver struct {
	person
	*wire
	since string
	took  []time.Duration
}

// errLost is the error of a message that did not come in its turn, once.
var errLost = errors.New("messages are lost, doubled or not in order")

// deliver measures one feed. The rate is of messages, whoever they go to.
func (t *target) deliver(ctx context.Context, receivers int) (figures, error) {
	people, err := t.crowd(ctx, cast+receivers)
	if err != nil {
		return figures{}, err
	}
	f := &feed{target: t, sender: people[0]}
	if f.room, err = t.room(ctx, append([]person{f.sender}, people[cast:]...)); err != nil {
		return figures{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil) // cuts the wires
	for _, p := range people[cast:] {
		if err := f.listen(ctx, p); err != nil {
			return figures{}, err
		}
	}
	s, err := replicas{t.server}.observe(func() ([]time.Duration, error) { return f.run(ctx, stop) })
	s.done = t.messages
	return s.figures(), err
}

// listen adds a receiver who knows all that was before.
func (f *feed) listen(ctx context.Context, p person) error {
	w, err := dial(ctx, f.server.addr)
	if err != nil {
		return err
	}
	r := &receiver{person: p, wire: w}
	f.receivers = append(f.receivers, r)
	_, err = f.poll(r, url.Values{})
	return err
}

// poll asks for what is new to the receiver.
func (f *feed) poll(r *receiver, query url.Values) (synced, error) {
	query.Set("filter", gapless)
	a, err := r.do(f.sync(r.person, query))
	if err != nil {
		return synced{}, err
	}
	got, err := readSync(a)
	r.since = got.Next
	return got, err
}

// run sends and receives all messages, and returns how long each took to each receiver.
// The first error stops all.
func (f *feed) run(ctx context.Context, stop context.CancelCauseFunc) (took []time.Duration, err error) {
	f.began = time.Now()
	parts := []func() error{func() error { return f.send(ctx) }}
	for _, r := range f.receivers {
		parts = append(parts, func() error { return f.receive(r) })
	}
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() {
			if err := part(); err != nil {
				stop(err)
			}
		})
	}
	running.Wait()
	for _, r := range f.receivers {
		took = append(took, r.took...)
	}
	return took, context.Cause(ctx)
}

// send sends the messages when they are due. One that waits for the message before it
// counts from when it was due.
func (f *feed) send(ctx context.Context) error {
	w, err := dial(ctx, f.server.addr)
	if err != nil {
		return err
	}
	defer w.Close()
	for i := range f.messages {
		at := time.Duration(i) * pace
		if early := at - time.Since(f.began); early > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(early): // the pace is what is wanted
			}
			at = time.Since(f.began)
		}
		a, err := w.do(f.message(f.sender, f.room, fmt.Sprintf("message %d at %d", i, at)))
		if err == nil {
			err = a.hoped(200)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receive takes the messages as they come.
func (f *feed) receive(r *receiver) error {
	for len(r.took) < f.messages {
		got, err := f.poll(r, url.Values{"since": {r.since}, "timeout": {longPoll}})
		now := time.Since(f.began)
		if err != nil {
			return err
		}
		for _, body := range got.bodies(f.room) {
			var n int
			var at time.Duration
			if _, err := fmt.Sscanf(body, "message %d at %d", &n, &at); err != nil {
				continue // somebody joins
			}
			if n != len(r.took) {
				return fmt.Errorf("%w: %d came when %d was due", errLost, n, len(r.took))
			}
			r.took = append(r.took, now-at)
		}
	}
	return nil
}
