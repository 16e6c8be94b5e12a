package room

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// draft is what an event of ours will say.
type draft struct {
	typ      string
	stateKey *string // nil for an event that is no state event
	sender   string
	content  []byte
	redacts  *Stored // of an m.room.redaction
	ahead    string  // what an m.room.redaction redacts, if that is not here
	sent     Sent
	later    int64 // milliseconds that it pretends to be later
	trial    bool  // it is not sent, only checked
}

// settledError ends the building of an event that is not needed: what was asked for is
// true of the tip already.
type settledError struct{ eventID string }

func (settledError) Error() string { return "nothing is to be done" }

// act builds one event on the tip of a room and waits until it is stored and shown; once
// more if it was lost with its batch. think says what the event shall be, given the tip
// that it may read under the room's lock; an error of it refuses. The result is the event's
// id, or that of the event of a settledError.
func (rs *Rooms) act(ctx context.Context, r *Room, think func(*tip) (draft, error)) (eventID string, err error) {
	return rs.actOnce(ctx, r, nil, think)
}

// actOnce is act for a request that shall make one event, however often it is made.
func (rs *Rooms) actOnce(ctx context.Context, r *Room, t *transaction, think func(*tip) (draft, error)) (eventID string, err error) {
	err = rs.again(ctx, func() (*stream.Ticket, error) {
		var ticket *stream.Ticket
		ticket, eventID, err = rs.queue(ctx, r, t, think)
		return ticket, err
	})
	return eventID, err
}

const (
	// pauses is how often one waits for the stream to take something in again.
	pauses = 100
	pause  = 5 * time.Millisecond
)

// again queues something and waits until it is stored; once more if it was lost with its
// batch. While what was lost is taken back, nothing can be queued for a moment.
func (rs *Rooms) again(ctx context.Context, queue func() (*stream.Ticket, error)) error {
	for lost, paused := 0, 0; ; {
		ticket, err := queue()
		switch {
		case err == nil && ticket == nil:
			return nil
		case err == nil:
			_, err = ticket.Wait(ctx)
			lost++
		case errors.Is(err, stream.ErrNotStored) && paused < pauses:
			paused++
			time.Sleep(pause)
			continue
		}
		if !errors.Is(err, stream.ErrNotStored) || lost > 1 || paused == pauses {
			return err
		}
	}
}

