// Package event says what an event of a room is, in every room version from 1 to 12:
// its octets, its id, its hashes and signatures, what redaction leaves of it, and the
// limits it must keep.
//
//	remote JSON ──Parse──┐
//	stored JSON ──Load───┼─▶ *Event ──Redact, Sign──▶ *Event
//	Proto ───────Build───┘
//
// An Event cannot change and keeps its canonical JSON, a few words of it, and nothing
// else; what is asked for rarely is read from the JSON each time. What differs between
// versions has a method of Version named after the rule, so that nobody else compares
// versions. The package is pure: no network, no clock, no storage. Whether an event may
// happen is authz's question, which one wins is stateres's.
package event
