// Package clientapi is the homeserver's client-server API over HTTP, with the
// .well-known documents that lead clients and servers to it: routes, shapes of
// requests and answers, what the errors of the packages below mean there, how often
// somebody may ask, and what is asked on the pages of people, which page draws.
//
// It holds no other rule of its own: a handler decodes, calls account, room, e2ee or
// userdata, and replies.
package clientapi
