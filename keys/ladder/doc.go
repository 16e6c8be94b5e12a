// Package ladder is the binary ladder of KEYTRANS: which versions of a label a proof
// looks up to show that one of them is the greatest, and what the answers mean.
//
// Versions are looked up at 0, 1, 3, 7 and so on until one is absent, and then by
// halving. For the greatest version n, each rung v is present exactly when v <= n. The
// ladders of two different n always meet in a rung that would have to be present for
// one and absent for the other; and since versions never leave the log, a false claim
// to one person is seen by the owner, who looks at the ladder of the true n.
//
// The package is pure and imports nothing else of Signet. It follows
// draft-ietf-keytrans-protocol, section "Binary Ladder" and the appendix of that name.
package ladder
