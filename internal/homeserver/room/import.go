package room

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// Import is a room of other servers that a user of this one has been let into. Its events
// are what they say, as those of an Arrival.
type Import struct {
	RoomID  string
	Version event.Version
	Auth    []*event.Event // what State rests on
	State   []*event.Event // before Join
	Join    *event.Event
}

// ErrImport is a room whose state does not let in who has joined.
var ErrImport = errors.New("the room's state does not allow the join that another server took")

// chunk is how many events of an import are stored at a time.
const chunk = 500

// Import takes a room in: what it was known to be before, if it was, is over. It is shown
// when all of it is stored. State that rests on what is not there is left out. Errors:
// ErrImport, ErrOtherRoom.
func (rs *Rooms) Import(ctx context.Context, i Import) error {
	landed, err := rs.joins.Take(ctx, i.RoomID)
	if err != nil {
		return err
	}
	defer landed()
	r, err := rs.found(ctx, i.RoomID, i.Version)
	if err != nil {
		return err
	}
	here, left, err := rs.outliers(ctx, r, slices.Concat(i.Auth, i.State))
	if err != nil {
		return err
	}
	err = rs.letIn(ctx, r, i, here, left)
	if _, missing := errors.AsType[MissingEvents](err); missing {
		return fmt.Errorf("%w: %w", ErrImport, err)
	}
	return err
}

// letIn stores the join of an import, after its state without what was left out of that.
// The error may be MissingEvents.
func (rs *Rooms) letIn(ctx context.Context, r *Room, i Import, here brought, left []string) error {
	out := make(map[string]bool, len(left))
	for _, id := range left {
		out[id] = true
	}
	before := make([]string, 0, len(i.State))
	for _, e := range i.State {
		if !out[e.ID()] {
			before = append(before, e.ID())
		}
	}
	j, err := rs.vet(ctx, r, Arrival{Event: i.Join, Before: before})
	if err != nil || j.known {
		return err
	}
	if j.refused != nil {
		return fmt.Errorf("%w: %w", ErrImport, j.refused)
	}
	j.since, j.brought = i.depth(), here
	return rs.again(ctx, func() (*stream.Ticket, error) { return rs.enter(ctx, r, j) })
}

// depth is that at which the room is taken in: that of its state. What the join says was
// proposed by one server, which could cut this one off by it from all others.
func (i Import) depth() int64 {
	depth := int64(0)
	for _, e := range i.State {
		depth = max(depth, e.Depth())
	}
	return min(depth, i.Join.Depth())
}

