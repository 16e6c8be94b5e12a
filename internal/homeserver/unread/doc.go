// Package unread counts what a user has not read of a room: notifications, and among them
// highlights, of the main timeline and of each thread (client-server API, "Receiving
// notifications" and "Threaded read receipts").
//
// Nothing of it is stored. Counts are what the user's push rules say of the events after
// the user's receipts, of at most so many of the newest. What was counted stays in memory
// for a while and goes on from there with the next event; a receipt that moves, and rules
// that change, begin it anew.
package unread
