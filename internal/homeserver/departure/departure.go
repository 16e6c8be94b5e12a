package departure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Leaver is the account.Leaver by which all begins.
type Leaver struct{}

// Leave writes down that a user departs.
func (Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, erase bool) error {
	if err := insertDeparture(ctx, tx, user, erase); err != nil {
		return fmt.Errorf("writing down a departure: %w", err)
	}
	return nil
}

// Rooms is where people depart from, as room.Rooms is.
type Rooms interface {
	Stays(user matrix.UserID) []room.Stay
	// Leave takes a user's membership, invitation or knock away.
	Leave(ctx context.Context, m room.Membership) error
}

// Departures are those of a server. It is safe for concurrent use.
type Departures struct {
	db      *store.DB
	visible func() stream.Pos
	rooms   Rooms
	now     func() time.Time

	mu     sync.Mutex                  // lets one at a time depart, and change what follows
	begun  map[matrix.UserID]time.Time // when those were seen first who have not gone
	erased atomic.Pointer[map[matrix.UserID]stream.Pos]
}

// New reads whose events are hidden. Visible is the stream's.
func New(ctx context.Context, db *store.DB, visible func() stream.Pos, now func() time.Time) (*Departures, error) {
	erased, err := selectErased(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("reading whose events are hidden: %w", err)
	}
	d := &Departures{db: db, visible: visible, now: now, begun: map[matrix.UserID]time.Time{}}
	d.erased.Store(&erased)
	return d, nil
}

// Join says which rooms people leave. It comes before all else.
func (d *Departures) Join(rooms Rooms) { d.rooms = rooms }

// Erased tells whether a user's events are hidden from those who have joined a room after a
// position. It is room.Options' Erased.
func (d *Departures) Erased(user matrix.UserID) (since stream.Pos, erased bool) {
	since, erased = (*d.erased.Load())[user]
	return since, erased
}

// everyMinute is how often wishes are looked for of which nobody has told.
const everyMinute = time.Minute

// Run fulfils wishes until ctx ends. What fails goes to report, and is tried again.
func (d *Departures) Run(ctx context.Context, report func(error)) error {
	next := time.NewTicker(everyMinute)
	defer next.Stop()
	for {
		if err := d.Fulfil(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
	}
}

// lingering is how long somebody who has left is looked after again: a request to join that
// was under way when the account ended may have come to its end since.
const lingering = 10 * time.Minute

// Fulfil has everybody leave who wants to. The error is of all that failed, which is tried
// again the next time.
func (d *Departures) Fulfil(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	wishes, err := selectWishes(ctx, d.db)
	if err != nil {
		return fmt.Errorf("reading departures: %w", err)
	}
	var errs []error
	for _, w := range wishes {
		if err := d.fulfil(ctx, w); err != nil {
			errs = append(errs, fmt.Errorf("the departure of %s: %w", w.user, err))
		}
	}
	return errors.Join(errs...)
}

// wish is somebody's who has not gone.
type wish struct {
	user  matrix.UserID
	erase bool
	pos   stream.Pos
}

func (d *Departures) fulfil(ctx context.Context, w wish) error {
	if w.erase && w.pos == 0 {
		if err := d.hide(ctx, w.user); err != nil {
			return err
		}
	}
	if err := d.leaveAll(ctx, w.user); err != nil {
		return err
	}
	begun, before := d.begun[w.user]
	if !before {
		begun = d.now()
		d.begun[w.user] = begun
	}
	if d.now().Sub(begun) < lingering {
		return nil
	}
	delete(d.begun, w.user)
	return updateGone(ctx, d.db, w.user)
}

// hide hides a user's events from those who join a room from now on.
func (d *Departures) hide(ctx context.Context, user matrix.UserID) error {
	since := d.visible()
	if err := updatePos(ctx, d.db, user, since); err != nil {
		return err
	}
	erased := maps.Clone(*d.erased.Load())
	erased[user] = since
	d.erased.Store(&erased)
	return nil
}

// leaveAll ends all memberships, invitations and knocks. What the rules of a room do not
// allow stays as it is.
func (d *Departures) leaveAll(ctx context.Context, user matrix.UserID) error {
	var errs []error
	for _, s := range d.rooms.Stays(user) {
		if s.Membership != room.Join && s.Membership != room.Invite && s.Membership != room.Knock {
			continue
		}
		err := d.rooms.Leave(ctx, room.Membership{Room: s.Room.ID(), Sender: user})
		if _, refused := errors.AsType[authz.Refusal](err); err != nil && !refused {
			errs = append(errs, fmt.Errorf("leaving %s: %w", s.Room.ID(), err))
		}
	}
	return errors.Join(errs...)
}
