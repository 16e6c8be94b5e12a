package store_test

import (
	"testing"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"signet/internal/store/storetest"
)

// Pages with all that SQLite keeps beside them fit into the memory that is there for them.
func TestPagesHaveTheirMemory(t *testing.T) {
	storetest.Open(t, storetest.SQLite(t), nil)
	tls := libc.NewTLS()
	defer tls.Close()
	answer := libc.Xcalloc(tls, 2, 4)
	defer libc.Xfree(tls, answer)
	sqlite3.Xsqlite3_status(tls, sqlite3.SQLITE_STATUS_PAGECACHE_USED, answer, answer+4, 0)
	if libc.AtomicLoadPInt32(answer) == 0 {
		t.Error("an open database has no page there")
	}
}
