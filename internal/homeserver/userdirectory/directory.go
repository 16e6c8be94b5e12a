package userdirectory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// Rooms says who is in which room, as room.Rooms does.
type Rooms interface {
	EachMember(ctx context.Context, users []matrix.UserID, do func(room.Member)) error
	EachJoinRule(ctx context.Context, rooms []matrix.RoomID, do func(room matrix.RoomID, public bool)) error
}

// Profiles says how users of this server call themselves, as userdata.Data does: each of some
// who has a name or an avatar, or of all if there are none.
type Profiles interface {
	EachProfile(ctx context.Context, users []matrix.UserID, do func(user matrix.UserID, displayName, avatarURL string)) error
}

// Accounts says who of this server has an account that has not ended, as account.Accounts does.
type Accounts interface {
	ActiveAmong(ctx context.Context, users []matrix.UserID) (map[matrix.UserID]bool, error)
}

// Options is what a Directory stands on.
type Options struct {
	ServerName matrix.ServerName
	Rooms      Rooms
	Profiles   Profiles
	Accounts   Accounts
}

// Directory finds people. It is safe for concurrent use.
type Directory struct {
	Options

	turn    turn         // of who reads from the database
	mu      sync.RWMutex // guards index, which only who has the turn changes
	index   *index       // nil until it was read
	noting  sync.Mutex   // guards changed
	changed changed
}

// turn is a lock for which nobody waits longer than they want to.
type turn chan struct{}

func (t turn) Lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) Unlock() { <-t }

// New makes a directory, which has to be told of changes from the beginning on: it is the
// rooms' Crowd.
func New(o Options) *Directory { return &Directory{Options: o, turn: make(turn, 1)} }

// changed is what is to be read again.
type changed struct {
	moved  map[matrix.UserID]bool
	called map[matrix.UserID]bool
	opened map[matrix.RoomID]bool
	all    bool // there were too many, or they could not be read
}

func (c changed) isNothing() bool { return len(c.moved)+len(c.called)+len(c.opened) == 0 }

// maxChanged is how many are remembered one by one. Who waits for more is better off when
// everything is read.
const maxChanged = 20_000

// Moved says that a user may be in other rooms than before, or under another name.
func (d *Directory) Moved(user matrix.UserID) {
	d.noting.Lock()
	defer d.noting.Unlock()
	d.changed.all = note(&d.changed.moved, user) || d.changed.all
}

// Opened says that others may join a room than before.
func (d *Directory) Opened(id matrix.RoomID) {
	d.noting.Lock()
	defer d.noting.Unlock()
	d.changed.all = note(&d.changed.opened, id) || d.changed.all
}

// Called says that a user of this server calls themselves otherwise than before.
func (d *Directory) Called(user matrix.UserID) {
	d.noting.Lock()
	defer d.noting.Unlock()
	d.changed.all = note(&d.changed.called, user) || d.changed.all
}

// note tells whether there were too many, which are forgotten then.
func note[T comparable](in *map[T]bool, name T) (tooMany bool) {
	if *in == nil {
		*in = map[T]bool{}
	}
	if (*in)[name] = true; len(*in) <= maxChanged {
		return false
	}
	*in = nil
	return true
}

// take takes what is to be read again.
func (d *Directory) take() changed {
	d.noting.Lock()
	defer d.noting.Unlock()
	taken := d.changed
	d.changed = changed{}
	return taken
}

// readAll has everything be read the next time.
func (d *Directory) readAll() {
	d.noting.Lock()
	defer d.noting.Unlock()
	d.changed.all = true
}

// refresh reads what has changed since the last search: who searches sees all that was told
// before. What is told meanwhile is read the next time.
func (d *Directory) refresh(ctx context.Context) error {
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	return d.read(context.WithoutCancel(ctx)) // clients take searches back as people type; what was begun is for the next, too
}

// Read reads everything before somebody searches, who would have to wait for it.
func (d *Directory) Read(ctx context.Context) error {
	if err := d.turn.Lock(ctx); err != nil {
		return err
	}
	defer d.turn.Unlock()
	return d.read(ctx)
}

// read is for who has the turn.
func (d *Directory) read(ctx context.Context) error {
	c := d.take()
	var err error
	switch {
	case d.index == nil || c.all:
		err = d.load(ctx)
	case !c.isNothing():
		err = d.update(ctx, c)
	}
	if err != nil {
		d.readAll()
		return fmt.Errorf("reading for the user directory: %w", err)
	}
	return nil
}

// load reads everything.
func (d *Directory) load(ctx context.Context) error {
	x := newIndex(d.ServerName)
	if err := d.Profiles.EachProfile(ctx, nil, x.call); err != nil {
		return err
	}
	if err := d.Rooms.EachMember(ctx, nil, x.seat); err != nil {
		return err
	}
	if err := d.Rooms.EachJoinRule(ctx, nil, x.open); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.index = x
	return nil
}

// update reads what has changed, all of it before any of it is shown.
func (d *Directory) update(ctx context.Context, c changed) error {
	var edits []func(*index)
	if called := slices.Collect(maps.Keys(c.called)); len(called) > 0 {
		for _, user := range called {
			edits = append(edits, func(x *index) { x.call(user, "", "") }) // for those who have none
		}
		if err := d.Profiles.EachProfile(ctx, called, func(user matrix.UserID, name, avatar string) {
			edits = append(edits, func(x *index) { x.call(user, name, avatar) })
		}); err != nil {
			return err
		}
	}
	if moved := slices.Collect(maps.Keys(c.moved)); len(moved) > 0 {
		for _, user := range moved {
			edits = append(edits, func(x *index) { x.remove(user) })
		}
		if err := d.Rooms.EachMember(ctx, moved, func(m room.Member) {
			edits = append(edits, func(x *index) { x.seat(m) })
		}); err != nil {
			return err
		}
	}
	if opened := slices.Collect(maps.Keys(c.opened)); len(opened) > 0 {
		if err := d.Rooms.EachJoinRule(ctx, opened, func(id matrix.RoomID, public bool) {
			edits = append(edits, func(x *index) { x.open(id, public) })
		}); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, edit := range edits {
		edit(d.index)
	}
	return nil
}
