package roomkeys_test

import (
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const alice, bob matrix.UserID = "@alice:hs.test", "@bob:hs.test"

// world is a server with its backups.
type world struct {
	*testing.T
	*roomkeys.Backups
	db *store.DB
}

// each tells the story on every engine and looks through the books at its end.
func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"roomkeys"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, Backups: &roomkeys.Backups{DB: db}, db: db}
		story(w)
		w.check()
	})
}

// check re-reads every row: backups have the keys that they count, and numbers that were
// given.
func (w *world) check() {
	w.Helper()
	for what, query := range map[string]string{
		"backups that count wrongly": `SELECT COUNT(*) FROM roomkeys_backups b WHERE NOT deleted AND (keys, octets) <>
			(SELECT COUNT(*), COALESCE(SUM(OCTET_LENGTH(session_data)), 0) FROM roomkeys_keys k WHERE k.user_id = b.user_id AND k.version = b.version)`,
		"keys of no backup": `SELECT COUNT(*) FROM roomkeys_keys k WHERE NOT EXISTS
			(SELECT 1 FROM roomkeys_backups b WHERE b.user_id = k.user_id AND b.version = k.version)`,
		"numbers that were not given": `SELECT COUNT(*) FROM roomkeys_backups b WHERE NOT EXISTS
			(SELECT 1 FROM roomkeys_numbers n WHERE n.user_id = b.user_id AND n.last >= b.version)`,
	} {
		if n := w.count(query); n != 0 {
			w.Errorf("%d %s", n, what)
		}
	}
}

func (w *world) count(query string) (n int) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), query).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// unchanged checks that what is done writes nothing.
func (w *world) unchanged(what string, do func()) {
	w.Helper()
	dump := func() string {
		return storetest.Dump(w.T, w.db, "roomkeys_numbers", "roomkeys_backups", "roomkeys_keys")
	}
	before := dump()
	do()
	if after := dump(); after != before {
		w.Errorf("%s wrote something: before\n%s\nafter\n%s", what, before, after)
	}
}

// crowd runs n calls at the same moment.
func crowd(n int, call func(i int)) {
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			call(i)
		})
	}
	start.Done()
	done.Wait()
}

// raw is JSON text.
func raw(text string) jsontext.Value { return jsontext.Value(text) }
