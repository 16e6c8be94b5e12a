package outbound

import (
	"time"

	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// destination is another server, as we send to it.
type destination struct {
	name    matrix.ServerName
	proven  bool // took what it was sent last
	pending bool // something may be queued that the worker has not seen
	queued  bool // is in ready
	working bool // has a worker

	failures int       // since it took something
	due      time.Time // before that it is not tried
	heard    time.Time // when a request of it was last a reason to try at once

	passing map[string]remote.EDU // by topic: not stored

	// Of the worker alone:
	narrow bool    // one thing at a time, to find what the server cannot take
	again  *parcel // that has to be sent once more before another
}

// parcel is what is sent at once: so far in the queue, or an invitation.
type parcel struct {
	id     string // of the transaction
	toPos  stream.Pos
	toSeq  int64
	passed []remote.EDU

	events  []eventRow
	edus    []eduRow
	invites bool // the one event is an invitation
}

// destination finds or makes one. The caller has the lock.
func (o *Outbound) destination(name matrix.ServerName) *destination {
	d := o.known[name]
	if d == nil {
		d = &destination{name: name}
		o.known[name] = d
	}
	return d
}

// wake notes that something is there for a destination. The caller has the lock.
func (o *Outbound) wake(d *destination) {
	d.pending = true
	o.schedule(d)
}

// schedule puts a destination among the ready, or sees to it that somebody looks again when
// it is due. The caller has the lock.
func (o *Outbound) schedule(d *destination) {
	if !d.pending || d.queued || d.working {
		return
	}
	if o.Now().Before(d.due) {
		if o.next.IsZero() || d.due.Before(o.next) {
			o.next = d.due
			o.look()
		}
		return
	}
	d.queued = true
	o.ready[d.class()] = append(o.ready[d.class()], d)
	o.look()
}

// class is which slots a destination takes.
func (d *destination) class() int {
	switch {
	case d.proven:
		return proven
	case d.failures == 0:
		return fresh
	}
	return failed
}

// look has Run look again.
func (o *Outbound) look() {
	select {
	case o.poke <- struct{}{}:
	default:
	}
}

// heardPause is how long another request of a server that could not be reached all the same
// is no reason to try again.
const heardPause = time.Minute

// Heard says that a server has sent a signed request: it is there, so that what waits for it
// is sent at once.
func (o *Outbound) Heard(server matrix.ServerName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d, now := o.known[server], o.Now()
	if d == nil || !now.Before(d.due) || now.Before(d.heard.Add(heardPause)) {
		return
	}
	d.failures, d.due, d.heard = 0, now, now
	o.schedule(d)
}

// Down tells whether a server was not reached, and is left alone for now.
func (o *Outbound) Down(server matrix.ServerName) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.known[server]
	return d != nil && d.failures > 0 && o.Now().Before(d.due)
}

// Pass sends something that is not worth storing: to those that can be reached now, and what
// is newer on the topic instead of what is older. A lost one is lost.
func (o *Outbound) Pass(to []matrix.ServerName, topic string, edu remote.EDU) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range to {
		d := o.destination(name)
		if d.failures > 0 || len(d.passing) >= maxEDUs {
			continue
		}
		if d.passing == nil {
			d.passing = map[string]remote.EDU{}
		}
		d.passing[topic] = edu
		o.wake(d)
	}
}
