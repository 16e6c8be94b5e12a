package prefixtree_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"signet/keys/prefixtree"
)

// FuzzVerify: whatever a proof says, it is accepted for what is true alone.
func FuzzVerify(f *testing.F) {
	leaves := append(leavesAt(alike(250, 12)...), leavesAt(prefixtree.Index{}, prefixtree.Index{31: 1})...)
	leaves = append(leaves, randomLeaves(source(10), 30)...)
	o, tree := oracleOf(leaves), with(f, nil, leaves...)
	root := tree.Root()
	for _, leaf := range leaves {
		for _, bit := range []int{0, 4, 100, 255} {
			f.Add(leaf.Index[:], leaf.Commitment[:], print(tree.Prove(leaf.Index)))
			other := flip(leaf.Index, bit)
			f.Add(other[:], leaf.Commitment[:], print(tree.Prove(other)))
		}
	}
	f.Fuzz(func(t *testing.T, index, commitment, proof []byte) {
		leaf, p := leafOf(slices.Concat(fill(index), fill(commitment))), parse(proof)
		if p.VerifyInclusion(root, leaf) == nil && o[bits(leaf.Index)] != leaf {
			t.Errorf("%x is shown to be there", leaf)
		}
		if p.VerifyNonInclusion(root, leaf.Index) == nil && o.has(leaf.Index) {
			t.Errorf("%x is shown not to be there", leaf.Index)
		}
	})
}

func fill(b []byte) []byte { return append(slices.Clip(b), make([]byte, 32)...)[:32] }

func leafOf(b []byte) prefixtree.Leaf {
	return prefixtree.Leaf{Index: prefixtree.Index(b[:32]), Commitment: prefixtree.Commitment(b[32:64])}
}

// print writes a proof so that a fuzzer has all of it in its hands.
func print(p prefixtree.Proof) []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(p.Kind)}, uint16(p.Depth))
	b = slices.Concat(b, p.Other.Index[:], p.Other.Commitment[:])
	for _, hash := range p.Path {
		b = append(b, hash[:]...)
	}
	return b
}

func parse(b []byte) prefixtree.Proof {
	b = append(slices.Clone(b), make([]byte, max(0, 67-len(b)))...)
	p := prefixtree.Proof{
		Kind:  prefixtree.Kind(b[0]),
		Depth: int(int16(binary.BigEndian.Uint16(b[1:]))),
		Other: leafOf(b[3:67]),
	}
	for hash := range slices.Chunk(b[67:], 32) {
		p.Path = append(p.Path, prefixtree.Hash(fill(hash)))
	}
	return p
}

// FuzzTree: whatever leaves come in whatever batches, the tree is the oracle's, refuses
// what is taken, and proves what it has.
func FuzzTree(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 31, 1, 0, 1, 31, 2, 0, 1})
	f.Add([]byte{1, 1, 1, 9, 1, 1, 1, 9})
	many := make([]byte, 4*90)
	source(11).Read(many)
	f.Add(many)
	f.Fuzz(func(t *testing.T, plan []byte) {
		var tree *prefixtree.Tree
		var batch []prefixtree.Leaf
		o := oracle{}
		for step := range slices.Chunk(plan[:min(len(plan), 4*100)], 4) {
			if len(step) < 4 {
				break
			}
			batch = append(batch, prefixtree.Leaf{Index: indexOf(step), Commitment: prefixtree.Commitment{step[3]}})
			if step[3]%8 == 0 {
				tree, o = addOrRefuse(t, tree, o, batch)
				batch = nil
			}
		}
		check(t, tree, o)
		root := o.root()
		for _, step := range [][]byte{{0, 0, 0}, {31, 255, 0}, {0, 128, 1}} {
			checkProof(t, tree.Prove(indexOf(step)), root, indexOf(step), o)
		}
		for _, leaf := range o {
			checkProof(t, tree.Prove(leaf.Index), root, leaf.Index, o)
		}
	})
}

// indexOf is mostly zeros, so that indices have much in common.
func indexOf(step []byte) (index prefixtree.Index) {
	index[step[0]%32] = step[1]
	index[31] ^= step[2]
	return index
}

func addOrRefuse(t *testing.T, tree *prefixtree.Tree, o oracle, batch []prefixtree.Leaf) (*prefixtree.Tree, oracle) {
	both := oracleOf(batch)
	for index, leaf := range o {
		both[index] = leaf
	}
	next, err := tree.With(batch)
	if fits := len(both) == len(o)+len(batch); fits != (err == nil) {
		t.Fatalf("With = %v, fits %t", err, fits)
	}
	if err != nil {
		return tree, o
	}
	return next, both
}
