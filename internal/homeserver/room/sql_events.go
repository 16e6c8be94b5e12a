package room

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
	"signet/internal/store"
)

// storedEvents selects events as storedRows reads them: each with what it replaced and
// what redacted it. Most did and were neither, and nothing is looked for by NULL.
const storedEvents = `SELECT e.pos, e.place, e.event_id, e.state_group, e.flags, e.redacted_by, e.txn, e.json,
	p.pos, p.event_id, p.flags, p.json, q.pos, q.event_id, q.flags, q.json
	FROM room_events e LEFT JOIN room_events p ON p.room = e.room AND p.pos = NULLIF(e.replaces, 0)
	LEFT JOIN room_events q ON q.room = e.room AND q.pos = NULLIF(e.redacted_by, 0) `

// What stands behind storedEvents.
const (
	wherePos     = `WHERE e.room = $1 AND e.pos = $2`
	whereID      = `WHERE e.event_id = $1 AND e.room = $2`
	whereBetween = `WHERE e.room = $1 AND e.pos > $2 AND e.pos < $3 AND e.place = 0 AND e.flags < 2`
	whereAside   = `WHERE e.room = $1 AND e.place > $2 AND e.place < $3 AND e.place <> 0 AND e.flags < 2`
	whereLater   = `WHERE e.room = $1 AND e.ts >= $2 AND e.pos <= $3 AND e.flags < 2 ORDER BY e.ts, e.pos LIMIT 1 OFFSET $4`
	whereEarlier = `WHERE e.room = $1 AND e.ts <= $2 AND e.pos <= $3 AND e.flags < 2 ORDER BY e.ts DESC, e.pos DESC LIMIT 1 OFFSET $4`

	// With a bare s.event_pos SQLite would look through all events up to there.
	whereStateNow  = `JOIN room_state s ON s.room = e.room AND s.event_pos = e.pos WHERE s.room = $1`
	whereStateUpTo = whereStateNow + ` AND +s.event_pos <= $2 AND s.type <> 'm.room.member'`

	// The last change of each place up to a position.
	lastChange = `(SELECT MAX(l.pos) FROM room_state_changes l
		WHERE l.room = $1 AND l.type = c.type AND l.state_key = c.state_key AND l.pos <= $2)`
	whereStateThen = `JOIN room_state_changes c ON c.room = e.room AND c.event_pos = e.pos WHERE c.room = $1 AND c.pos = ` + lastChange
	whereDelta     = whereStateThen + ` AND c.pos > $3 ORDER BY c.pos`
	whereOneThen   = whereStateThen + ` AND c.type = $3 AND c.state_key = $4`
)

// eventRow is an event in a row, not there if a join found none.
type eventRow struct {
	pos, flags sql.NullInt64
	id         sql.NullString
	json       store.Octets
}

func (row eventRow) load(v event.Version, redacted bool) (*event.Event, error) {
	e, err := v.Load(row.id.String, row.json, redacted || row.flags.Int64&flagRedacted != 0)
	if err != nil {
		return nil, fmt.Errorf("event %d: %w", row.pos.Int64, err)
	}
	return e, nil
}

// storedRows reads the rows of storedEvents, one after the other, about a room of a version.
type storedRows struct {
	version                  event.Version
	own, replaced, redaction eventRow
	group, redactedBy, place int64
	sent                     string
	columns                  []any // where they are scanned to
}

func newStoredRows(v event.Version) *storedRows {
	r := &storedRows{version: v}
	r.columns = []any{&r.own.pos.Int64, &r.place, &r.own.id.String, &r.group, &r.own.flags.Int64, &r.redactedBy, &r.sent, &r.own.json,
		&r.replaced.pos, &r.replaced.id, &r.replaced.flags, &r.replaced.json, &r.redaction.pos, &r.redaction.id, &r.redaction.flags, &r.redaction.json}
	return r
}

func (r *storedRows) read(row store.Row) (*Stored, error) {
	if err := row.Scan(r.columns...); err != nil {
		return nil, err
	}
	e, err := r.own.load(r.version, r.redactedBy != 0)
	if err != nil {
		return nil, err
	}
	s := &Stored{Event: e, Pos: stream.Pos(r.own.pos.Int64), Sent: parseSent(r.sent), group: &group{id: stream.Pos(r.group)}}
	s.fate = fate(r.own.flags.Int64 &^ flagRedacted)
	if s.aside = r.place != 0; s.aside && stream.Pos(r.place) != s.Pos {
		s.Pos, s.moved = stream.Pos(r.place), s.Pos
	}
	s.changes = s.isState() && s.group.id == s.Pos
	if r.replaced.pos.Valid {
		if s.Replaced, err = r.replaced.replaced(r.version); err != nil {
			return nil, err
		}
	}
	if r.redaction.pos.Valid {
		if e, err = r.redaction.load(r.version, false); err != nil {
			return nil, err
		}
		s.Redaction = &Stored{Event: e, Pos: stream.Pos(r.redaction.pos.Int64)}
	}
	return s, nil
}

func (row eventRow) replaced(v event.Version) (*Replaced, error) {
	e, err := row.load(v, false)
	if err != nil {
		return nil, err
	}
	return &Replaced{ID: e.ID(), Sender: e.Sender(), Content: e.Content(), pos: stream.Pos(row.pos.Int64)}, nil
}

