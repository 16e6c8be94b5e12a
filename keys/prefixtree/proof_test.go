package prefixtree_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"testing"

	"signet/keys/prefixtree"
)

// verify checks the proof of what is true: that a leaf is there or that it is not.
func verify(p prefixtree.Proof, root prefixtree.Hash, leaf prefixtree.Leaf, o oracle) error {
	if o.has(leaf.Index) {
		return p.VerifyInclusion(root, leaf)
	}
	return p.VerifyNonInclusion(root, leaf.Index)
}

// refuse fails the test if a proof shows what is false, or an error has no name.
func refuse(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s was accepted", what)
	} else if !errors.Is(err, prefixtree.ErrNotProven) {
		t.Errorf("%s: %v, want ErrNotProven", what, err)
	}
}

// asked are indices to ask a tree for: its own, and what stands close to them and far away.
func asked(leaves []prefixtree.Leaf) []prefixtree.Index {
	indices := []prefixtree.Index{{}, {31: 1}, {0x80}}
	for i, leaf := range leaves {
		indices = append(indices, leaf.Index, flip(leaf.Index, 255), flip(leaf.Index, 252))
		for bit := i % 37; bit < 256; bit += 37 {
			indices = append(indices, flip(leaf.Index, bit))
		}
	}
	for _, leaf := range randomLeaves(source(9), 20) {
		indices = append(indices, leaf.Index)
	}
	return indices
}

// Whatever is asked, the proof shows what is true against the oracle's root, as deep as the
// oracle says, and not its opposite.
func TestProofs(t *testing.T) {
	seen := map[prefixtree.Kind]int{}
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			o, tree := oracleOf(w.leaves), with(t, nil, w.leaves...)
			root := o.root()
			for _, index := range asked(w.leaves) {
				p := tree.Prove(index)
				seen[p.Kind]++
				checkProof(t, p, root, index, o)
			}
		})
	}
	for _, kind := range []prefixtree.Kind{prefixtree.Inclusion, prefixtree.NonInclusionLeaf, prefixtree.NonInclusionParent} {
		if seen[kind] < 100 {
			t.Errorf("%d proofs of kind %d, too few to say anything", seen[kind], kind)
		}
	}
}

func checkProof(t *testing.T, p prefixtree.Proof, root prefixtree.Hash, index prefixtree.Index, o oracle) {
	t.Helper()
	leaf, there := o[bits(index)]
	leaf.Index = index
	if err := verify(p, root, leaf, o); err != nil {
		t.Errorf("%x, there %t: %v", index, there, err)
	}
	if want := o.depth(index); p.Depth != want || len(p.Path) != want {
		t.Errorf("%x: depth %d with %d hashes, want %d", index, p.Depth, len(p.Path), want)
	}
	if there {
		refuse(t, "that a leaf is not there", p.VerifyNonInclusion(root, index))
	} else {
		refuse(t, "that nobody's leaf is there", p.VerifyInclusion(root, leaf))
		refuse(t, "that another's leaf is there", p.VerifyInclusion(root, p.Other))
	}
}

// court is a tree whose proofs are tampered with: leaves at all depths, crowds, pairs.
func court(t *testing.T) (*prefixtree.Tree, oracle) {
	var zeros, last prefixtree.Index
	last[31] = 1
	indices := append(alike(250, 13), zeros, last, flip(zeros, 3), flip(zeros, 200))
	leaves := append(leavesAt(indices...), randomLeaves(source(7), 40)...)
	return with(t, nil, leaves...), oracleOf(leaves)
}

// tampered are all proofs that differ from an honest one in a bit or a hash.
func tampered(p prefixtree.Proof, o oracle) iter.Seq2[string, prefixtree.Proof] {
	return func(yield func(string, prefixtree.Proof) bool) {
		for _, forge := range []func(prefixtree.Proof, oracle, func(string, prefixtree.Proof) bool) bool{
			otherKinds, otherLeaves, otherPaths, otherDepths,
		} {
			if !forge(p, o, yield) {
				return
			}
		}
	}
}

func otherKinds(p prefixtree.Proof, _ oracle, yield func(string, prefixtree.Proof) bool) bool {
	honest := p.Kind
	for kind := range 256 {
		if p.Kind = prefixtree.Kind(kind); p.Kind != honest && !yield(fmt.Sprintf("kind %d for %d", kind, honest), p) {
			return false
		}
	}
	return true
}

