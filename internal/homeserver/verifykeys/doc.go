// Package verifykeys knows the keys by which servers sign (server-server API, "Retrieving
// server keys"): our own by the keyring, others' as they publish them, and as notaries
// vouch for them where a server cannot be asked or has forgotten a key. The first of these is
// the key directory: where it shows what does not hold, no other notary is asked.
//
// A key that was proven once is kept for ever, with the time until which it was valid, so
// that old events can be verified when their server is gone. Questions about one key at the
// same time are one question, and those that failed are not asked again at once.
package verifykeys
