// Package table holds in memory who is behind which address, as look-ups ask for it. It
// knows no address: a record is found by the keyed index of its address, and, in each
// epoch, by the hash that clients ask for. A million records take 80 MB and each further
// epoch 24, in a few large pieces without pointers, which the garbage collector need not
// walk.
//
// A Table is not safe for concurrent use, except that any number may read it at a time.
package table
