// Package resident is what this server answers, for the rooms that it is in, to other
// servers: events and their history, the state at an event with all that allows it, and
// the handshakes by which a server that is not in a room comes in, knocks and leaves.
//
// Whoever asks must be allowed in by the room's server ACLs (package acl) and, to read, be
// in the room; of events that history visibility hides from that server it gets what
// redaction leaves. Every walk over a room's graph is bounded in what it reads and keeps.
//
// The rooms are room's. HTTP, and who it is that asks, is fedapi's business.
package resident
