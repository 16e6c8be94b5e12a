// Package receipt keeps how far people have read: receipts that everybody in the room is
// shown, and private ones, for a whole room or for one thread of it (client-server API,
// "Receipts").
//
// A receipt moves forward in the order of the stream and never back, so that one which
// arrives late undoes nothing. Whether a user may set one, and where an event is, its
// callers know, who know the rooms.
package receipt
