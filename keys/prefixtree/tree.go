package prefixtree

import (
	"fmt"
	"iter"
	"slices"
)

// Tree is a set of leaves, no two with one index. A nil Tree and the zero Tree are empty.
// It never changes, so any number of goroutines may use it at the same time. A million
// leaves take 83 MiB.
type Tree struct {
	top place
	len int
}

// Taken is why a leaf was not added: another with that index is in the tree or in the same
// batch. An index never occurs twice (invariant I2 of the directory), not even with the
// same commitment.
type Taken struct{ Index Index }

func (e Taken) Error() string { return fmt.Sprintf("index %x is taken", e.Index[:]) }

// Root is the hash that stands for all leaves, in whatever order and batches they came.
func (t *Tree) Root() Hash { return t.root().hash }

// Len is how many leaves there are.
func (t *Tree) Len() int {
	if t == nil {
		return 0
	}
	return t.len
}

// All yields the leaves by index: a tree made of them has the same root.
func (t *Tree) All() iter.Seq[Leaf] {
	return func(yield func(Leaf) bool) { t.root().all(yield) }
}

// Get is the commitment of a leaf, if there is one of that index.
func (t *Tree) Get(index Index) (c Commitment, found bool) {
	p := t.root()
	for depth := 0; p.below != nil; depth++ {
		p = &p.below[index.bit(depth)]
	}
	for _, l := range p.bucket {
		if l.Index == index {
			return l.Commitment, true
		}
	}
	return Commitment{}, false
}

// With returns the tree with more leaves, in any order. It fails with Taken if an index is
// there already or comes twice. t stays as it is, and so does the slice, of which the new
// tree keeps nothing. Batches of hundreds are hashed by several goroutines, which end before
// With does.
func (t *Tree) With(leaves []Leaf) (*Tree, error) {
	sorted, err := sortedSet(leaves)
	if err != nil {
		return nil, err
	}
	top, err := t.root().with(sorted, 0)
	if err != nil {
		return nil, err
	}
	return &Tree{top: top, len: t.Len() + len(leaves)}, nil
}

func (t *Tree) root() *place {
	if t == nil {
		return &place{}
	}
	return &t.top
}

// sortedSet returns the leaves by index: the slice itself if they are sorted, as they are
// where a tree is built from a table.
func sortedSet(leaves []Leaf) ([]Leaf, error) {
	if !slices.IsSortedFunc(leaves, compare) {
		leaves = slices.Clone(leaves)
		slices.SortFunc(leaves, compare)
	}
	for i := 1; i < len(leaves); i++ {
		if leaves[i].Index == leaves[i-1].Index {
			return nil, Taken{leaves[i].Index}
		}
	}
	return leaves, nil
}
