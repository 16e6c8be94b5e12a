// Package vrf is the verifiable random function that hides labels in the log:
// ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381, section 5 (suite string 0x03).
//
// Whoever holds the private key computes the output of an input, and no one else
// can; with the proof, anyone who holds the public key checks it. A public key
// gives each input one output, whoever made the key; proofs are not unique.
//
// What involves the private key takes the same time for every key. The time still
// tells a little about the input: how many hashes it took to find a point (section
// 5.4.1.1). What verifying takes tells about proof and input, which whoever verifies
// has. The package is pure and imports nothing else of Signet.
package vrf
