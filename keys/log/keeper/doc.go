// Package keeper has the keys of a log in the server's key ring, and makes the CONFIGs by which
// they change in the log: a log.Keys.
//
//	rotate ─▶ CONFIG names the new key and those before ─▶ overlap ends ─▶ CONFIG names the new one
//
// The ring says what the operator wants, the log's newest CONFIG what is so. Where they differ
// a CONFIG is due, whoever sequences, and after whatever crash. A key that no CONFIG names signs
// no checkpoint; one that a CONFIG has left out is not named again.
package keeper
