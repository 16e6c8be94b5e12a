// Package keys holds the server's own long-term keys: they sign associations, are
// published by id, and stay valid for what they signed after they are retired, unless
// they are revoked. The server's keys for other purposes are never among them.
//
// Its rooms are the directory of everybody else's keys, which nobody can quietly change:
//
//	people ─▶ log ◀─ servers ◀─ notary    what is published, sealed and proven
//	vrf, prefixtree, ladder, entry        what a log and its proofs are made of
//	value, proof, replay, audit           what is in it, and whether it holds
//
// docs/key-directory.md is their protocol.
package keys
