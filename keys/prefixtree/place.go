package prefixtree

import (
	"sort"
	"sync"
)

// bucketLen is how many leaves a place keeps without places below. More take less memory
// and fewer pointers, and have more to be hashed again for each that is added or proven.
const bucketLen = 8

// forkLen is how many leaves are worth a goroutine of their own.
const forkLen = 128

// place is where a search leads, and all below it; the zero place is empty. Both places
// below one stand side by side with their hashes, so that who changes one does not visit the
// other. Of a few leaves a place keeps no places below but the leaves alone, from which the
// hashes between are made when they are asked for.
type place struct {
	hash   Hash
	bucket []Leaf    // by index, bucketLen at most
	below  *[2]place // if there are more: to the left and to the right
	owner  *token    // of the Builder that may change them
}

// with returns the place, at that depth, with more leaves, which are sorted.
func (p *place) with(leaves []Leaf, depth int) (place, error) {
	if len(leaves) == 0 {
		return *p, nil
	}
	fits := p.below == nil && len(p.bucket)+len(leaves) <= bucketLen
	if fits || len(p.bucket) > 0 {
		merged, err := merge(p.bucket, leaves)
		if err != nil {
			return place{}, err
		}
		leaves = merged
	}
	if fits {
		return place{hash: subtree(leaves, depth), bucket: leaves}, nil
	}
	below, err := p.belowWith(leaves, depth)
	if err != nil {
		return place{}, err
	}
	return place{hash: parentHash(&below[0].hash, &below[1].hash), below: below}, nil
}

func (p *place) belowWith(leaves []Leaf, depth int) (*[2]place, error) {
	below := new([2]place)
	if p.below != nil {
		*below = *p.below
	}
	ones := split(leaves, depth)
	sides := [2][]Leaf{leaves[:ones], leaves[ones:]}
	if min(len(sides[0]), len(sides[1])) >= forkLen {
		err := growBoth(below, sides, depth+1)
		return below, err
	}
	for side := range below {
		if err := below[side].grow(sides[side], depth+1); err != nil {
			return nil, err
		}
	}
	return below, nil
}

// grow puts the place with more leaves where it was, for places that nobody else knows yet.
func (p *place) grow(leaves []Leaf, depth int) (err error) {
	*p, err = p.with(leaves, depth)
	return err
}

// growBoth does both at once. If both fail it says what the left one said, as it would if
// one came after the other.
func growBoth(below *[2]place, sides [2][]Leaf, depth int) error {
	var left, right error
	var other sync.WaitGroup
	other.Go(func() { left = below[0].grow(sides[0], depth) })
	right = below[1].grow(sides[1], depth)
	other.Wait()
	if left != nil {
		return left
	}
	return right
}

// all yields the leaves from left to right, and tells whether all of them were taken.
func (p *place) all(yield func(Leaf) bool) bool {
	for _, l := range p.bucket {
		if !yield(l) {
			return false
		}
	}
	return p.below == nil || p.below[0].all(yield) && p.below[1].all(yield)
}

// subtree is the hash of a place from the sorted leaves below it: each leaf stands where no
// other shares the way to it.
func subtree(leaves []Leaf, depth int) Hash {
	switch len(leaves) {
	case 0:
		return Hash{}
	case 1:
		return leaves[0].hash()
	}
	ones := split(leaves, depth)
	left, right := subtree(leaves[:ones], depth+1), subtree(leaves[ones:], depth+1)
	return parentHash(&left, &right)
}

// split is where in sorted leaves, alike in the bits before, those begin whose next bit is 1.
func split(leaves []Leaf, depth int) int {
	return sort.Search(len(leaves), func(i int) bool { return leaves[i].Index.bit(depth) == 1 })
}

// merge makes one sorted slice of two.
func merge(a, b []Leaf) ([]Leaf, error) {
	merged := make([]Leaf, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := compare(a[0], b[0]); {
		case order == 0:
			return nil, Taken{b[0].Index}
		case order < 0:
			merged, a = append(merged, a[0]), a[1:]
		default:
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...), nil
}
