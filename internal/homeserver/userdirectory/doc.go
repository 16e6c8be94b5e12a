// Package userdirectory finds people by their names and user ids (client-server API, "User
// Directory"): those with whom the searcher shares a room, and those in rooms that anybody
// may join and that somebody of this server is in. Nobody else is found, and nobody by a name
// that the searcher could not read: users of this server have the name of their profile,
// all others those of the rooms in which the searcher may see them.
//
// It keeps who is in which room in memory, folded to be compared, and nothing of its own in the
// database: it is read from the rooms when the server starts, or at the first search where that
// failed. After that the rooms and profiles tell it who has changed, and those are read again
// before the next search, so that a crash leaves nothing out of step.
package userdirectory
