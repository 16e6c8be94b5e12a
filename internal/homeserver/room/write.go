package room

import (
	"context"
	"database/sql"
	"fmt"
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
	merged      *group // of the state that the events follow, where none was stored
	extremities string // afterwards
	redacts     *redacted
	transaction *transaction
	alias       *alias
}

// redacted is an event that an operation redacts, as it is from then on.
type redacted struct {
	from *Stored
	to   *Stored
}

// positions is how many positions the operation takes.
func (op *operation) positions() int {
	if op.merged != nil {
		return len(op.events) + 1
	}
	return len(op.events)
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
	return w.dispatch(ctx, tx, ops)
}

// place gives the events of an operation their positions.
func (op *operation) place(pos stream.Pos) {
	if op.merged != nil {
		op.merged.id = pos
		pos++
	}
	if op.creates {
		op.room.nid = int64(pos)
	}
	for i, s := range op.events {
		s.Pos = pos + stream.Pos(i)
		if s.changes {
			s.group.id, s.in.pos = s.Pos, s.Pos
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
	groups, groupState, changes          [][]any
	state, stays                         [][]any
	stateAt                              map[placeInRoom]int // rows of state by place
	staysAt                              map[placeInRoom]int
	tips, created                        map[*Room]*operation // the last of a room, and the first
	redactions                           []*operation
}

// placeInRoom is a place in the state of a room.
type placeInRoom struct {
	room *Room
	key  event.Key
}

func newBatch(now time.Time, server matrix.ServerName) *batch {
	return &batch{now: now, server: server, stateAt: map[placeInRoom]int{}, staysAt: map[placeInRoom]int{},
		tips: map[*Room]*operation{}, created: map[*Room]*operation{}}
}

func (b *batch) add(op *operation) {
	b.tips[op.room] = op
	if op.creates {
		b.created[op.room] = op
	}
	if op.merged != nil {
		b.addGroup(op.merged)
	}
	for _, s := range op.events {
		b.addEvent(op, s)
		if s.changes {
			b.addGroup(s.group)
			b.addState(op.room, s)
		}
	}
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
	replaces, flags := int64(0), 0
	if s.Replaced != nil {
		replaces = int64(s.Replaced.pos)
	}
	if s.Redacted() {
		flags |= flagRedacted
	}
	b.events = append(b.events, []any{int64(s.Pos), op.room.nid, s.ID(), s.Type(), sql.NullString{String: key, Valid: isState},
		s.OriginServerTS(), int64(s.group.id), flags, replaces, 0, s.Sent.String(), s.JSON()})
}

func (b *batch) addGroup(g *group) {
	prev := stream.Pos(0)
	if g.prev != nil {
		prev = g.prev.id
	}
	b.groups = append(b.groups, []any{int64(g.id), int64(prev), g.chain})
	for _, p := range g.delta {
		b.groupState = append(b.groupState, []any{int64(g.id), p.key.Type, p.key.StateKey, int64(p.in.pos)})
	}
}

func (b *batch) addState(r *Room, s *Stored) {
	key, pos := s.key(), int64(s.Pos)
	at := placeInRoom{r, key}
	b.changes = append(b.changes, []any{r.nid, key.Type, key.StateKey, pos, pos})
	b.state = put(b.state, b.stateAt, at, []any{r.nid, key.Type, key.StateKey, pos})
	if s.isMember() {
		local := event.ServerOf(key.StateKey) == b.server
		b.stays = put(b.stays, b.staysAt, at, []any{key.StateKey, r.nid, s.in.membership, pos, local, false})
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
		into *inserter
		rows [][]any
	}{
		{&insertRooms, b.rooms}, {&insertEvents, b.events}, {&insertTransactions, b.transactions}, {&insertAliases, b.aliases},
		{&insertGroups, b.groups}, {&insertGroupState, b.groupState}, {&insertStateChanges, b.changes}, {&putState, b.state}, {&putStays, b.stays},
	} {
		if err := table.into.insert(ctx, tx, table.rows); err != nil {
			return err
		}
	}
	for _, op := range b.redactions {
		to := op.redacts.to
		if err := updateRedacted(ctx, tx, op.room.nid, int64(op.redacts.from.Pos), int64(op.events[0].Pos), to.JSON()); err != nil {
			return err
		}
	}
	return nil
}

// storeTips stores where each room ends.
func (b *batch) storeTips(ctx context.Context, tx *store.Tx) error {
	for r, op := range b.tips {
		last := int64(op.events[len(op.events)-1].Pos)
		if first := b.created[r]; first != nil {
			b.rooms = append(b.rooms, []any{r.nid, r.id, int64(r.version), op.extremities, last, first.listed})
			continue
		}
		if err := updateTip(ctx, tx, r.nid, op.extremities, last); err != nil {
			return err
		}
	}
	return nil
}
