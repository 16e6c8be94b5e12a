// Package message writes the words of an invitation in the receiver's language: who
// invites, where to, by which server, where to see it, and how to get no more of them.
//
// Phrases in ten languages and one layout for all of them are built in; the operator's
// folder (configuration key "templates") replaces some of both, as internal/wording reads
// it. What a stranger wrote is short and quoted in an e-mail, so that it becomes neither
// markup nor a link, and never stands in a subject or a text message. Nothing remote is
// loaded. The package knows neither tokens nor how a message travels.
package message
