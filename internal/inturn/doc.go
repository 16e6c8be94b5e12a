// Package inturn lets one at a time work on what has a name, such as a room, while others work on
// other things: who came first goes first, and whoever waits may go away.
//
// Its neighbours are crowd, which lets so many in at a time and sends the others away, and together,
// which has what many need done once.
package inturn
