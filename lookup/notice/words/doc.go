// Package words writes notices in the receiver's language: what became of the binding of
// an address, whose it is, and where to see and change that.
//
// The phrases of the ten languages and one layout for all of them are built in; the
// operator's folder (configuration key "templates") replaces some of both. Matrix ids are
// quoted in an e-mail, so that they become neither markup nor a link, and never stand in a
// text message. Its neighbour internal/wording has what all messages have in common.
package words
