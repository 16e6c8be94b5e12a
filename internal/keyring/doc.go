// Package keyring keeps a server's own keys, sealed in its database: a ring a purpose;
// no key has two.
//
//	              rotate, by a successor          revoke, for a reason
//	current ─────────────────────────▶ retired ─────────────────────────▶ revoked
//	signs                              believed for what it signed        not believed
//
// One key of a ring is current. Every call reads the database, so that a rotation or a
// revocation by another process or replica holds from the next signature on. A retired key of
// a log goes on signing beside its successor for a while, and which keys sign is for the log to
// say (keys/log/keeper). A VRF's key stays as long as its log.
//
// How a key is published, and what its signature says, is the business of the packages
// above.
package keyring
