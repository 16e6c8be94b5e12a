package prefixtree

import (
	"bytes"
	"crypto/sha256"
)

// HashSize is the octets of a hash, an index and a commitment: KEYTRANS's Hash.Nh for
// SHA-256.
const HashSize = sha256.Size

// maxDepth is the depth of two leaves whose indices differ in the last bit alone.
const maxDepth = 8 * HashSize

// Index is where a leaf is looked for: the VRF's output for a version of a label. Its first
// bit is the most significant bit of its first octet; 0 leads to the left.
type Index [HashSize]byte

// Commitment is what a leaf holds.
type Commitment [HashSize]byte

// Hash is the value of a node. That of a missing child, and of an empty tree, is all zero.
type Hash [HashSize]byte

// Leaf is an index with its commitment, KEYTRANS's PrefixLeaf.
type Leaf struct {
	Index      Index
	Commitment Commitment
}

// What is hashed begins with an octet that tells leaves from parents (KEYTRANS, "Updating
// Views of the Tree", "Prefix Tree"), so that neither can pass for the other.
const (
	leafTag   = 0x02
	parentTag = 0x03
)

func (l *Leaf) hash() Hash { return hashOf(leafTag, (*Hash)(&l.Index), (*Hash)(&l.Commitment)) }

func parentHash(left, right *Hash) Hash { return hashOf(parentTag, left, right) }

func hashOf(tag byte, first, second *Hash) Hash {
	var in [1 + 2*HashSize]byte
	in[0] = tag
	copy(in[1:], first[:])
	copy(in[1+HashSize:], second[:])
	return sha256.Sum256(in[:])
}

// bit is the i-th bit, from 0.
func (x *Index) bit(i int) byte { return x[i/8] >> (7 - i%8) & 1 }

// shares tells whether the first so many bits of both are the same.
func (x *Index) shares(bits int, y *Index) bool {
	for i := range min(bits, maxDepth) {
		if x.bit(i) != y.bit(i) {
			return false
		}
	}
	return true
}

func compare(a, b Leaf) int { return bytes.Compare(a.Index[:], b.Index[:]) }
