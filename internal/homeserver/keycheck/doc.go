// Package keycheck holds the cross-signing keys that a user's homeserver shows against those that
// stand in the key directory, with their proof (docs/key-directory.md).
//
// Whom somebody asks about the directory learns from the question, and no more: look-ups are
// made as the homeserver, when a user wants one, and are kept for as long as a client would
// believe them. What is at hand goes with the keys that clients ask for; nothing is asked for that.
package keycheck
