// Package room keeps the rooms of a homeserver: their events, their state at each of them,
// who is in them, and what each user may read.
//
//	verb ─▶ tip ─build, check, queue─▶ stream.Committer ─Write─▶ tables
//	                                          └────────Publish─▶ view ─▶ readers
//
// A room has one lock. Under it an event is built on the tip, the room as it will be when
// all that is queued is stored; then its turn in the stream is settled and its sender
// waits. Readers see the view, which changes when something is stored: nobody is told what
// a crash could take back. Rooms that nobody uses are forgotten and read again from their
// tables, the least recently used first.
//
// Events are event's, rules are authz's, forks are resolved by stateres. HTTP is above.
package room
