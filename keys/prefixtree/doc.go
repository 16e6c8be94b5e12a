// Package prefixtree is the map of the directory: KEYTRANS's prefix tree
// (draft-ietf-keytrans-protocol, "Prefix Tree") from the index of a version of a label to
// the commitment to its value. Its root stands for all of it, and a Proof shows to
// somebody who knows the root alone that an index is there, or that it is not.
//
// A Tree never changes: With makes a new one that shares all but the changed nodes, so
// that readers prove from one root while the next is made, and what fails leaves no trace.
//
// Checking a proof needs no tree, no clock and no network. Who imports this package for
// that alone, a client or another server, gets nothing else with it.
package prefixtree
