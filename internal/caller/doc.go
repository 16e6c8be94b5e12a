// Package caller says who may call the identity server: a Matrix account, by a
// bearer token that it got for an OpenID token of its homeserver and, where there
// are terms, has accepted them with; or a homeserver, by its X-Matrix signature,
// unless the operator has blocked it.
//
// Tokens are kept as HMACs, end 30 days after they were last used, and can be
// listed and revoked. A block holds at once on all replicas; a signed call that may
// not be repeated goes through once on all of them. The package knows since when a
// caller is known; what a caller may do is decided where it is done.
//
// Until it is known who calls, a stranger costs others and us little: so many questions
// at once to a host and for a network, and budgets (internal/quota) before anything is
// asked or stored.
package caller
