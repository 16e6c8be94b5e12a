// Package wording is what all messages that are sent to people have in common: phrases
// and layouts that the operator's folder may replace, names of strangers made harmless,
// and the room that a text message has.
//
// It knows no message. Its neighbours: internal/locale knows the languages, and
// verify/message and lookup/invite/message write the words.
package wording
