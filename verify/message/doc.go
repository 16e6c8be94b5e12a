// Package message writes the words that are sent to an address under
// verification: for what, the code and how long it lives; in an e-mail, who asks and
// the link too.
//
// The templates are built in; a file of the same name in the operator's folder
// (configuration key "templates") replaces one. Nothing in a message was written
// by a stranger but the Matrix id that asks, which an e-mail quotes. The package
// knows neither sessions nor how a message travels.
package message
