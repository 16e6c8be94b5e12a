// Package words writes notices in the receiver's language: what became of the binding of
// an address, whose it is, and where to see and change that; and that somebody logged in, has set
// another password, or has added or removed an address.
//
// The phrases of the ten languages and a layout of each of the two sorts are built in; the
// operator's folder (configuration key "templates") replaces some of both. Matrix ids are
// quoted in an e-mail, so that they become neither markup nor a link, and never stand in a
// text message. Its neighbour internal/wording has what all messages have in common.
package words