// stored reads the events of a room that a condition on storedEvents finds.
func (rs *Rooms) stored(ctx context.Context, r *Room, condition string, args ...any) ([]*Stored, error) {
	read := newStoredRows(r.version).read
	return store.Collect(ctx, rs.DB, func(rows *sql.Rows) (*Stored, error) { return read(rows) }, storedEvents+condition, args...)
}

func (rs *Rooms) storedOne(ctx context.Context, r *Room, condition string, args ...any) (*Stored, error) {
	found, err := rs.stored(ctx, r, condition, args...)
	if err != nil {
		return nil, fmt.Errorf("reading an event: %w", err)
	}
	if len(found) == 0 {
		return nil, ErrUnknownEvent
	}
	return found[0], nil
}

func (rs *Rooms) storedAt(ctx context.Context, r *Room, pos stream.Pos) (*Stored, error) {
	return rs.storedOne(ctx, r, wherePos, r.nid, int64(pos))
}

func (rs *Rooms) storedByID(ctx context.Context, r *Room, id string) (*Stored, error) {
	if strings.IndexByte(id, 0) >= 0 { // as a client's content may say; no database looks for that
		return nil, ErrUnknownEvent
	}
	return rs.storedOne(ctx, r, whereID, id, r.nid)
}

// window is a stretch of a room's timeline: events between two positions, both left out,
// the newest first if back.
type window struct {
	after, before stream.Pos
	limit         int
	back          bool
}

// page is a stretch of the timeline, from memory if it is there.
func (rs *Rooms) page(ctx context.Context, r *Room, w window) ([]*Stored, error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, err
	}
	if found, whole := l.view.page(w); whole {
		return found, nil
	}
	return rs.pageRows(ctx, r, w)
}

// some is the beginning of a page, and whether there is nothing after it: looking back, what
// the view has of it, however little, since more may not be needed.
func (rs *Rooms) some(ctx context.Context, r *Room, w window) (found []*Stored, ended bool, err error) {
	l, err := rs.load(ctx, r)
	if err != nil {
		return nil, false, err
	}
	found, whole := l.view.page(w)
	switch {
	case whole:
		return found, len(found) < w.limit, nil
	case w.back && len(found) > 0:
		return found, false, nil
	}
	found, err = rs.pageRows(ctx, r, w)
	return found, len(found) < w.limit, err
}

// page is a stretch of the timeline, and whether the view has all of it.
func (v *view) page(w window) (found []*Stored, whole bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for i := range v.ring {
		s := v.ring[i]
		if w.back {
			s = v.ring[len(v.ring)-1-i]
		}
		if s.Pos > w.after && s.Pos < w.before {
			if found = append(found, s); len(found) == w.limit {
				break
			}
		}
	}
	return found, w.after >= v.from || w.back && len(found) == w.limit
}

// pageRows reads a stretch of the timeline.
func (rs *Rooms) pageRows(ctx context.Context, r *Room, w window) ([]*Stored, error) {
	between, beside := w.conditions()
	found, err := rs.stored(ctx, r, between, r.nid, int64(max(w.after, 0)), int64(w.before))
	if err != nil {
		return nil, fmt.Errorf("reading a timeline: %w", err)
	}
	aside, err := rs.stored(ctx, r, beside, r.nid, int64(w.after), int64(w.before))
	if err != nil {
		return nil, fmt.Errorf("reading a timeline: %w", err)
	}
	found = w.merge(found, aside)
	return found[:min(len(found), w.limit)], nil
}

// conditions find the two parts of a page: what is in one line, and what stands aside.
func (w window) conditions() (between, aside string) {
	order := ``
	if w.back {
		order = ` DESC`
	}
	order += w.bound()
	return whereBetween + ` ORDER BY e.pos` + order, whereAside + ` ORDER BY e.place` + order
}

// bounds are how many rows a page reads: SQLite plans a statement anew at each use whose
// LIMIT is a parameter, so each of these has a statement of its own.
var bounds = []int{1, ringRead, 50, 100}

// bound is the LIMIT of a page, at least as high as its own.
func (w window) bound() string {
	for _, n := range bounds {
		if w.limit <= n {
			return ` LIMIT ` + strconv.Itoa(n)
		}
	}
	return ` LIMIT ` + strconv.Itoa(maxLimit)
}

// merge is a stretch of which one part stands aside.
func (w window) merge(found, aside []*Stored) []*Stored {
	if len(aside) == 0 {
		return found
	}
	found = append(found, aside...)
	slices.SortFunc(found, func(a, b *Stored) int {
		if w.back {
			a, b = b, a
		}
		return cmp.Compare(a.Pos, b.Pos)
	})
	return found[:min(len(found), w.limit)]
}

// stateAt are the events of the state after a position.
func (rs *Rooms) stateAt(ctx context.Context, r *Room, pos stream.Pos) ([]*Stored, error) {
	found, err := rs.stored(ctx, r, whereStateThen, r.nid, int64(pos))
	if err != nil {
		return nil, fmt.Errorf("reading a state: %w", err)
	}
	return found, nil
}

// near is the shown event whose time is next to ts, before or after it, passing over some.
func (rs *Rooms) near(ctx context.Context, r *Room, ts int64, back bool, passed int) (*Stored, error) {
	condition := whereLater
	if back {
		condition = whereEarlier
	}
	return rs.storedOne(ctx, r, condition, r.nid, ts, int64(rs.Stream.Visible()), passed)
}
