package storetest

import (
	"testing"

	"signet/internal/store"
)

// AwaitBlocked waits until a statement waits for a row that a session of PostgreSQL has
// locked, which pg_backend_pid() there names.
func AwaitBlocked(t testing.TB, db *store.DB, pid int) {
	t.Helper()
	for blocked := 0; blocked == 0; {
		err := db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))`, pid).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
	}
}
