// Package inbound takes in what other servers send of rooms, and brings rooms of theirs here.
//
//	transaction ─▶ read, sign, ACLs ─▶ a room's turn ─▶ gap filled ─▶ room.Accept
//	                                        └─ too long ─▶ backlog ─┘
//
// Rooms work side by side, and in each one event at a time. An event's fate is its own: a bad
// one fails no other, what takes too long goes on in the background from a table, and one
// that cannot be dealt with is given up after a few attempts.
//
// Nothing that another server says is believed before its signature, and what it rests on,
// is checked. What an event is, event says; whether it may happen, authz; where it stands,
// room.
package inbound
