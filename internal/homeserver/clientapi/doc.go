// Package clientapi is the homeserver's client-server API over HTTP, with the
// .well-known documents that lead clients and servers to it: routes, shapes of
// requests and answers, and what the errors of the packages below mean there.
//
// It holds no rule of its own: a handler decodes, calls account, and replies.
// Access tokens are taken from the Authorization header only.
package clientapi
