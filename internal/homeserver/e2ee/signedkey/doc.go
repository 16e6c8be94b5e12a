// Package signedkey is the public keys of end-to-end encryption as clients sign them:
// device keys, one-time and fallback keys, cross-signing keys (client-server API,
// "End-to-End Encryption").
//
// It reads what a client uploads, refuses what nobody could use, and checks signatures.
// A key is taken apart into what its signatures cover, in canonical JSON, and the
// signatures, and put together again for who may see them. The package is pure: no
// network, no clock, no storage.
package signedkey
