// Package keyring keeps the ed25519 keys that a server signs with, sealed in its
// database: one is current, the retired ones still verify what they signed.
//
// Both programs have a ring of their own. Every call reads the database, so that a
// rotation by another process or replica holds from the next signature on. What a
// key is used for, and how it is published, is the business of the packages above.
package keyring
