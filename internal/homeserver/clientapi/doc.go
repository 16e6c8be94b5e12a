// Package clientapi is the homeserver's client-server API over HTTP, with the
// .well-known documents that lead clients and servers to it: routes, shapes of
// requests and answers, what the errors of the packages below mean there, and how often
// somebody may ask. Where people look at a page, page answers them.
//
// It holds no other rule of its own: a handler decodes, calls account, room, e2ee or
// userdata, and replies.
package clientapi
