package room

import (
	"context"
	"errors"
	"maps"
	"slices"

	"signet/internal/homeserver/stream"
)

// stretch is history on its way to being stored: event after event is queued without
// waiting for the last one, so that many of them are stored together.
type stretch struct {
	rooms  *Rooms
	room   *Room
	loaded *loaded // what the events wait in; nil if none waits
	under  []*underway
	after  map[string]*antecedent // the states after those that wait, by event id
}

// underway is an event of a stretch that waits to be stored.
type underway struct {
	*judgement
	place   stream.Pos
	ticket  *stream.Ticket
	verdict *Verdict
}

// errLost is a room that was forgotten while something waited in it.
var errLost = errors.New("the room was forgotten meanwhile")

// add queues an event at a place, or stores it, and sees to it that its verdict is settled
// in the end.
func (s *stretch) add(ctx context.Context, a Arrival, place stream.Pos, v *Verdict) (err error) {
	if s.hinges(a) {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	u := &underway{place: place, verdict: v}
	if u.judgement, err = s.rooms.vet(ctx, s.room, a); err != nil {
		return err
	}
	if u.known {
		v.Outcome = Known
		return nil
	}
	err = s.queue(ctx, u)
	if errors.Is(err, errLost) || errors.Is(err, stream.ErrNotStored) || errors.Is(err, stream.ErrFull) {
		if err = s.settle(ctx); err == nil {
			*v, err = s.rooms.pastOne(ctx, s.room, a, place)
		}
		return err
	}
	if err == nil && a.Event.Type() == redactionType {
		err = s.settle(ctx) // what it redacts may come next
	}
	return err
}

// hinges tells whether an event cannot be judged before those are stored that wait: it is
// one of them, rests on one, redacts one, or follows more than one event.
func (s *stretch) hinges(a Arrival) bool {
	waits := func(id string) bool { return s.after[id] != nil }
	prev := a.Event.PrevEvents()
	return waits(a.Event.ID()) || waits(a.Event.Redacts()) || slices.ContainsFunc(a.Event.AuthEvents(), waits) ||
		slices.ContainsFunc(prev, waits) && (len(prev) > 1 || a.Before != nil)
}

// queue queues an event after those that wait. The error may be errLost.
func (s *stretch) queue(ctx context.Context, u *underway) (err error) {
	if prev := u.Event.PrevEvents(); len(prev) == 1 {
		u.before = s.after[prev[0]]
	}
	if u.before == nil {
		if u.before, err = s.rooms.before(ctx, s.room, u.judgement); err != nil {
			return err
		}
	}
	op, err := s.rooms.pastOperation(ctx, s.room, u.judgement, u.before, u.place)
	if err != nil {
		return err
	}
	if err := s.enqueue(ctx, u, op); err != nil {
		return err
	}
	u.isPast, u.stored = true, op.past[0]
	s.under = append(s.under, u)
	s.after[u.Event.ID()] = u.before.then(u.stored)
	return nil
}

// enqueue gives an operation its turn, in the room that those before it wait in.
func (s *stretch) enqueue(ctx context.Context, u *underway, op *operation) (err error) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if op.loaded, err = s.rooms.loadLocked(ctx, s.room); err != nil {
		return err
	}
	if s.loaded != nil && s.loaded != op.loaded {
		return errLost
	}
	if u.ticket, _, err = s.rooms.add(op); err == nil {
		s.loaded = op.loaded
	}
	return err
}

// then is the state after an event that was sent in this one.
func (b *antecedent) then(s *Stored) *antecedent {
	if s.in == nil {
		return &antecedent{tip: tip{state: b.state}, base: s.group}
	}
	state := make(stateMap, len(b.state)+1)
	maps.Copy(state, b.state)
	state[s.key()] = s.in
	return &antecedent{tip: tip{state: state}, base: s.group}
}

// settle waits until all are stored that wait, and stores one by one those that were not.
func (s *stretch) settle(ctx context.Context) error {
	under := s.under
	s.under, s.loaded, s.after = nil, nil, map[string]*antecedent{}
	for _, u := range under {
		_, err := u.ticket.Wait(ctx)
		switch {
		case err == nil:
			s.rooms.recall.keepAfter(u.stored, u.before)
			*u.verdict = u.judgement.verdict()
		case errors.Is(err, stream.ErrNotStored):
			if *u.verdict, err = s.rooms.pastOne(ctx, s.room, u.Arrival, u.place); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}
