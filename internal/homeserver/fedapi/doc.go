// Package fedapi is the homeserver's server-server API over HTTP: its signing
// keys, its version, and the exchange of OpenID tokens by which other services
// learn who somebody is.
//
// Everything here may be asked by anybody, without a signature. The keys come from
// the server's keyring, the people from account.
package fedapi
