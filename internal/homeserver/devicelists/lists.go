package devicelists

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Rooms knows who shares a room with this server's users, as room.Rooms does.
type Rooms interface {
	// SharedSince tells whether a user has been in a room with a user of this server since a
	// position without a break.
	SharedSince(ctx context.Context, user matrix.UserID, since stream.Pos) (bool, error)
}

// Options is what Lists stands on.
type Options struct {
	DB     *store.DB
	Remote e2ee.Remote
	Rooms  Rooms
	Stream interface{ Visible() stream.Pos }
	Now    func() time.Time
}

// Lists is an e2ee.Remote that remembers. It is safe for concurrent use.
type Lists struct {
	Options
	mu     sync.Mutex                // guards asking
	asking map[matrix.UserID]*inward // who is being asked for
}

// inward is questions about a user that are under way.
type inward struct {
	questions int
	changed   bool // meanwhile: their answers may be out of date
}

// New makes Lists on a database that has been migrated.
func New(o Options) *Lists { return &Lists{Options: o, asking: map[matrix.UserID]*inward{}} }

// maxAge is how long a list counts about which nothing is heard. After forgetAfter it is
// forgotten.
const (
	maxAge      = 7 * 24 * time.Hour
	forgetAfter = 30 * 24 * time.Hour
)

// ClaimKeys is e2ee.Remote's: nobody but a user's server gives out one-time keys.
func (l *Lists) ClaimKeys(ctx context.Context, server matrix.ServerName, claims e2ee.Claims) (e2ee.Claimed, error) {
	return l.Remote.ClaimKeys(ctx, server, claims)
}

// QueryKeys is e2ee.Remote's. The server is asked for those alone whose keys are not known.
func (l *Lists) QueryKeys(ctx context.Context, server matrix.ServerName, query e2ee.Query) (e2ee.Keys, error) {
	known, unknown := newKeys(), e2ee.Query{}
	old := map[matrix.UserID]list{}
	for user, devices := range query {
		kept, counts, err := l.kept(ctx, user)
		switch {
		case err != nil:
			return e2ee.Keys{}, err
		case counts:
			kept.addTo(known, user, devices)
			continue
		case kept.there:
			old[user] = kept
		}
		unknown[user] = devices
	}
	if len(unknown) == 0 {
		return known, nil
	}
	if err := l.ask(ctx, server, unknown, known); err != nil {
		if len(old) < len(unknown) {
			return e2ee.Keys{}, err
		}
		for user, kept := range old {
			kept.addTo(known, user, query[user])
		}
	}
	return known, nil
}

// kept is what is known of a user, and whether it counts still.
func (l *Lists) kept(ctx context.Context, user matrix.UserID) (list, bool, error) {
	kept, err := selectList(ctx, l.DB, user)
	if err != nil {
		return list{}, false, fmt.Errorf("reading a list of devices: %w", err)
	}
	if !kept.there || kept.stale || l.Now().Sub(kept.asked) > maxAge {
		return kept, false, nil
	}
	shared, err := l.Rooms.SharedSince(ctx, user, kept.pos)
	if err != nil {
		return list{}, false, fmt.Errorf("reading who shares a room: %w", err)
	}
	return kept, shared, nil
}

// ask asks a server for all devices of users, keeps what counts from now on, and adds what was
// asked for.
func (l *Lists) ask(ctx context.Context, server matrix.ServerName, wanted e2ee.Query, to e2ee.Keys) error {
	l.begin(wanted)
	err := l.askAndKeep(ctx, server, wanted, to)
	for _, user := range l.end(wanted) {
		if failed := markStale(ctx, l.DB, user); failed != nil {
			err = errors.Join(err, fmt.Errorf("marking a list of devices: %w", failed))
		}
	}
	return err
}

func (l *Lists) askAndKeep(ctx context.Context, server matrix.ServerName, wanted e2ee.Query, to e2ee.Keys) error {
	all := e2ee.Query{}
	for user := range wanted {
		all[user] = nil
	}
	got := list{pos: l.Stream.Visible(), asked: l.Now()}
	answer, err := l.Remote.QueryKeys(ctx, server, all)
	if err != nil {
		return err
	}
	for user, devices := range wanted {
		got.take(answer, user)
		got.addTo(to, user, devices)
		if err := l.keep(ctx, user, got); err != nil {
			return err
		}
	}
	return nil
}

// keep stores what will be told of when it changes.
func (l *Lists) keep(ctx context.Context, user matrix.UserID, got list) error {
	shared, err := l.Rooms.SharedSince(ctx, user, got.pos)
	if err != nil {
		return fmt.Errorf("reading who shares a room: %w", err)
	}
	if !shared {
		return nil
	}
	if err := putList(ctx, l.DB, user, got); err != nil {
		return fmt.Errorf("keeping a list of devices: %w", err)
	}
	return nil
}

func (l *Lists) begin(users e2ee.Query) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for user := range users {
		if l.asking[user] == nil {
			l.asking[user] = &inward{}
		}
		l.asking[user].questions++
	}
}

// end are those who have changed since begin.
func (l *Lists) end(users e2ee.Query) (changed []matrix.UserID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for user := range users {
		in := l.asking[user]
		if in.changed {
			changed = append(changed, user)
		}
		if in.questions--; in.questions == 0 {
			delete(l.asking, user)
		}
	}
	return changed
}

// Sweep forgets what nobody has asked for in a long time.
func (l *Lists) Sweep(ctx context.Context) error {
	if err := deleteBefore(ctx, l.DB, l.Now().Add(-forgetAfter)); err != nil {
		return fmt.Errorf("sweeping lists of devices: %w", err)
	}
	return nil
}
