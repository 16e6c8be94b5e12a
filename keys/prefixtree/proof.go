package prefixtree

import (
	"errors"
	"fmt"
	"slices"
)

// Kind is what a search ended at, KEYTRANS's PrefixSearchResultType.
type Kind uint8

const (
	Inclusion          Kind = 1 // the leaf that was searched for
	NonInclusionLeaf   Kind = 2 // another leaf, which has the place to itself
	NonInclusionParent Kind = 3 // a missing child
)

// Proof shows to who knows a root where the search for an index ends (KEYTRANS, "Tree
// Proofs", "Prefix Tree"). It has one form: fields that its kind does not use are zero.
type Proof struct {
	Kind  Kind
	Depth int    // of the place where the search ends, 0 for the root, at most 256
	Path  []Hash // Depth hashes: the other child of each parent, from that place up to the root
	Other Leaf   // NonInclusionLeaf's
}

// Prove proves where the search for an index ends.
func (t *Tree) Prove(index Index) Proof {
	path := make([]Hash, 0, 32) // for a million leaves; room for what is random, not a bound
	p := t.root()
	for p.below != nil {
		side := index.bit(len(path))
		p, path = &p.below[side], append(path, p.below[1-side].hash)
	}
	return prove(index, p.bucket, path)
}

// prove ends a search among the leaves below a place. path leads there from the root.
func prove(index Index, below []Leaf, path []Hash) Proof {
	for len(below) > 1 {
		depth := len(path)
		ones := split(below, depth)
		next, other := below[:ones], below[ones:]
		if index.bit(depth) == 1 {
			next, other = other, next
		}
		below, path = next, append(path, subtree(other, depth+1))
	}
	slices.Reverse(path)
	p := Proof{Kind: NonInclusionParent, Depth: len(path), Path: path}
	switch {
	case len(below) == 0:
	case below[0].Index == index:
		p.Kind = Inclusion
	default:
		p.Kind, p.Other = NonInclusionLeaf, below[0]
	}
	return p
}

// ErrNotProven says that a proof does not show what it should.
var ErrNotProven = errors.New("not proven")

func notProven(why string) error { return fmt.Errorf("%w: %s", ErrNotProven, why) }

// VerifyInclusion returns nil if the proof shows that the leaf is in the tree of that root,
// and an error that is ErrNotProven otherwise. Any proof may be given to it.
func (p Proof) VerifyInclusion(root Hash, leaf Leaf) error {
	if p.Kind != Inclusion {
		return notProven("the proof is not one of inclusion")
	}
	if p.Other != (Leaf{}) {
		return notProven("a proof of inclusion names another leaf")
	}
	return p.verify(root, leaf.Index, leaf.hash())
}

// VerifyNonInclusion returns nil if the proof shows that no leaf of the tree of that root
// has the index, and an error that is ErrNotProven otherwise. Any proof may be given to it.
func (p Proof) VerifyNonInclusion(root Hash, index Index) error {
	switch p.Kind {
	case NonInclusionLeaf:
		if p.Other.Index == index {
			return notProven("the other leaf is the one in question")
		}
		if !p.Other.Index.shares(p.Depth, &index) {
			return notProven("the other leaf does not stand where the search ends")
		}
		return p.verify(root, index, p.Other.hash())
	case NonInclusionParent:
		if p.Other != (Leaf{}) {
			return notProven("a proof that a place is empty names a leaf in it")
		}
		return p.verify(root, index, Hash{})
	}
	return notProven("the proof is not one of non-inclusion")
}

// verify holds the path from the place where the search ends, of which it is given the
// hash, against the root.
func (p Proof) verify(root Hash, index Index, end Hash) error {
	if len(p.Path) != p.Depth || p.Depth > maxDepth {
		return notProven("the path is not as long as the depth")
	}
	// A leaf without a neighbour would stand higher up, and a parent has at least one child.
	if p.Depth > 0 && p.Path[0] == (Hash{}) {
		return notProven("the search could have ended higher up")
	}
	for i := range p.Path {
		left, right := &end, &p.Path[i]
		if index.bit(p.Depth-1-i) == 1 {
			left, right = right, left
		}
		end = parentHash(left, right)
	}
	if end != root {
		return notProven("the path does not lead to the root")
	}
	return nil
}
