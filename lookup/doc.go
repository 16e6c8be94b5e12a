// Package lookup says who is behind an address: it binds proven addresses to
// Matrix users, takes bindings back, and answers hashed look-ups.
//
// There is one binding an address; binding again replaces it. A binding exists only
// by a verify.Proof, spent in the binding's own transaction, or by an operator who moves it
// here from another server (Move). Every change of one is a row of the feed, written in
// that same transaction, at a position that counts from 1 without a gap, in the order of
// commits. The feed is the only way in which one process learns what another did, and what
// is made of it from its beginning is the table of bindings (Replay).
//
// Look-ups follow the identity service API ("Association lookup"): clients ask by SHA-256
// of address, medium and the server's pepper. They are answered from memory, each after the
// feed was followed to its end. A pepper lives for an epoch of 30 days; the hashes of the
// next are made beside the living ones in the ten minutes before, and the old ones are
// kept for fifteen after. The database holds no hash of an address: addresses are
// encrypted, and found by an HMAC under a sealed key, so that a stolen table cannot be
// searched with a list of addresses.
//
// A binding ends after a year, that of a phone number after half of it, unless it is made
// again: sweeps remind its owner (Remind) and take it back (Expire). It is found until then.
//
// Owners of addresses see, by a proof of purpose manage, all that any room holds about theirs,
// take it back whoever is behind it, and have it erased in one transaction; users the same of
// themselves. The other rooms join in as Holder and UserHolder.
//
// Its neighbours: verify proves, keys signs (through Signer), web/api speaks HTTP. Its rooms:
// table remembers, discovery bounds what anybody can find out; invite, notice and movein
// stand beside it. Who else must know of a change is told in its transaction (Told).
package lookup
