// Package acl reads the server ACLs of a room: which servers may take part in it
// (client-server API, m.room.server_acl; server-server API, "Server Access Control
// Lists").
//
// A List is compiled once for an event and asked for every request. It is pure, and takes
// linear time whatever patterns somebody has written.
package acl
