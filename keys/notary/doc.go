// Package notary vouches for other servers' signing keys (server-server API, "Querying keys
// through another server"): it asks each server for its document, and signs what it answers.
//
//	Query ─▶ fresh? ─▶ fetch ─▶ Parse ─▶ judge ─▶ one transaction ─▶ log ─▶ sign, answer
//	                                       │       object, keys, record
//	                  octets of a key id changed: refused, kept as evidence
//	                  no key that is known signs: held for an hour or three days, not served
//
// It promises that a key id stands for the same octets for ever, unless the operator decides
// otherwise on the record (Accept), that what a server once
// proved is not forgotten because of what it answers later, and, where there is a log, that
// nothing is served that is not logged. Everything it says of servers, the block-list too, is
// a record of the servers' log (keys/entry): Next gives them to whoever keeps the log.
package notary
