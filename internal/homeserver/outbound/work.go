package outbound

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

const (
	// What one transaction has at most (server-server API, "Transactions").
	maxPDUs = 50
	maxEDUs = 100
	// maxOctets is about how much of EDUs one transaction has.
	maxOctets = 1 << 20

	// Between two attempts passes a time between half and all of a ceiling, which doubles
	// from the first to the longest.
	firstRetry   = 5 * time.Second
	longestRetry = time.Hour
	// ownRetry is how long nothing is tried after a failure of ours.
	ownRetry = 10 * time.Second
)

// work sends what is queued for a destination until nothing is, or something fails, or the
// destination has become a proven one.
func (o *Outbound) work(ctx context.Context, d *destination) {
	known := d.proven
	for ctx.Err() == nil {
		o.taken(d)
		p, err := o.compose(ctx, d)
		if err == nil && p == nil {
			if o.idle(d) {
				return
			}
			continue
		}
		if err == nil {
			err = o.deliver(ctx, d, p)
		}
		if err == nil {
			err = o.done(d, p)
		}
		if err != nil {
			o.failed(ctx, d, p, err)
			return
		}
		if !known {
			o.pend(d) // in the other class
			return
		}
	}
	o.pend(d)
}

// pend says that there may be more.
func (o *Outbound) pend(d *destination) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.pending = true
}

// theirError is a failure of the other server's, not of ours.
type theirError struct{ error }

func (e theirError) Unwrap() error { return e.error }

func (o *Outbound) deliver(ctx context.Context, d *destination, p *parcel) error {
	if p.invites {
		return o.invite(ctx, d.name, p.events[0])
	}
	t, err := o.transaction(ctx, p)
	if err != nil {
		return err
	}
	if len(t.PDUs)+len(t.EDUs) == 0 { // the events are gone
		return nil
	}
	refused, err := o.Remote.Send(ctx, d.name, t)
	if err != nil {
		return theirError{err}
	}
	for id, why := range refused {
		o.Log.Debug("another server does not take an event", "server", d.name, "event", id, "why", why)
	}
	return nil
}

func (o *Outbound) transaction(ctx context.Context, p *parcel) (remote.Transaction, error) {
	t := remote.Transaction{ID: p.id, Time: o.Now()}
	ids := make([]string, len(p.events))
	for i, row := range p.events {
		ids[i] = row.id
	}
	raw, err := o.Rooms.Raw(ctx, ids)
	if err != nil {
		return t, err
	}
	for _, id := range ids {
		if raw[id] != nil {
			t.PDUs = append(t.PDUs, raw[id])
		}
	}
	for _, row := range p.edus {
		t.EDUs = append(t.EDUs, row.edu)
	}
	t.EDUs = append(t.EDUs, p.passed...)
	return t, nil
}

// invite brings an invitation that still holds. What the other server refuses stays refused:
// the invited user is told nothing of it.
func (o *Outbound) invite(ctx context.Context, server matrix.ServerName, row eventRow) error {
	i, err := o.Rooms.Invitation(ctx, row.room, row.id)
	if errors.Is(err, room.ErrUnknownEvent) || errors.Is(err, room.ErrUnknownRoom) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = o.Remote.Invite(ctx, server, remote.Invitation{Room: matrix.RoomID(row.room), EventID: row.id,
		RoomVersion: i.Version.String(), Event: i.Event, State: append([]jsontext.Value{}, i.State...)})
	if refusal, refused := errors.AsType[fedclient.Refusal](err); refused && final(refusal) {
		o.Log.Info("another server refuses an invitation", "server", server, "event", row.id, "why", refusal)
		return nil
	}
	if err != nil {
		return theirError{err}
	}
	return nil
}

// final tells whether asking again would not help.
func final(refusal fedclient.Refusal) bool {
	return refusal.Status >= 400 && refusal.Status < 500 && refusal.Status != http.StatusTooManyRequests && refusal.Status != http.StatusUnauthorized
}

// done forgets what was sent.
func (o *Outbound) done(d *destination, p *parcel) error {
	d.again, d.narrow = nil, false
	o.mu.Lock()
	recovered := d.failures > 0
	d.failures, d.proven, d.due = 0, true, time.Time{}
	o.mu.Unlock()
	if err := o.forget(sent{d.name, p.events, p.edus, recovered}); err != nil {
		return fmt.Errorf("forgetting what was sent: %w", err)
	}
	return nil
}

// failed leaves a destination alone for a while. A stop of this server is nobody's failure.
func (o *Outbound) failed(ctx context.Context, d *destination, p *parcel, why error) {
	if ctx.Err() != nil {
		o.pend(d)
		return
	}
	theirs, is := errors.AsType[theirError](why)
	if !is {
		o.Log.Error("nothing can be sent to another server", "server", d.name, "error", why)
		o.leave(d, o.Now().Add(ownRetry))
		return
	}
	if d.again != nil {
		d.again.passed = nil // will be out of date
	}
	refusal, _ := errors.AsType[fedclient.Refusal](theirs.error)
	o.suspect(d, p, refusal)
	failures := o.count(d)
	due := o.Now().Add(max(o.delay(failures), refusal.RetryAfter))
	o.Log.Info("another server is not reached", "server", d.name, "failures", failures, "again", due, "error", why)
	o.leave(d, due)
	if err := putFailed(ctx, o.DB, d.name, failures, due); err != nil {
		o.Log.Error("a failure is not recorded", "server", d.name, "error", err)
	}
}

// suspect looks for what a server cannot take: it is sent one thing at a time, and that is
// given up which it says is wrong.
func (o *Outbound) suspect(d *destination, p *parcel, refusal fedclient.Refusal) {
	wrong := refusal.Status == http.StatusBadRequest || refusal.Status == http.StatusRequestEntityTooLarge
	switch {
	case !wrong:
		return
	case !d.narrow:
		d.narrow, d.again = true, nil
		return
	}
	o.Log.Warn("another server cannot take what it is sent, which is given up", "server", d.name, "transaction", p.id, "error", refusal)
	d.again = nil
	if err := o.forget(sent{d.name, p.events, p.edus, false}); err != nil {
		o.Log.Error("what cannot be sent is not forgotten", "server", d.name, "error", err)
	}
}

func (o *Outbound) count(d *destination) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.failures++
	return d.failures
}

// leave has a destination tried again when it is due. What was passing is lost.
func (o *Outbound) leave(d *destination, due time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d.proven, d.due, d.pending, d.passing = false, due, true, nil
}

// delay is how long one waits after so many failures.
func (o *Outbound) delay(failures int) time.Duration {
	ceiling := min(firstRetry<<min(failures-1, 20), longestRetry)
	return ceiling/2 + o.Random(ceiling/2)
}

func (o *Outbound) newID() string { return o.prefix + strconv.FormatInt(o.counter.Add(1), 10) }
