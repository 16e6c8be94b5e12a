// Package keyring keeps a server's own keys, sealed in its database: a ring a purpose;
// no key has two.
//
//	              rotate, by a successor          revoke, for a reason
//	current ─────────────────────────▶ retired ─────────────────────────▶ revoked
//	signs                              believed for what it signed        not believed
//
// One key of a ring is current. Every call reads the database, so that a rotation or a
// revocation by another process or replica holds from the next signature on. The keys
// of a log and of its VRF stay as they are: they change with the log, in it.
//
// How a key is published, and what its signature says, is the business of the packages
// above.
package keyring
