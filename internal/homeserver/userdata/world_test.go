package userdata_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	alice = matrix.UserID("@alice:hs.test")
	bob   = matrix.UserID("@bob:hs.test")
	room  = matrix.RoomID("!room:hs.test")
)

// world is what users keep at a server.
type world struct {
	*testing.T
	*userdata.Data
	db       *store.DB
	clock    *clocktest.Clock
	commits  *commits
	follower *follower
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"userdata"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), commits: &commits{db: db}, follower: new(follower)}
		w.Data = userdata.New(userdata.Options{DB: db, Committer: w.commits, Follower: w.follower, Now: w.clock.Now})
		story(w)
		w.check()
	})
}

// check states that no two pieces of account data have one position, and that none is
// beyond the last that was given.
func (w *world) check() {
	w.Helper()
	if n := w.count(`SELECT COUNT(*) - COUNT(DISTINCT pos) FROM userdata_account_data`); n != 0 {
		w.Errorf("%d pieces of account data share a position", n)
	}
	if n := w.count(`SELECT COUNT(*) FROM userdata_usage u WHERE (items, octets) <>
		(SELECT COUNT(*), COALESCE(SUM(OCTET_LENGTH(content)), 0) FROM userdata_account_data a WHERE a.user_id = u.user_id)`); n != 0 {
		w.Errorf("of %d users it is wrong how much they keep", n)
	}
	if n := w.count(`SELECT COUNT(*) FROM userdata_account_data WHERE user_id NOT IN (SELECT user_id FROM userdata_usage)`); n != 0 {
		w.Errorf("%d pieces of account data are not counted", n)
	}
	if last := w.last(); last > w.commits.last {
		w.Errorf("the last position is %d; given were %d", last, w.commits.last)
	}
}

// last is the greatest position that is stored.
func (w *world) last() stream.Pos {
	w.Helper()
	return stream.Pos(w.count(`SELECT COALESCE(MAX(pos), 0) FROM userdata_account_data`))
}

func (w *world) exec(statement string) {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), statement); err != nil {
		w.Fatal(err)
	}
}

func (w *world) count(query string) (n int64) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), query).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) rows() int64 {
	w.Helper()
	return w.count(`SELECT (SELECT COUNT(*) FROM userdata_profiles) + (SELECT COUNT(*) FROM userdata_filters) + (SELECT COUNT(*) FROM userdata_account_data)`)
}

// commits is a Committer whose positions have gaps, as those of many streams do.
type commits struct {
	db     *store.DB
	mu     sync.Mutex
	last   stream.Pos
	before error // what the next one fails with
}

func (c *commits) Commit(ctx context.Context, _ []matrix.UserID, write func(*store.Tx, stream.Pos) error) (stream.Pos, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last += 7
	return c.last, c.db.Tx(ctx, func(tx *store.Tx) error {
		if err := write(tx, c.last); err != nil {
			return err
		}
		return c.before
	})
}

// follower remembers the last profile it was told of.
type follower struct {
	told int
	last userdata.Profile
	err  error
}

func (f *follower) ProfileChanged(_ context.Context, _ matrix.UserID, p userdata.Profile) error {
	f.told++
	f.last = p
	return f.err
}

var errDisk = errors.New("the disk is full")

// leave is what a deactivation of Alice's account does here.
func (w *world) leave(erase bool) func(*store.Tx) error {
	return func(tx *store.Tx) error { return w.Leave(w.Context(), tx, alice, erase) }
}
