// Package entry says what stands in the logs: the entries and their octets, the
// labels of people, what the VRF is asked for a label, and the commitment to a value.
//
//	label       medium ":" canonical address, or "binding:" and that, for who is behind it;
//	            at most 255 octets of UTF-8
//	VRF input   u8 length of the label · label · u32 version
//	commitment  HMAC-SHA256(Kc, opening · VRF input · u32 length of the value · value)
//	INSERT      0x01 · index · commitment            65 octets
//	EPOCH       0x02 · u64 ms · u64 position · root  49 octets
//	RECORD      0x03 · a JSON object                 at most 1 + 16,384 octets
//	CONFIG      0x04 · a JSON object                 at most 1 + 16,384 octets
//
// Numbers are big-endian, JSON is Matrix's canonical JSON. Nothing else is an entry,
// and different things never have the same octets. VRF input, commitment and the
// sizes are those of draft-ietf-keytrans-protocol, cipher suite
// KT_128_SHA256_Ed25519. The package is pure; keys/log and keys/proof build on it.
package entry
