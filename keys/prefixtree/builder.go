package prefixtree

import "sync"

// Builder grows a tree in place, for who needs none of the trees in between: an auditor. It
// hashes what With hashes, and leaves next to nothing behind to be cleared away. A million
// leaves take 98 MiB. One goroutine at a time uses it.
type Builder struct {
	tree Tree
	own  *token
}

// token is a Builder to the places that it made. It is not empty, so that no two are one.
type token struct{ _ byte }

// NewBuilder begins with the leaves of a tree, which stays as it is.
func NewBuilder(t *Tree) *Builder {
	top := *t.root()
	top.shed()
	return &Builder{tree: Tree{top: top, len: t.Len()}, own: new(token)}
}

// Add adds leaves, in any order. It fails as With does, and then has added none.
func (b *Builder) Add(leaves []Leaf) error {
	sorted, err := sortedSet(leaves)
	if err != nil {
		return err
	}
	for i := range sorted {
		if b.tree.top.has(&sorted[i].Index) {
			return Taken{sorted[i].Index}
		}
	}
	b.tree.top.add(sorted, 0, b.own)
	b.tree.len += len(leaves)
	return nil
}

// Tree is the tree so far. It must not be used any more once Add is called again.
func (b *Builder) Tree() *Tree {
	t := b.tree
	return &t
}

// has tells whether a leaf with that index is below.
func (p *place) has(index *Index) bool {
	for depth := 0; p.below != nil; depth++ {
		p = &p.below[index.bit(depth)]
	}
	for i := range p.bucket {
		if p.bucket[i].Index == *index {
			return true
		}
	}
	return false
}

// add is with, for a place of the builder's own and leaves that are not there yet.
func (p *place) add(leaves []Leaf, depth int, own *token) {
	switch {
	case len(leaves) == 0:
		return
	case p.below == nil && len(p.bucket)+len(leaves) <= bucketLen:
		p.bucket = insert(p.bucket, leaves)
		p.hash = subtree(p.bucket, depth)
		return
	case len(p.bucket) > 0:
		leaves, p.bucket = insert(p.bucket, leaves), nil
	}
	p.ownBelow(own)
	ones := split(leaves, depth)
	left, right := leaves[:ones:ones], leaves[ones:]
	if min(len(left), len(right)) >= forkLen {
		var other sync.WaitGroup
		other.Go(func() { p.below[0].add(left, depth+1, own) })
		p.below[1].add(right, depth+1, own)
		other.Wait()
	} else {
		p.below[0].add(left, depth+1, own)
		p.below[1].add(right, depth+1, own)
	}
	p.hash = parentHash(&p.below[0].hash, &p.below[1].hash)
}

// ownBelow makes the places below the builder's own: new ones, or copies of a tree's.
func (p *place) ownBelow(own *token) {
	if p.below != nil && p.owner == own {
		return
	}
	below := new([2]place)
	if p.below != nil {
		*below = *p.below
		below[0].shed()
		below[1].shed()
	}
	p.below, p.owner = below, own
}

// shed gives up the room behind the bucket, which a tree may share. Room is the sign that a
// bucket is the builder's own.
func (p *place) shed() { p.bucket = p.bucket[:len(p.bucket):len(p.bucket)] }

// spare is how much room a bucket gets beyond what it needs.
const spare = 2

// insert makes one sorted slice of a bucket and leaves, none of which are in both. It takes
// the bucket's own room if there is enough.
func insert(bucket, leaves []Leaf) []Leaf {
	n, more := len(bucket), len(leaves)
	all := bucket
	if n+more > cap(bucket) {
		room := n + more
		if room < bucketLen {
			room = min(room+spare, bucketLen)
		}
		all = make([]Leaf, n, room)
		copy(all, bucket)
	}
	all = all[:n+more]
	for to := n + more - 1; more > 0; to-- { // the largest first
		if n > 0 && compare(all[n-1], leaves[more-1]) > 0 {
			n--
			all[to] = all[n]
			continue
		}
		more--
		all[to] = leaves[more]
	}
	return all
}
