// Package lookup says who is behind an address: it binds proven addresses to
// Matrix users, takes bindings back, and answers hashed look-ups.
//
// There is one binding an address; binding again replaces it. A binding exists only
// by a verify.Proof, spent in the binding's own transaction. Look-ups follow the
// identity service API ("Association lookup"): clients ask by SHA-256 of address,
// medium and the server's pepper. The table holds no such hash, only its HMAC under
// a sealed key, so a stolen table cannot be searched with a list of addresses.
//
// Its neighbours: verify proves, keys signs (through Signer), web/api speaks HTTP.
package lookup
