package prefixtree_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	mathbits "math/bits"
	"math/rand/v2"
	"slices"
	"strings"

	"signet/keys/prefixtree"
)

// oracle is a prefix tree as the draft defines it, without a thought for speed: leaves by
// their index, written as 256 characters 0 and 1.
type oracle map[string]prefixtree.Leaf

func oracleOf(leaves []prefixtree.Leaf) oracle {
	o := oracle{}
	for _, leaf := range leaves {
		o[bits(leaf.Index)] = leaf
	}
	return o
}

func bits(index prefixtree.Index) string {
	var s strings.Builder
	for _, octet := range index {
		fmt.Fprintf(&s, "%08b", octet)
	}
	return s.String()
}

func (o oracle) has(index prefixtree.Index) bool {
	_, there := o[bits(index)]
	return there
}

func (o oracle) root() prefixtree.Hash { return o.value("", slices.Sorted(maps.Keys(o))) }

// value is the value of the node for a prefix, below which are these indices.
func (o oracle) value(prefix string, below []string) prefixtree.Hash {
	switch len(below) {
	case 0:
		return prefixtree.Hash{}
	case 1:
		leaf := o[below[0]]
		return sum(2, leaf.Index[:], leaf.Commitment[:])
	}
	var sides [2][]string
	for _, index := range below {
		if strings.HasPrefix(index, prefix+"0") {
			sides[0] = append(sides[0], index)
		} else {
			sides[1] = append(sides[1], index)
		}
	}
	left, right := o.value(prefix+"0", sides[0]), o.value(prefix+"1", sides[1])
	return sum(3, left[:], right[:])
}

// depth is how deep a search for an index goes: one bit further than what the index has in
// common with the second closest leaf, since until there it has company.
func (o oracle) depth(index prefixtree.Index) int {
	closest, second := -1, -1
	for _, leaf := range o {
		switch n := inCommon(index, leaf.Index); {
		case n > closest:
			closest, second = n, closest
		case n > second:
			second = n
		}
	}
	return second + 1
}

func inCommon(a, b prefixtree.Index) int {
	for i := range a {
		if a[i] != b[i] {
			return 8*i + mathbits.LeadingZeros8(a[i]^b[i])
		}
	}
	return 256
}

func sum(tag byte, parts ...[]byte) prefixtree.Hash {
	return sha256.Sum256(slices.Concat([]byte{tag}, slices.Concat(parts...)))
}

// world is a set of leaves that is worth a look.
type world struct {
	name   string
	leaves []prefixtree.Leaf
}

// worlds are sets at the bounds of what can be: empty, at every depth, with everything in
// common but the last bits, and of every small size, so that those at which the tree
// changes its layout are among them.
func worlds() []world {
	var zeros, ones, last prefixtree.Index
	last[31] = 1
	for i := range ones {
		ones[i] = 0xff
	}
	list := []world{
		{"nothing", nil},
		{"zeros", leavesAt(zeros)},
		{"ones", leavesAt(ones)},
		{"zeros and ones", leavesAt(zeros, ones)},
		{"a pair that differs in the last bit", leavesAt(zeros, last)},
		{"such a pair and one far away", leavesAt(zeros, last, ones)},
		{"a leaf at each depth", leavesAt(oneAtEachDepth()...)},
		{"many with 240 bits in common", leavesAt(alike(240, 300)...)},
		{"some with 250 bits in common", leavesAt(alike(250, 64)...)},
		{"two crowds far apart", leavesAt(append(alike(248, 40), ones)...)},
	}
	for n := 1; n <= 24; n++ {
		list = append(list, world{fmt.Sprint(n, " at random"), randomLeaves(source(n), n)})
		list = append(list, world{fmt.Sprint(n, " alike"), leavesAt(alike(250, n)...)})
	}
	return append(list, world{"500 at random", randomLeaves(source(500), 500)})
}

func source(seed int) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}) }

// leavesAt gives each index some commitment.
func leavesAt(indices ...prefixtree.Index) []prefixtree.Leaf {
	var leaves []prefixtree.Leaf
	for i, index := range indices {
		leaves = append(leaves, prefixtree.Leaf{Index: index, Commitment: prefixtree.Commitment{byte(i), byte(i >> 8)}})
	}
	return leaves
}

// oneAtEachDepth are the indices with a single 1, and that with none.
func oneAtEachDepth() []prefixtree.Index {
	indices := make([]prefixtree.Index, 257)
	for i := range 256 {
		indices[i] = flip(prefixtree.Index{}, i)
	}
	return indices
}

// alike are n indices with so many bits in common, of which the last octets count.
func alike(common, n int) []prefixtree.Index {
	if n > 1<<(256-common) {
		panic("so many do not have so much in common")
	}
	indices := make([]prefixtree.Index, n)
	for i := range indices {
		indices[i] = prefixtree.Index{0xa5, 30: byte(i >> 8), 31: byte(i)}
	}
	return indices
}

func flip[A ~[32]byte](a A, bit int) A {
	a[bit/8] ^= 0x80 >> (bit % 8)
	return a
}
