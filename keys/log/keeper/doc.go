// Package keeper has the keys of a log in the server's key ring, and makes the CONFIGs by which
// they change in the log: a log.Keys.
//
//	rotate ─▶ CONFIG names the new key and those before ─▶ overlap ends ─▶ CONFIG names the new one
//
// The ring says what the operator wants, the log's newest CONFIG what is so. Where they differ
// a CONFIG is due, whoever sequences, and after whatever crash. A key that no CONFIG names signs
// no checkpoint; one that a CONFIG has left out is not named again.
//
// A CONFIG is due, too, when the newest does not name the key by which the server signs values.
// The log asks for it after it has read what is to be logged and appends it before that, so that
// each value stands behind the CONFIG that names the key of its signature.
package keeper
