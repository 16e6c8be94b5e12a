package room

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// operation is what is stored together: events of one room, in order.
type operation struct {
	room        *Room
	loaded      *loaded
	creates     bool // the room
	listed      bool // of a room that is created
	events      []*Stored
	groups      []*group // of states that are not those after the events
	extremities string   // afterwards; empty if they stay
	redacts     *redacted
	transaction *transaction
	alias       *alias

	past  []*Stored  // numbered below 0
	then  func(*tip) // what becomes of the tip; nil is that the last event follows it
	aside aside
}

// aside is what an operation stores beside events.
type aside struct {
	gaps      []string // events that the first event cites and that are not here
	filled    []string // gaps that are none any more
	ahead     string   // an event that is not here, which the first event redacts
	invited   []byte   // what the user of the first event, who is invited, sees
	uninvited string   // who is not invited any more
	since     int64    // the depth at which this server comes into the room
}

// redacted is an event that an operation redacts, as it is from then on.
type redacted struct {
	from *Stored
	to   *Stored
}

// margin is how many positions are left free before an event that follows others which are
// not here: those are told in their place when they come.
const margin = 1 << 14

// positions is how many positions the operation takes.
func (op *operation) positions() int { return max(len(op.groups)+op.margin()+len(op.events), 1) }

func (op *operation) margin() int {
	if len(op.aside.gaps) == 0 || len(op.past) > 0 {
		return 0
	}
	return margin
}

// all are the events that an operation stores.
func (op *operation) all() []*Stored {
	if len(op.past) == 0 {
		return op.events
	}
	return slices.Concat(op.past, op.events)
}

// writer is the stream.Writer of operations.
type writer struct{ *Rooms }

// Write stores operations with few statements: the rows of all go together, a table at a
// time. What was changed twice is stored as it is in the end.
func (w writer) Write(ctx context.Context, tx *store.Tx, ops []stream.Placed[*operation]) error {
	for _, p := range ops {
		p.Op.place(p.Pos)
	}
	b := newBatch(w.Now(), w.ServerName)
	for _, p := range ops {
		b.add(p.Op)
	}
	if err := b.store(ctx, tx); err != nil {
		return fmt.Errorf("storing events: %w", err)
	}
	if err := w.welcome(ctx, tx, ops); err != nil {
		return err
	}
	return w.dispatch(ctx, tx, ops)
}

// place gives the events of an operation their positions.
func (op *operation) place(pos stream.Pos) {
	for _, g := range op.groups {
		g.id = pos
		pos++
	}
	pos += stream.Pos(op.margin())
	if op.creates {
		op.room.nid = int64(pos)
	}
	for i, s := range op.events {
		s.Pos = pos + stream.Pos(i)
		if s.in != nil {
			s.in.pos = s.row()
		}
		if s.changes {
			s.group.id = s.Pos
		}
		if s.Replaced != nil && s.Replaced.of != nil {
			s.Replaced.pos = s.Replaced.of.pos
		}
	}
}

// batch is the rows of operations.
type batch struct {
	now                                  time.Time
	server                               matrix.ServerName
	rooms, events, transactions, aliases [][]any
	besides, gaps, ahead, invited        [][]any
	groups, groupState, changes          [][]any
	state, stays                         [][]any
	stateAt                              map[placeInRoom]int // rows of state by place
	staysAt                              map[placeInRoom]int
	tips, created                        map[*Room]*operation // the last of a room, and the first
	last                                 map[*Room]stream.Pos // of what is part of the room
	redactions, others                   []*operation
	promoted                             []promotion
}

// promotion is an event that was known as an outlier.
type promotion struct {
	room *Room
	s    *Stored
}

// placeInRoom is a place in the state of a room.
type placeInRoom struct {
	room *Room
	key  event.Key
}

func newBatch(now time.Time, server matrix.ServerName) *batch {
	return &batch{now: now, server: server, stateAt: map[placeInRoom]int{}, staysAt: map[placeInRoom]int{},
		tips: map[*Room]*operation{}, created: map[*Room]*operation{}, last: map[*Room]stream.Pos{}}
}

func (b *batch) add(op *operation) {
	if op.extremities != "" {
		b.tips[op.room] = op
	}
	if op.creates {
		b.created[op.room] = op
	}
	for _, g := range op.groups {
		b.addGroup(g)
	}
	for _, s := range op.past {
		b.addEvent(op, s)
	}
	for _, s := range op.events {
		b.addEvent(op, s)
		if s.fate.counts() {
			b.last[op.room] = s.Pos
		}
		if s.changes {
			b.addGroup(s.group)
		}
		for _, t := range s.turns() {
			b.addState(op.room, s.Pos, t)
		}
	}
	b.addAside(op)
	if op.redacts != nil {
		b.redactions = append(b.redactions, op)
	}
	if t := op.transaction; t != nil {
		b.transactions = append(b.transactions, []any{t.hash[:], t.eventID, b.now.UnixMilli()})
	}
	if a := op.alias; a != nil {
		b.aliases = append(b.aliases, []any{a.name, op.room.id, a.creator, b.now.UnixMilli()})
	}
}

