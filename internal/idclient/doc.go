// Package idclient asks identity servers, as any homeserver can: each call of the identity
// service API v2 by a method of its own, and those extensions that make a sign-up possible
// (docs/homeserver-integration.md).
//
// A call is made on behalf of a user, with the token that they brought for that server, or as
// the homeserver, which signs it (X-Matrix). What comes back is bounded and of the form that
// the specification gives it, or an error of fedclient: a Refusal where the server refuses,
// others where it does not answer, or answers something else. Nothing is kept but when the log
// was told last that clocks differ, and no error quotes an address, a token or a hash.
package idclient
