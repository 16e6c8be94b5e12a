// Package acl reads the server ACLs of a room: which servers may take part in it
// (client-server API, m.room.server_acl; server-server API, "Server Access Control
// Lists").
//
// A List is read once for an event and asked for every request. It remembers what it has
// said, and takes a few milliseconds for a new name, whatever patterns somebody has written.
package acl