// enter makes an event of this server's, in a state of other servers', the end of a room.
func (rs *Rooms) enter(ctx context.Context, r *Room, j *judgement) (*stream.Ticket, error) {
	b, err := rs.before(ctx, r, j)
	if err != nil {
		return nil, err
	}
	s, groups, err := rs.standing(ctx, r, j, b)
	if err != nil {
		return nil, err
	}
	if j.refused != nil || s.in == nil {
		return nil, fmt.Errorf("%w: %w", ErrImport, j.refused)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadedOrNew(ctx, r)
	if err != nil {
		return nil, err
	}
	state := maps.Clone(b.state) // which others may have, too
	state[s.key()] = s.in
	op := &operation{room: r, loaded: l, events: []*Stored{s}, groups: groups}
	op.aside.gaps, op.aside.filled, op.aside.uninvited = b.gaps, []string{s.ID()}, s.key().StateKey
	op.aside.since = j.since
	s.torn, s.aside = len(b.gaps) > 0, s.moved != 0
	if err := rs.turn(ctx, r, op, &meeting{s: s, state: state}); err != nil {
		return nil, err
	}
	fresh := r.loaded.Load() == nil
	if fresh {
		l.size.Store(l.measure() + int64(len(state))*placeWeight)
		rs.keep(r, l)
	}
	ticket, _, err := rs.add(op)
	if err != nil && fresh {
		rs.drop(r)
	}
	return ticket, err
}

// loadedOrNew is loadLocked also for a room of which nothing has been shown.
func (rs *Rooms) loadedOrNew(ctx context.Context, r *Room) (*loaded, error) {
	if r.loaded.Load() != nil || r.last.Load() != 0 {
		return rs.loadLocked(ctx, r)
	}
	l := newLoaded()
	var err error
	if l.tip.state, err = rs.currentState(ctx, r); err != nil {
		return nil, err
	}
	for key, p := range l.tip.state {
		l.view.state[key] = p
		l.view.count(nil, p)
	}
	l.tip.floor, err = selectFloor(ctx, rs.DB, r.nid)
	return l, err
}

// found is a room, which is made known if it is not: stored, and with nothing to show.
func (rs *Rooms) found(ctx context.Context, id string, v event.Version) (*Room, error) {
	rs.mu.RLock()
	r := rs.rooms[id]
	rs.mu.RUnlock()
	if r != nil && r.version != v {
		if r.last.Load() != 0 {
			return nil, ErrOtherRoom
		}
		if err := rs.discard(ctx, r); err != nil {
			return nil, err
		}
		r = nil
	}
	if r != nil && r.known.Load() {
		return r, nil
	}
	err := rs.again(ctx, func() (*stream.Ticket, error) {
		r = &Room{version: v}
		if !rs.claim(r, id) {
			return nil, errTwin // two at a time
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.queued.Add(1)
		ticket, err := rs.lane.Add(&operation{room: r, loaded: newLoaded(), creates: true}, 1)
		if err != nil {
			r.queued.Add(-1)
			rs.disclaim(r)
		}
		return ticket, err
	})
	return r, err
}

// discard forgets a room of which another server has said no more than that somebody is
// invited, and that wrongly, as it seems.
func (rs *Rooms) discard(ctx context.Context, r *Room) error {
	if err := rs.DB.Tx(ctx, func(tx *store.Tx) error { return deleteRoom(ctx, tx, r.nid) }); err != nil {
		return fmt.Errorf("discarding a room: %w", err)
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.rooms, r.id)
	for _, rooms := range rs.stays {
		delete(rooms, r)
	}
	return nil
}

// Outliers stores events that others rest on, checked by what they cite alone, and returns
// the ids of those that were not stored: what they cite is neither here nor among them.
// The error is ErrUnknownRoom or ErrOtherRoom.
func (rs *Rooms) Outliers(ctx context.Context, roomID string, events []*event.Event) (left []string, err error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return nil, err
	}
	_, left, err = rs.outliers(ctx, r, events)
	return left, err
}

// brought are events that were stored or read just now, by id: a large room's need not be
// read again.
type brought map[string]*Stored

// outliers is Outliers, and what is here of the events and of what they rest on.
func (rs *Rooms) outliers(ctx context.Context, r *Room, events []*event.Event) (here brought, left []string, err error) {
	s := &sifting{rooms: rs, room: r, byID: map[string]*event.Event{}, judged: map[string]authz.Cited{}, here: brought{}}
	for _, e := range events {
		if e.RoomID() != r.id || e.Version() != r.version {
			return nil, nil, ErrOtherRoom
		}
		s.byID[e.ID()] = e
	}
	landed, err := s.land(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer landed()
	if err := s.know(ctx); err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		if s.byID[e.ID()] == nil || !s.judge(e) {
			left = append(left, e.ID())
		}
	}
	for some := range slices.Chunk(s.fresh, chunk) {
		if err := rs.again(ctx, func() (*stream.Ticket, error) { return rs.addOutliers(ctx, r, some, s.here) }); err != nil {
			return nil, nil, err
		}
	}
	return s.here, left, nil
}

// sifting is the judging of many events that rest on each other.
type sifting struct {
	rooms  *Rooms
	room   *Room
	byID   map[string]*event.Event // to be judged
	judged map[string]authz.Cited  // and those that were here
	fresh  []authz.Cited           // to be stored, what they cite before them
	here   brought
}

// land leaves out events whose ids are those of events in other rooms, and takes the ids of
// the others until they are stored: where senders choose ids, two rooms may be given the
// same at the same time.
func (s *sifting) land(ctx context.Context) (landed func(), err error) {
	var releases []func()
	landed = func() {
		for _, release := range releases {
			release()
		}
	}
	if !s.room.version.EventIDInEvent() {
		return landed, nil
	}
	for _, id := range slices.Sorted(maps.Keys(s.byID)) { // in one order, so that two wait for each other never
		release, err := s.rooms.arrivals.Take(ctx, id)
		if err != nil {
			landed()
			return nil, err
		}
		releases = append(releases, release)
		if err := s.rooms.isFree(ctx, s.room, id); errors.Is(err, ErrOtherRoom) {
			delete(s.byID, id)
		} else if err != nil {
			landed()
			return nil, err
		}
	}
	return landed, nil
}

// know reads those that are here, and what the others cite.
func (s *sifting) know(ctx context.Context) error {
	asked := map[string]bool{}
	if id, named := s.room.version.CreateEventID(s.room.id); named {
		asked[id] = true
	}
	for id, e := range s.byID {
		asked[id] = true
		for _, cited := range e.AuthEvents() {
			asked[cited] = true
		}
	}
	ids := make([]string, 0, len(asked))
	for id := range asked {
		ids = append(ids, id)
	}
	found, err := s.rooms.storedByIDs(ctx, s.room, ids)
	for _, e := range found {
		s.here[e.ID()] = e
		s.judged[e.ID()] = authz.Cited{Event: e.Event, Rejected: e.fate.isRejected()}
	}
	return err
}

// judge judges an event and what it cites before it. It is false if something is missing,
// or runs in a circle. What is cited is at most as deep as there are events, and each is
// judged once.
func (s *sifting) judge(e *event.Event) bool {
	type frame struct {
		e    *event.Event
		next int
	}
	stack, on := []frame{{e: e}}, map[string]bool{e.ID(): true}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		id, cites := top.e.ID(), s.cites(top.e)
		if _, done := s.judged[id]; !done && top.next < len(cites) {
			cited := cites[top.next]
			top.next++
			if _, done := s.judged[cited]; done {
				continue
			}
			next := s.byID[cited]
			if next == nil || on[cited] {
				return false
			}
			on[cited] = true
			stack = append(stack, frame{e: next})
			continue
		}
		if _, done := s.judged[id]; !done {
			s.settle(top.e, cites)
		}
		delete(on, id)
		stack = stack[:len(stack)-1]
	}
	return true
}