func otherLeaves(p prefixtree.Proof, o oracle, yield func(string, prefixtree.Proof) bool) bool {
	honest := p.Other
	for bit := range 512 {
		if p.Other = honest; bit < 256 {
			p.Other.Index = flip(honest.Index, bit)
		} else {
			p.Other.Commitment = flip(honest.Commitment, bit-256)
		}
		if !yield(fmt.Sprintf("bit %d of the other leaf", bit), p) {
			return false
		}
	}
	for _, leaf := range o {
		if p.Other = leaf; p.Other != honest && !yield("another other leaf", p) {
			return false
		}
	}
	return true
}

func otherPaths(p prefixtree.Proof, _ oracle, yield func(string, prefixtree.Proof) bool) bool {
	honest := p.Path
	stride := 1 + len(honest)/16 // every bit, except in long paths, which take long to check
	for i := range honest {
		for bit := i % stride; bit < 256; bit += stride {
			p.Path = slices.Clone(honest)
			p.Path[i] = flip(p.Path[i], bit)
			if !yield(fmt.Sprintf("bit %d of hash %d", bit, i), p) {
				return false
			}
		}
		if p.Path = slices.Delete(slices.Clone(honest), i, i+1); !yield(fmt.Sprintf("hash %d left out", i), p) {
			return false
		}
	}
	for i := range len(honest) + 1 {
		if p.Path = slices.Insert(slices.Clone(honest), i, prefixtree.Hash{}); !yield(fmt.Sprintf("a hash before hash %d", i), p) {
			return false
		}
	}
	for i := 1; i < len(honest); i++ {
		p.Path = slices.Clone(honest)
		p.Path[i], p.Path[i-1] = p.Path[i-1], p.Path[i]
		if p.Path[i] != honest[i] && !yield(fmt.Sprintf("hash %d before its neighbour", i), p) {
			return false
		}
	}
	return true
}

// otherDepths are all wrong depths, with the path as it is and made to fit.
func otherDepths(p prefixtree.Proof, _ oracle, yield func(string, prefixtree.Proof) bool) bool {
	honest := p.Path
	for _, depth := range []int{math.MinInt, -1, 257, 512, math.MaxInt, math.MaxUint8 + 1 + len(honest)} {
		if p.Depth = depth; !yield(fmt.Sprintf("depth %d", depth), p) {
			return false
		}
	}
	for depth := range 300 {
		if p.Depth = depth; depth == len(honest) {
			continue
		}
		for how, path := range fit(honest, depth) {
			if p.Path = path; !yield(fmt.Sprintf("depth %d for %d, path %s", depth, len(honest), how), p) {
				return false
			}
		}
	}
	return true
}

// fit are the ways to make a path of another length.
func fit(path []prefixtree.Hash, length int) map[string][]prefixtree.Hash {
	if length < len(path) {
		return map[string][]prefixtree.Hash{"as it is": path, "without its first": path[len(path)-length:], "without its last": path[:length]}
	}
	more := make([]prefixtree.Hash, length-len(path))
	ways := map[string][]prefixtree.Hash{"as it is": path, "after nothing": slices.Concat(more, path), "before nothing": slices.Concat(path, more)}
	if len(path) > 0 {
		more = slices.Repeat(path[:1], len(more))
		ways["after its first"] = slices.Concat(more, path)
	}
	return ways
}

// No proof that differs from an honest one shows anything: neither what is true, since
// there is one proof of it only, nor what is false.
func TestTamperedProofs(t *testing.T) {
	tree, o := court(t)
	root := tree.Root()
	for _, index := range questions(t, tree, o) {
		honest := tree.Prove(index)
		leaf := o[bits(index)]
		leaf.Index = index
		for what, p := range tampered(honest, o) {
			refuse(t, what, p.VerifyInclusion(root, leaf))
			refuse(t, what, p.VerifyNonInclusion(root, index))
		}
		for bit := range 256 {
			what := fmt.Sprintf("bit %d of the root", bit)
			refuse(t, what, verify(honest, flip(root, bit), leaf, o))
		}
	}
}

// questions are indices whose search ends in each of the three ways, high and deep: four of
// each.
func questions(t *testing.T, tree *prefixtree.Tree, o oracle) []prefixtree.Index {
	var leaves []prefixtree.Leaf
	for _, name := range slices.Sorted(maps.Keys(o)) {
		leaves = append(leaves, o[name])
	}
	type way struct {
		kind prefixtree.Kind
		deep bool
	}
	seen := map[way]int{}
	var chosen []prefixtree.Index
	for _, index := range asked(leaves) {
		p := tree.Prove(index)
		if w := (way{p.Kind, p.Depth > 100}); seen[w] < 4 && !slices.Contains(chosen, index) {
			seen[w]++
			chosen = append(chosen, index)
		}
	}
	if len(chosen) != 24 {
		t.Fatalf("questions of these ways: %v, want four of each of six", seen)
	}
	return chosen
}

