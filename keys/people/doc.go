// Package people is the log of people's keys: what they publish for their addresses and
// user ids, who is behind an address, and the proofs of both.
//
//	Publish, Revoke ─▶ people_versions, pending ─┐
//	changes of bindings (Feed) ──────────────────┼▶ keys/log ─▶ Lookup, with proof
//	Erase ─▶ tombstones, pending ────────────────┘
//
// A label's versions are numbered without a gap and never leave the log, in which each is an
// index that only the VRF's key can make, and a commitment. What opens the commitment is
// here, sealed, until it is erased; then nothing tells any more what the log holds.
//
// What each asker may publish, try and have proven is bounded (budgets.go).
//
// Its neighbours: verify proves who may publish, lookup tells of bindings and of erasures,
// keys/value says what a value is, keys/log sequences, keys/replay keeps the map.
package people
