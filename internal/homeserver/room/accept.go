package room

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/stream"
)

// Arrival is an event from another server that is what it says: it has the format of the
// room's version, is signed, and was redacted if its hash was wrong.
type Arrival struct {
	Event *event.Event
	// Before are the ids of the state that the event was sent in, all of them here. It is
	// for an event that follows others which are not here, and nil for all others.
	Before []string
	// Relay passes the event on to the other servers in the room, as one of this server or
	// one that was handed to it.
	Relay bool
}

// Outcome is what became of an event from another server.
type Outcome uint8

// The outcomes.
const (
	Accepted   Outcome = iota + 1 // and shown
	Past                          // accepted as history: what follows it was here before
	SoftFailed                    // part of the graph, and shown to nobody (server-server API, "Soft failure")
	Rejected                      // stored, so that it is not asked for again, unless it is a stranger's
	Known                         // stored before
	Old                           // not stored: History has it where somebody asks for it
)

// Verdict is an Outcome with the reason for it, where there is one.
type Verdict struct {
	Outcome Outcome
	Why     error
}

// MissingEvents is the error of an event that rests on others which are not here: Auth it
// cites, or they are in the state before it; Prev it follows, or their state is not known.
type MissingEvents struct{ Auth, Prev []string }

func (m MissingEvents) Error() string {
	return fmt.Sprintf("%d auth events and %d previous events are not here", len(m.Auth), len(m.Prev))
}

// ErrSecondCreate is why an m.room.create is rejected in a room that has one.
var ErrSecondCreate = errors.New("the room has an m.room.create already")

// ErrOtherRoom is the error of an event of another room than was asked for.
var ErrOtherRoom = errors.New("the event is of another room")

// Accept judges an event that another server sent into a room (server-server API, "Checks
// performed on receipt of a PDU", 4 to 6) and stores what came of it. Errors:
// ErrUnknownRoom, ErrOtherRoom, MissingEvents.
func (rs *Rooms) Accept(ctx context.Context, roomID string, a Arrival) (v Verdict, err error) {
	r, err := rs.Room(roomID)
	if err != nil {
		return v, err
	}
	landed, err := rs.arrivals.Take(ctx, a.Event.ID())
	if err != nil {
		return v, err
	}
	defer landed()
	j, err := rs.vet(ctx, r, a)
	if err != nil || j.known {
		return Verdict{Outcome: Known}, err
	}
	switch cited, err := selectIsGap(ctx, rs.DB, r.nid, a.Event.ID()); {
	case err != nil:
		return v, fmt.Errorf("looking for a gap: %w", err)
	case cited:
		return rs.pastNext(ctx, r, j)
	}
	if old, err := rs.isOld(ctx, r, a.Event); old || err != nil {
		return Verdict{Outcome: Old}, err
	}
	err = rs.again(ctx, func() (*stream.Ticket, error) {
		ticket, err := rs.place(ctx, r, j)
		if errors.Is(err, errUnasked) {
			if err = rs.ask(ctx, j); err == nil {
				ticket, err = rs.place(ctx, r, j)
			}
		}
		return ticket, err
	})
	if err == nil && j.stored != nil {
		rs.recall.keepAfter(j.stored, j.before)
	}
	if err == nil && j.extremities > healFrom {
		rs.heal(ctx, r)
	}
	return j.verdict(), err
}

// place judges an event by the state of its room, and has it stored where it belongs. The error is
// errUnasked where that is for Bidden to say, which holds the room up for nobody.
func (rs *Rooms) place(ctx context.Context, r *Room, j *judgement) (*stream.Ticket, error) {
	ticket, taken, err := rs.follow(ctx, r, j)
	if err != nil || taken {
		return ticket, err
	}
	return rs.branch(ctx, r, j)
}

// isOld tells whether an event is from before this server came into the room. One that
// follows what came since is not, whatever it says of its depth.
func (rs *Rooms) isOld(ctx context.Context, r *Room, e *event.Event) (bool, error) {
	if e.Depth() >= r.since.Load() {
		return false, nil
	}
	prev := e.PrevEvents()
	found, err := rs.storedByIDs(ctx, r, prev)
	since := 0
	for _, s := range found {
		if s.Pos > 0 && s.hasState() {
			since++
		}
	}
	return since == 0 || since < len(prev), err
}