// A proof of one leaf is none of another: a bit of its index or its commitment changes all.
func TestAProofOfInclusionIsOfOneLeaf(t *testing.T) {
	tree, o := court(t)
	root := tree.Root()
	for _, leaf := range o {
		p := tree.Prove(leaf.Index)
		for bit := range 256 {
			refuse(t, "another commitment", p.VerifyInclusion(root, prefixtree.Leaf{Index: leaf.Index, Commitment: flip(leaf.Commitment, bit)}))
			refuse(t, "another index", p.VerifyInclusion(root, prefixtree.Leaf{Index: flip(leaf.Index, bit), Commitment: leaf.Commitment}))
		}
	}
}

// An operator who wants a leaf to be overlooked has all proofs that its tree can give, and
// none of them shows that the leaf is not there.
func TestOmission(t *testing.T) {
	tree, o := court(t)
	root := tree.Root()
	var proofs []prefixtree.Proof
	for _, index := range questions(t, tree, o) {
		proofs = append(proofs, tree.Prove(index))
	}
	for _, leaf := range o {
		own := tree.Prove(leaf.Index)
		for depth := range own.Depth + 3 {
			for how, path := range fit(own.Path, depth) {
				p := prefixtree.Proof{Kind: prefixtree.NonInclusionParent, Depth: depth, Path: path}
				refuse(t, fmt.Sprintf("nothing at depth %d, path %s", depth, how), p.VerifyNonInclusion(root, leaf.Index))
				p.Kind, p.Other = prefixtree.NonInclusionLeaf, leaf
				refuse(t, fmt.Sprintf("the label's own leaf at depth %d, path %s", depth, how), p.VerifyNonInclusion(root, leaf.Index))
			}
		}
		for _, other := range o {
			p := tree.Prove(other.Index)
			p.Kind, p.Other = prefixtree.NonInclusionLeaf, other
			refuse(t, "a leaf off the path", p.VerifyNonInclusion(root, leaf.Index))
			p.Depth, p.Path = own.Depth, own.Path
			refuse(t, "another leaf on the label's path", p.VerifyNonInclusion(root, leaf.Index))
		}
		for _, p := range proofs {
			refuse(t, "the proof of another question", p.VerifyNonInclusion(root, leaf.Index))
		}
	}
}

// Whoever makes a tree against the rules, with a leaf deeper than where it is alone, gets a
// root and proofs that lead to it. They are refused, or one index could have two places.
func TestPlacesThatNoTreeHas(t *testing.T) {
	leaf := randomLeaves(source(8), 1)[0]
	leaf.Index[0] &= 0x7f
	at, none := sum(2, leaf.Index[:], leaf.Commitment[:]), prefixtree.Hash{}

	tooDeep := sum(3, at[:], none[:])
	p := prefixtree.Proof{Kind: prefixtree.Inclusion, Depth: 1, Path: []prefixtree.Hash{none}}
	refuse(t, "a leaf too deep", p.VerifyInclusion(tooDeep, leaf))
	p.Kind, p.Other = prefixtree.NonInclusionLeaf, leaf
	refuse(t, "another leaf too deep", p.VerifyNonInclusion(tooDeep, flip(leaf.Index, 9)))

	// Where the search for an index that begins with 1 ends, there is a leaf that begins with 0.
	offPath := sum(3, tooDeep[:], at[:])
	p = prefixtree.Proof{Kind: prefixtree.NonInclusionLeaf, Depth: 1, Path: []prefixtree.Hash{tooDeep}, Other: leaf}
	refuse(t, "a leaf out of its place", p.VerifyNonInclusion(offPath, flip(leaf.Index, 0)))

	childless := sum(3, none[:], none[:])
	p = prefixtree.Proof{Kind: prefixtree.NonInclusionParent, Depth: 1, Path: []prefixtree.Hash{none}}
	refuse(t, "a parent without children", p.VerifyNonInclusion(childless, leaf.Index))
}

// The zero Proof and the empty tree's root, which are all zero, show nothing by accident.
func TestNothingShowsNothing(t *testing.T) {
	var p prefixtree.Proof
	refuse(t, "no proof", p.VerifyInclusion(prefixtree.Hash{}, prefixtree.Leaf{}))
	refuse(t, "no proof", p.VerifyNonInclusion(prefixtree.Hash{}, prefixtree.Index{}))
	p.Kind = prefixtree.NonInclusionLeaf
	refuse(t, "a leaf of an empty tree", p.VerifyNonInclusion(prefixtree.Hash{}, prefixtree.Index{1}))
	p.Kind = prefixtree.NonInclusionParent
	refuse(t, "an empty tree for another", p.VerifyNonInclusion(prefixtree.Hash{1}, prefixtree.Index{1}))
}