// cites is what an event rests on.
func (s *sifting) cites(e *event.Event) []string {
	cites := e.AuthEvents()
	if id, named := s.room.version.CreateEventID(s.room.id); named && id != e.ID() {
		cites = append(cites, id)
	}
	return cites
}

// settle judges an event of which all is known.
func (s *sifting) settle(e *event.Event, cites []string) {
	var c citations
	createID, _ := s.room.version.CreateEventID(s.room.id)
	for _, id := range cites {
		if cited := s.judged[id]; id == createID {
			c.create = cited.Event
		} else {
			c.events = append(c.events, cited)
		}
	}
	judged := authz.Cited{Event: e, Rejected: c.check(e) != nil}
	s.judged[e.ID()] = judged
	s.fresh = append(s.fresh, judged)
}

// addOutliers queues events that nothing is known of but what they cite, and notes them.
func (rs *Rooms) addOutliers(ctx context.Context, r *Room, events []authz.Cited, here brought) (*stream.Ticket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := rs.loadedOrNew(ctx, r)
	if err != nil {
		return nil, err
	}
	op := &operation{room: r, loaded: l, then: func(*tip) {}}
	for _, judged := range events {
		op.loaded.tip.floor--
		s := &Stored{Event: judged.Event, Pos: op.loaded.tip.floor, fate: outlier}
		if judged.Rejected {
			s.fate |= rejected
		}
		op.past = append(op.past, s)
		here[s.ID()] = s
	}
	ticket, _, err := rs.add(op)
	return ticket, err
}