// judgement is an event on its way to being stored.
type judgement struct {
	Arrival
	known       bool       // it is stored already
	number      stream.Pos // of its row, if it is an outlier
	old         *Stored    // likewise
	refused     error      // why the rules do not allow it
	failed      error      // why the room's state does not
	isPast      bool
	asked       bool // whether Bidden was, and what it said
	unbidden    error
	stored      *Stored     // of one beside the line
	before      *antecedent // likewise
	since       int64       // the depth at which the room is taken in, of an import
	brought     brought     // likewise, what is here of its state
	extremities int         // of the room, afterwards
}

// redaction is what the event was redacted by while it was an outlier.
func (j *judgement) redaction() *Stored {
	if j.old == nil {
		return nil
	}
	return j.old.Redaction
}

func (j *judgement) verdict() Verdict {
	switch {
	case j.refused != nil:
		return Verdict{Rejected, j.refused}
	case j.failed != nil:
		return Verdict{SoftFailed, j.failed}
	case j.isPast:
		return Verdict{Outcome: Past}
	}
	return Verdict{Outcome: Accepted}
}

// vet looks whether an event is new, and checks it against what it cites.
func (rs *Rooms) vet(ctx context.Context, r *Room, a Arrival) (*judgement, error) {
	if a.Event.RoomID() != r.id || a.Event.Version() != r.version {
		return nil, ErrOtherRoom
	}
	j := &judgement{Arrival: a}
	switch old, err := rs.storedByID(ctx, r, a.Event.ID()); {
	case err == nil && old.fate&outlier == 0:
		j.known = true
		return j, nil
	case err == nil:
		j.old, j.number = old, old.row()
		if old.Redacted() {
			j.Event = old.Event
		}
	case !errors.Is(err, ErrUnknownEvent):
		return nil, err
	}
	if err := rs.isFree(ctx, r, a.Event.ID()); err != nil {
		return nil, err
	}
	cited, err := rs.cited(ctx, r, a.Event)
	if err != nil {
		return nil, err
	}
	j.refused = cited.check(a.Event)
	return j, nil
}

// isFree tells whether the id of an event that is not in a room is one of another room. In
// versions where senders choose ids, one may be given twice; who comes second does not
// come. The error is ErrOtherRoom then.
func (rs *Rooms) isFree(ctx context.Context, r *Room, id string) error {
	if !r.version.EventIDInEvent() {
		return nil
	}
	switch in, err := selectRoomOfEvent(ctx, rs.DB, id); {
	case err != nil:
		return fmt.Errorf("looking for an event: %w", err)
	case in != "" && in != r.id:
		return ErrOtherRoom
	}
	return nil
}

// citations are the events that an event cites for its authorisation.
type citations struct {
	events []authz.Cited
	create *event.Event
}

// cited reads what an event cites. The error is MissingEvents.
func (rs *Rooms) cited(ctx context.Context, r *Room, e *event.Event) (c citations, err error) {
	ids := e.AuthEvents()
	createID, named := r.version.CreateEventID(r.id)
	if named && e.ID() != createID {
		ids = append(ids, createID)
	}
	found, err := rs.storedByIDs(ctx, r, ids)
	if err != nil {
		return c, err
	}
	var missing MissingEvents
	for _, id := range ids {
		i := slices.IndexFunc(found, func(s *Stored) bool { return s.ID() == id })
		switch {
		case i < 0:
			missing.Auth = append(missing.Auth, id)
		case named && id == createID:
			c.create = found[i].Event
		default:
			c.events = append(c.events, authz.Cited{Event: found[i].Event, Rejected: found[i].fate.isRejected()})
		}
	}
	if missing.Auth != nil {
		return c, missing
	}
	return c, nil
}

// check tells whether what an event cites allows it.
func (c citations) check(e *event.Event) error {
	state, err := authz.FromAuthEvents(e, c.events, c.create)
	if err != nil {
		return err
	}
	return authz.Check(e, state)
}

// allowed tells whether a state allows an event: err is not of the rules, refused is.
func (rs *Rooms) allowed(ctx context.Context, r *Room, e *event.Event, t *tip) (refused, err error) {
	if e.Is(createType, "") && t.state[event.Key{Type: createType}] != nil {
		return ErrSecondCreate, nil
	}
	keys := append(authz.Needed(e), event.Key{Type: createType}, event.Key{Type: levelsType})
	for _, key := range keys {
		if err := rs.read(ctx, r, t.state[key]); err != nil {
			return nil, err
		}
	}
	return authz.Check(e, t), nil
}

// fateOf is what becomes of an event that was accepted: one that only joins branches is
// nothing to read.
func fateOf(typ string) fate {
	if typ == dummyType {
		return hidden
	}
	return shown
}
