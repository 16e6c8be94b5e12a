// Package fedapi is the homeserver's server-server API over HTTP: its signing
// keys, its version, the exchange of OpenID tokens by which other services learn who
// somebody is, what identity servers tell of addresses that were bound, and what it answers
// to other servers that sign their requests.
//
//	request ─signed: X-Matrix, key, body─▶ handler ─▶ resident ─▶ room
//
// Who asks is known before a handler runs; what they may have is said below. Answers that
// may be large are written as they are read.
package fedapi