func (b *batch) addEvent(op *operation, s *Stored) {
	key, isState := s.StateKey()
	group := int64(0)
	if s.group != nil {
		group = int64(s.group.id)
	}
	replaces, redactedBy := s.others()
	row := []any{int64(s.row()), op.room.nid, s.ID(), s.Type(), sql.NullString{String: key, Valid: isState},
		s.OriginServerTS(), group, s.flags(), replaces, redactedBy, s.Sent.String(), s.JSON()}
	switch {
	case s.moved != 0:
		b.promoted = append(b.promoted, promotion{op.room, s})
	case s.aside:
		b.besides = append(b.besides, append(row, int64(s.Pos)))
	default:
		b.events = append(b.events, row)
	}
}

// others are the rows of what the event replaces, and of what redacts it; 0 for none.
func (s *Stored) others() (replaces, redactedBy int64) {
	if s.Replaced != nil {
		replaces = int64(s.Replaced.pos)
	}
	if s.Redaction != nil {
		redactedBy = int64(s.Redaction.row())
	}
	return replaces, redactedBy
}

// flags are those of the event's row.
func (s *Stored) flags() int {
	flags := int(s.fate)
	if s.Redacted() {
		flags |= flagRedacted
	}
	return flags
}

func (b *batch) addAside(op *operation) {
	a := op.aside
	if len(a.filled) > 0 || a.uninvited != "" || a.since > 0 {
		b.others = append(b.others, op)
	}
	for _, id := range a.gaps {
		b.gaps = append(b.gaps, []any{op.room.nid, id, int64(op.all()[0].Pos)})
	}
	if a.ahead != "" {
		b.ahead = append(b.ahead, []any{op.room.nid, a.ahead, op.all()[0].ID()})
	}
	if a.invited != nil {
		b.invited = append(b.invited, []any{op.room.nid, op.events[0].key().StateKey, a.invited})
	}
}

func (b *batch) addGroup(g *group) {
	prev := stream.Pos(0)
	if g.prev != nil {
		prev = g.prev.id
	}
	b.groups = append(b.groups, []any{int64(g.id), int64(prev), g.chain})
	for _, p := range g.delta {
		b.groupState = append(b.groupState, []any{int64(g.id), p.key.Type, p.key.StateKey, int64(p.in.row())})
	}
}

// addState stores who takes a place in the state at a position.
func (b *batch) addState(r *Room, pos stream.Pos, t placed) {
	key := t.key
	at := placeInRoom{r, key}
	b.changes = append(b.changes, []any{r.nid, key.Type, key.StateKey, int64(pos), int64(t.in.row())})
	b.state = put(b.state, b.stateAt, at, []any{r.nid, key.Type, key.StateKey, int64(t.in.row())})
	if key.Type == memberType {
		local := event.ServerOf(key.StateKey) == b.server
		b.stays = put(b.stays, b.staysAt, at, []any{key.StateKey, r.nid, t.in.member(), int64(pos), local, false})
	}
}

// put adds a row, or puts it where an earlier one of the same place is.
func put(rows [][]any, index map[placeInRoom]int, at placeInRoom, row []any) [][]any {
	if i, there := index[at]; there {
		rows[i] = row
		return rows
	}
	index[at] = len(rows)
	return append(rows, row)
}

func (b *batch) store(ctx context.Context, tx *store.Tx) error {
	if err := b.storeTips(ctx, tx); err != nil {
		return err
	}
	for _, table := range []struct {
		into *store.Inserter
		rows [][]any
	}{
		{&insertRooms, b.rooms}, {&insertEvents, b.events}, {&insertAside, b.besides}, {&insertTransactions, b.transactions}, {&insertAliases, b.aliases},
		{&insertGroups, b.groups}, {&insertGroupState, b.groupState}, {&insertStateChanges, b.changes}, {&putState, b.state}, {&putStays, b.stays},
		{&insertGaps, b.gaps}, {&insertRedactionsAhead, b.ahead}, {&putInvited, b.invited},
	} {
		if err := table.into.Insert(ctx, tx, table.rows); err != nil {
			return err
		}
	}
	for _, op := range b.redactions {
		to := op.redacts.to
		if err := updateRedacted(ctx, tx, op.room.nid, int64(op.redacts.from.row()), int64(op.all()[0].row()), to.JSON()); err != nil {
			return err
		}
	}
	return b.storeOthers(ctx, tx)
}

// storeOthers changes rows that are there.
func (b *batch) storeOthers(ctx context.Context, tx *store.Tx) error {
	for _, p := range b.promoted {
		if err := updateAside(ctx, tx, p.room.nid, p.s); err != nil {
			return err
		}
	}
	for _, op := range b.others {
		for _, id := range op.aside.filled {
			if err := deleteGap(ctx, tx, op.room.nid, id); err != nil {
				return err
			}
		}
		if since := op.aside.since; since > 0 {
			if err := updateSince(ctx, tx, op.room.nid, since); err != nil {
				return err
			}
		}
		if err := deleteInvited(ctx, tx, op.room.nid, op.aside.uninvited); err != nil {
			return err
		}
	}
	return nil
}

// storeTips stores where each room ends.
func (b *batch) storeTips(ctx context.Context, tx *store.Tx) error {
	for r, first := range b.created {
		extremities := ""
		if op := b.tips[r]; op != nil {
			extremities = op.extremities
		}
		b.rooms = append(b.rooms, []any{r.nid, r.id, int64(r.version), extremities, int64(b.last[r]), first.listed})
	}
	for r, op := range b.tips {
		if b.created[r] != nil {
			continue
		}
		if err := updateTip(ctx, tx, r.nid, op.extremities, int64(b.last[r])); err != nil {
			return err
		}
	}
	return nil
}
