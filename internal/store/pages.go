package store

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// pageSlots is how many pages all SQLite connections of the process cache together.
	pageSlots = 1024
	// pageSlot is the octets of a page, and of what SQLite keeps beside it in memory.
	pageSlot = 4096 + 272
)

// SQLite is given memory for its pages once, before anybody opens a database. Otherwise it
// allocates each by itself, which takes twice the memory and as long as reading it: a reader
// forgets its pages after each commit, and what was theirs goes back to the system.
func init() {
	tls := libc.NewTLS()
	defer tls.Close()
	if slots := libc.Xmalloc(tls, pageSlots*pageSlot); slots != 0 {
		parameters := libc.NewVaList(slots, int32(pageSlot), int32(pageSlots))
		sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_PAGECACHE, parameters)
		libc.Xfree(tls, parameters)
	}
}
