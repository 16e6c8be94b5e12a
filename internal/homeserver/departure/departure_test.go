package departure_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/authz"
	"signet/internal/homeserver/departure"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	alice matrix.UserID = "@alice:hs.test"
	bob   matrix.UserID = "@bob:hs.test"
)

// rooms is one room that everybody is in, until they leave it.
type rooms struct {
	left []matrix.UserID
	err  error
}

func (r *rooms) Stays(user matrix.UserID) []room.Stay {
	if slices.Contains(r.left, user) {
		return []room.Stay{{Room: new(room.Room), Membership: room.Leave}}
	}
	return []room.Stay{{Room: new(room.Room), Membership: room.Join}, {Room: new(room.Room), Membership: room.Ban}}
}

func (r *rooms) Leave(_ context.Context, m room.Membership) error {
	if r.err == nil {
		r.left = append(r.left, m.Sender)
	}
	return r.err
}

func open(t *testing.T, db *store.DB, visible stream.Pos, r *rooms) *departure.Departures {
	t.Helper()
	return openAt(t, db, visible, r, clocktest.New())
}

func openAt(t *testing.T, db *store.DB, visible stream.Pos, r *rooms, clock *clocktest.Clock) *departure.Departures {
	t.Helper()
	d, err := departure.New(t.Context(), db, func() stream.Pos { return visible }, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	d.Join(r)
	return d
}

// A wish outlives whatever goes wrong, and is fulfilled once.
func TestAWishIsFulfilledInTheEnd(t *testing.T) {
	storetest.Each(t, []string{"departure"}, func(t *testing.T, db *store.DB) {
		for user, erase := range map[matrix.UserID]bool{alice: true, bob: false} {
			for range 2 { // as a transaction that runs again
				if err := db.Tx(t.Context(), func(tx *store.Tx) error { return departure.Leaver{}.Leave(t.Context(), tx, user, erase) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		broken := errors.New("no disk")
		r := &rooms{err: broken}
		d := open(t, db, 7, r)
		if _, erased := d.Erased(alice); erased {
			t.Error("alice is erased before anybody looked")
		}
		if err := d.Fulfil(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Fulfil = %v, want %v", err, broken)
		}
		r.err = nil
		d = open(t, db, 9, r) // after a restart
		if err := d.Fulfil(t.Context()); err != nil || len(r.left) != 2 {
			t.Errorf("left have %v, %v", r.left, err)
		}
		if err := d.Fulfil(t.Context()); err != nil || len(r.left) != 2 {
			t.Errorf("then left have %v, %v", r.left, err)
		}
		for _, d := range []*departure.Departures{d, open(t, db, 11, r)} {
			if since, erased := d.Erased(alice); !erased || since != 7 {
				t.Errorf("alice is erased %v since %d, want since 7", erased, since)
			}
			if _, erased := d.Erased(bob); erased {
				t.Error("bob is erased")
			}
		}
	})
}

// A request to join that was under way when the account ended comes to its end later: whoever
// has left is looked after for a while, and then no more.
func TestWhoComesAfterTheEndLeavesAgain(t *testing.T) {
	storetest.Each(t, []string{"departure"}, func(t *testing.T, db *store.DB) {
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return departure.Leaver{}.Leave(t.Context(), tx, alice, false) }); err != nil {
			t.Fatal(err)
		}
		r, clock := new(rooms), clocktest.New()
		d := openAt(t, db, 1, r, clock)
		fulfil := func(what string, want int) {
			t.Helper()
			if err := d.Fulfil(t.Context()); err != nil || len(r.left) != want {
				t.Errorf("%s left have %q, %v; want %d", what, r.left, err, want)
			}
		}
		fulfil("at the end", 1)
		r.left = nil // joined
		clock.Advance(time.Minute)
		fulfil("a minute later", 1)
		clock.Advance(time.Hour)
		fulfil("an hour later", 1)
		r.left = nil
		fulfil("after that", 0)
	})
}

// Who may not leave stays, and holds nobody up.
func TestWhoMayNotLeave(t *testing.T) {
	storetest.Each(t, []string{"departure"}, func(t *testing.T, db *store.DB) {
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return departure.Leaver{}.Leave(t.Context(), tx, alice, false) }); err != nil {
			t.Fatal(err)
		}
		r, clock := &rooms{err: authz.ErrNotJoined}, clocktest.New()
		d := openAt(t, db, 1, r, clock)
		for range 2 {
			if err := d.Fulfil(t.Context()); err != nil {
				t.Errorf("Fulfil = %v", err)
			}
			clock.Advance(time.Hour)
		}
		r.err = nil
		if err := open(t, db, 1, r).Fulfil(t.Context()); err != nil || r.left != nil {
			t.Errorf("again: left have %v, %v", r.left, err)
		}
	})
}
