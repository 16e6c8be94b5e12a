// Package typing says who is typing in which room, for as long as they said (client-server
// API, "Typing Notifications"). Nothing of it is stored: it has positions in the stream,
// and after a restart nobody is typing.
//
// Whether somebody may say so, its callers know, who know the rooms.
package typing
