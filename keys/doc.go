// Package keys is the directory of public keys. Today it holds the server's own
// long-term keys: they sign associations, are published by id, and stay valid for
// what they signed after they are retired, unless they are revoked. The server's keys
// for other purposes are never among them.
//
// People's keys, other servers' keys and the log that makes all of them checkable
// have their place here (keys/vrf, keys/log, keys/proof, keys/notary).
package keys
