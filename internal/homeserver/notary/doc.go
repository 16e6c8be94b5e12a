// Package notary vouches for the signing keys of other servers (server-server API, "Querying
// Keys Through Another Server"): it fetches the document in which a server publishes them,
// checks it, and signs it beside that server.
//
// Anybody may ask it to ask anybody, so it asks few servers at a time, each once for all who
// want to know at the same time, and one that failed not again at once. What it has is kept in
// memory, a bounded number, and given out also when the server is gone.
//
// What the key directory has proven here is given on with that proof, in
// unsigned."im.signet.keys" (docs/key-directory.md), for others to verify.
package notary