// queue builds an event under the room's lock and gives it its turn.
func (rs *Rooms) queue(ctx context.Context, r *Room, t *transaction, think func(*tip) (draft, error)) (*stream.Ticket, string, error) {
	signer, err := rs.Signer(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("reading the signing key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadLocked(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if same := rs.transactions.find(t); same != nil {
		return same.ticket, same.eventID, nil
	}
	d, err := think(&l.tip)
	if settled, ok := errors.AsType[settledError](err); ok {
		return l.tip.last, settled.eventID, nil
	}
	if err != nil {
		return nil, "", err
	}
	op, err := rs.operation(ctx, r, l, d, signer)
	if err != nil {
		return nil, "", err
	}
	if op.transaction = t; t != nil {
		t.eventID = op.events[0].ID()
	}
	return rs.add(op)
}

// add gives an operation its turn. The caller has the room's lock.
func (rs *Rooms) add(op *operation) (*stream.Ticket, string, error) {
	op.room.queued.Add(1)
	ticket, err := rs.lane.Add(op, op.positions())
	if err != nil {
		op.room.queued.Add(-1)
		return nil, "", err
	}
	t := &op.loaded.tip
	t.last = ticket
	if op.transaction != nil {
		op.transaction.ticket = ticket
		rs.transactions.remember(op.transaction)
	}
	if op.then != nil {
		op.then(t)
		return ticket, "", nil
	}
	last := op.events[len(op.events)-1]
	t.follow(last)
	return ticket, last.ID(), nil
}

// operation is the event of a draft, checked, ready to be queued.
func (rs *Rooms) operation(ctx context.Context, r *Room, l *loaded, d draft, signer event.Signer) (*operation, error) {
	s, merged, err := rs.build(ctx, r, &l.tip, d, signer)
	if err != nil {
		return nil, err
	}
	op := &operation{room: r, loaded: l, events: []*Stored{s}, extremities: s.ID()}
	if merged != nil {
		op.groups = []*group{merged}
	}
	if d.ahead != "" {
		op.redactAhead(s, d.ahead)
	}
	if from := d.redacts; from != nil && authz.MayRedact(s.Event, from.Event, l.tip.PowerLevels()) {
		op.redacts = redact(from)
	}
	return op, nil
}

// build makes the event of a draft that follows a tip, and checks it there. merged is the
// group of the tip's state if that was resolved and has none yet.
func (rs *Rooms) build(ctx context.Context, r *Room, t *tip, d draft, signer event.Signer) (s *Stored, merged *group, err error) {
	p, err := rs.proto(ctx, r, t, d)
	if err != nil {
		return nil, nil, err
	}
	e, err := r.version.Build(p, signer)
	if err != nil {
		return nil, nil, err
	}
	if err := authz.Check(e, t); err != nil {
		return nil, nil, err
	}
	s = &Stored{Event: e, Sent: d.sent, group: t.group, fate: fateOf(d.typ)}
	if s.group == nil && len(t.state) > 0 {
		merged = t.whole()
		s.group = merged
	}
	if s.isState() {
		s.changes, s.in = true, newPlace(s)
		s.Replaced = t.replacedBy(s)
		s.group = s.group.next(s, t.state, s.in)
	}
	rs.address(t, s)
	return s, merged, nil
}

// proto is the event of a draft as far as it is not made by its octets.
func (rs *Rooms) proto(ctx context.Context, r *Room, t *tip, d draft) (event.Proto, error) {
	p := event.Proto{RoomID: r.id, Type: d.typ, StateKey: d.stateKey, Sender: d.sender, Content: d.content,
		OriginServerTS: rs.Now().UnixMilli() + d.later, Depth: t.depth()}
	if p.Redacts = d.ahead; d.redacts != nil {
		p.Redacts = d.redacts.ID()
	}
	if d.typ == createType && r.version.RoomIDFromCreate() {
		p.RoomID = ""
	}
	cited, err := rs.cite(ctx, r, t, p)
	if err != nil {
		return p, err
	}
	for _, s := range cited {
		p.AuthEvents = append(p.AuthEvents, s.ID())
	}
	for _, s := range t.extremities {
		p.PrevEvents = append(p.PrevEvents, s.ID())
	}
	if r.version.EventIDInEvent() {
		p.EventID = "$" + strings.ToLower(rand.Text()) + ":" + rs.ServerName.String()
		p.Hashes = hashesOf(cited, t.extremities)
	}
	return p, nil
}

// cite reads what the authorisation of an event rests on and must cite. It also sees to
// it that authz finds the same in the tip.
func (rs *Rooms) cite(ctx context.Context, r *Room, t *tip, p event.Proto) ([]*Stored, error) {
	if p.Type != memberType {
		p.Content = nil // tells nothing of it
	}
	var cited []*Stored
	for _, key := range authz.NeededFor(r.version, p) {
		in := t.state[key]
		if in == nil {
			continue
		}
		if err := rs.read(ctx, r, in); err != nil {
			return nil, err
		}
		cited = append(cited, in.stored.Load())
	}
	return cited, nil
}

func hashesOf(lists ...[]*Stored) map[string][sha256.Size]byte {
	hashes := map[string][sha256.Size]byte{}
	for _, list := range lists {
		for _, s := range list {
			hashes[s.ID()] = s.ReferenceHash()
		}
	}
	return hashes
}

// whole is a group of the whole state, which was resolved and has none.
func (t *tip) whole() *group {
	g := &group{delta: make([]placed, 0, len(t.state))}
	for key, p := range t.state {
		g.delta = append(g.delta, placed{key, p})
	}
	return g
}

// replacedBy is what a state event takes the place of.
func (t *tip) replacedBy(s *Stored) *Replaced {
	of := t.state[s.key()]
	if of == nil {
		return nil
	}
	was := of.stored.Load()
	if was == nil { // a membership that authorisation did not ask for cannot be replaced
		return nil
	}
	return &Replaced{ID: was.ID(), Sender: was.Sender(), Content: was.Content(), of: of}
}
