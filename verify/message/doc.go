// Package message writes the words that are sent to an address under
// verification: who asks, for what, the code, the link, and how long they live.
//
// The templates are built in; a file of the same name in the operator's folder
// (configuration key "templates") replaces one. Nothing in a message was written
// by a stranger but the Matrix id that asks, which is quoted as data. The package
// knows neither sessions nor how a message travels.
package message
