// Package sync answers /sync: what is new for a device since its last answer, of all that
// the server tells clients (client-server API, "Syncing").
//
//	Request ─▶ query ─┬─▶ answer: everything after since and up to to ─▶ JSON
//	                  └── nothing? wait until the user is woken, look again
//
// An answer is cut at one position, to, whatever is stored meanwhile, and the next one
// begins there: nothing is told twice and nothing is left out. What the client has is what
// its token proves; what the server remembers of devices beside that only spares reading
// and telling again, is bounded, and may be lost.
//
// Rooms, receipts, account data and keys are read from their packages. HTTP is above.
package sync
