// Package message writes the words that are sent to an address under verification,
// in the receiver's language: who asks and for what, the code, how long it lives,
// and where to say "this was not me".
//
// The phrases of the ten languages and one layout for all of them are built in; the
// operator's folder (configuration key "templates") replaces some of both. What a
// stranger wrote is quoted in an e-mail, so that it becomes neither markup nor a
// link, and never stands in a text message. The package knows neither sessions nor
// how a message travels.
package message
