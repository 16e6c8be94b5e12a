// Package value says what a version of a label holds, and checks it.
//
//	User         the keys of a person, or their revocation   {"type":"im.signet.keys.user.v1",...}
//	Association  who is behind an address, or nobody          what POST /3pid/bind answers
//	Tombstone    what is left of what was erased              {"type":"im.signet.keys.erased.v1",...}
//
// Values are canonical JSON of at most 16 KiB. What Parse takes has one spelling, whole
// keys of known kinds and nothing that is not named here, so that whoever publishes, proves
// or looks up reads the same from it. Whose signatures are right is asked of the value
// afterwards, with the keys that should have made them. The package is pure.
package value
