package prefixtree_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"signet/keys/prefixtree"
)

func byIndex(a, b prefixtree.Leaf) int { return bytes.Compare(a.Index[:], b.Index[:]) }

func randomLeaves(source *rand.ChaCha8, n int) []prefixtree.Leaf {
	leaves := make([]prefixtree.Leaf, n)
	for i := range leaves {
		source.Read(leaves[i].Index[:])
		source.Read(leaves[i].Commitment[:])
	}
	return leaves
}

func with(t testing.TB, tree *prefixtree.Tree, leaves ...prefixtree.Leaf) *prefixtree.Tree {
	t.Helper()
	next, err := tree.With(leaves)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// check holds a tree against the oracle.
func check(t testing.TB, tree *prefixtree.Tree, o oracle) {
	t.Helper()
	if tree.Len() != len(o) {
		t.Fatalf("%d leaves, want %d", tree.Len(), len(o))
	}
	if got, want := tree.Root(), o.root(); got != want {
		t.Fatalf("root %x, want %x", got, want)
	}
}

func TestGetFindsLeaves(t *testing.T) {
	var tree *prefixtree.Tree
	if c, found := tree.Get(prefixtree.Index{1}); found || c != (prefixtree.Commitment{}) {
		t.Errorf("an empty tree has %x", c)
	}
	leaves := randomLeaves(rand.NewChaCha8([32]byte{5}), 2000)
	tree = with(t, tree, leaves[:1000]...)
	for i, l := range leaves {
		c, found := tree.Get(l.Index)
		if found != (i < 1000) || found && c != l.Commitment {
			t.Fatalf("leaf %d: %x, %t", i, c, found)
		}
	}
}

// The figure of the draft's section "Prefix Tree": five leaves of which each stands where
// the figure shows it, and then a sixth.
func TestTheFigureOfTheDraft(t *testing.T) {
	leaves := map[byte]prefixtree.Leaf{}
	for value, octet := range map[byte]byte{'A': 0b00010_000, 'B': 0b00101_000, 'C': 0b10001_000, 'D': 0b10111_000, 'E': 0b11011_000, 'F': 0b01101_000} {
		leaves[value] = prefixtree.Leaf{Index: prefixtree.Index{octet}, Commitment: prefixtree.Commitment{value}}
	}
	at := func(value byte) prefixtree.Hash {
		leaf := leaves[value]
		return sum(2, leaf.Index[:], leaf.Commitment[:])
	}
	above := func(left, right prefixtree.Hash) prefixtree.Hash { return sum(3, left[:], right[:]) }
	none := prefixtree.Hash{}

	tree := with(t, nil, leaves['A'], leaves['B'], leaves['C'], leaves['D'], leaves['E'])
	right := above(above(at('C'), at('D')), at('E'))
	if want := above(above(above(at('A'), at('B')), none), right); tree.Root() != want {
		t.Errorf("root of the first figure %x, want %x", tree.Root(), want)
	}
	tree = with(t, tree, leaves['F'])
	if want := above(above(above(at('A'), at('B')), at('F')), right); tree.Root() != want {
		t.Errorf("root of the second figure %x, want %x", tree.Root(), want)
	}
}

// Roots that a program in another language computed from the draft's text.
func TestKnownRoots(t *testing.T) {
	var thousand []prefixtree.Leaf
	for i := range 1000 {
		thousand = append(thousand, prefixtree.Leaf{
			Index:      sha256.Sum256(fmt.Appendf(nil, "index %d", i)),
			Commitment: sha256.Sum256(fmt.Appendf(nil, "commitment %d", i)),
		})
	}
	zeros, last := prefixtree.Leaf{}, prefixtree.Leaf{Index: prefixtree.Index{31: 1}}
	for root, leaves := range map[string][]prefixtree.Leaf{
		"0000000000000000000000000000000000000000000000000000000000000000": {},
		"977c6d24ff2b851777af4dce0615e547112c6c0128a37338b3a1db9d055fff09": {zeros},
		"2c8f891a3ff26193284f3540091363edd6b9d47e4b391e526257bf43512e2e5f": {zeros, last},
		"edc79d1c4a9f93b4a2ec7bf1c660a192fdacc2568e66f7aaeaaa38a9ace59a62": thousand,
	} {
		if got := with(t, nil, leaves...).Root(); hex.EncodeToString(got[:]) != root {
			t.Errorf("root of %d leaves %x, want %s", len(leaves), got, root)
		}
	}
}

func TestATreeIsItsLeaves(t *testing.T) {
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			check(t, with(t, nil, w.leaves...), oracleOf(w.leaves))
		})
	}
}

// In whatever order and batches leaves come, the root is the same at every step.
func TestOrderAndBatchesLeaveNoTrace(t *testing.T) {
	for seed, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			for range 4 {
				r.Shuffle(len(w.leaves), func(i, j int) { w.leaves[i], w.leaves[j] = w.leaves[j], w.leaves[i] })
				addInBatches(t, r, w.leaves)
			}
		})
	}
}

func addInBatches(t *testing.T, r *rand.Rand, leaves []prefixtree.Leaf) {
	var tree *prefixtree.Tree
	largest := 1 + r.IntN(len(leaves)+1)
	for done := 0; done < len(leaves); {
		n := min(r.IntN(largest+1), len(leaves)-done)
		tree = with(t, tree, leaves[done:done+n]...)
		done += n
		if r.IntN(10) == 0 {
			check(t, tree, oracleOf(leaves[:done]))
		}
	}
	check(t, tree, oracleOf(leaves))
}

// Batches so large that several goroutines hash them.
func TestLargeBatches(t *testing.T) {
	leaves := randomLeaves(source(1), 20_000)
	once := with(t, nil, leaves...)
	twice := with(t, with(t, nil, leaves[:7000]...), leaves[7000:]...)
	check(t, once, oracleOf(leaves))
	check(t, twice, oracleOf(leaves))
}

func TestAnIndexNeverOccursTwice(t *testing.T) {
	leaves := randomLeaves(source(2), 12_000)
	slices.SortFunc(leaves, byIndex)
	there, fresh := leaves[:0:0], leaves[:0:0]
	for i, leaf := range leaves {
		if i%2 == 0 {
			there = append(there, leaf)
		} else {
			fresh = append(fresh, leaf)
		}
	}
	tree := with(t, nil, there...)
	other := func(leaf prefixtree.Leaf) prefixtree.Leaf {
		leaf.Commitment = flip(leaf.Commitment, 0)
		return leaf
	}
	// The last ones are on the right, the first ones on the left of a batch in two halves.
	first, last := there[1], there[len(there)-2]
	for name, tt := range map[string]struct {
		batch []prefixtree.Leaf
		taken prefixtree.Index
	}{
		"the same leaf":                    {[]prefixtree.Leaf{first}, first.Index},
		"with another commitment":          {[]prefixtree.Leaf{other(first)}, first.Index},
		"in a large batch, on the left":    {append(slices.Clone(fresh), first), first.Index},
		"in a large batch, on the right":   {append(slices.Clone(fresh), last), last.Index},
		"on both sides":                    {append(slices.Clone(fresh), last, first), first.Index},
		"twice in a batch":                 {[]prefixtree.Leaf{fresh[0], fresh[1], fresh[0]}, fresh[0].Index},
		"twice, with another commitment":   {[]prefixtree.Leaf{fresh[0], other(fresh[0])}, fresh[0].Index},
		"twice in a large batch":           {append(slices.Clone(fresh), fresh[99]), fresh[99].Index},
		"twice among few in a large batch": {append(slices.Clone(fresh), other(fresh[99])), fresh[99].Index},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree.Root()
			next, err := tree.With(tt.batch)
			if taken, ok := errors.AsType[prefixtree.Taken](err); !ok || taken.Index != tt.taken || next != nil {
				t.Errorf("With = %v, %v, want that %x is taken", next, err, tt.taken)
			}
			if tree.Root() != root || tree.Len() != len(there) {
				t.Error("the tree changed")
			}
		})
	}
	check(t, with(t, tree, fresh...), oracleOf(leaves))
}

// A tree that others were made from, or tried to be, is what it was: its root, and the
// proofs of all that it has and has not.
func TestOldTreesStay(t *testing.T) {
	leaves := randomLeaves(source(3), 600)
	var trees []*prefixtree.Tree
	for n := 0; n < len(leaves); n += 20 {
		tree := with(t, nil, leaves[:n]...)
		with(t, tree, leaves[n:]...)
		with(t, tree, leaves[n:n+20]...)
		if n > 0 {
			if _, err := tree.With(append(slices.Clone(leaves[n:]), leaves[n-1])); err == nil {
				t.Fatal("an index came twice")
			}
		}
		trees = append(trees, tree)
	}
	for i, tree := range trees {
		o := oracleOf(leaves[:20*i])
		check(t, tree, o)
		root := o.root()
		for _, leaf := range leaves {
			if err := verify(tree.Prove(leaf.Index), root, leaf, o); err != nil {
				t.Fatalf("tree of %d: %v", 20*i, err)
			}
		}
	}
}

// What the caller does to its slice afterwards is its own affair, and the slice is not
// sorted under its hands.
func TestTheTreeKeepsNothingOfTheSlice(t *testing.T) {
	for _, n := range []int{1, 5, 2000} {
		for _, sorted := range []bool{false, true} {
			leaves := randomLeaves(source(4), n)
			if sorted {
				slices.SortFunc(leaves, byIndex)
			}
			before := slices.Clone(leaves)
			tree := with(t, nil, leaves...)
			if !slices.Equal(leaves, before) {
				t.Errorf("%d leaves, sorted %t: the slice changed", n, sorted)
			}
			clear(leaves)
			check(t, tree, oracleOf(before))
			for _, leaf := range before {
				if err := tree.Prove(leaf.Index).VerifyInclusion(tree.Root(), leaf); err != nil {
					t.Fatalf("%d leaves, sorted %t: %v", n, sorted, err)
				}
			}
		}
	}
}

func TestAnEmptyTree(t *testing.T) {
	for _, tree := range []*prefixtree.Tree{nil, {}, with(t, nil), with(t, &prefixtree.Tree{})} {
		check(t, tree, oracle{})
		if err := tree.Prove(prefixtree.Index{1}).VerifyNonInclusion(prefixtree.Hash{}, prefixtree.Index{1}); err != nil {
			t.Error(err)
		}
		leaf := randomLeaves(source(5), 1)[0]
		check(t, with(t, tree, leaf), oracleOf([]prefixtree.Leaf{leaf}))
	}
}

// Readers prove from whatever tree is the newest while a writer makes the next ones.
func TestReadersWhileAWriterExtends(t *testing.T) {
	const epochs, size = 12, 1500
	leaves := randomLeaves(source(6), epochs*size)
	var newest atomic.Pointer[prefixtree.Tree]
	var readers sync.WaitGroup
	var proofs atomic.Int64
	done := make(chan struct{})
	for seed := range uint64(4) {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 2))
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := readOnce(newest.Load(), r, leaves); err != nil {
					t.Error(err)
					return
				}
				proofs.Add(1)
			}
		})
	}
	for n := 0; n < len(leaves); n += size {
		newest.Store(with(t, newest.Load(), leaves[n:n+size]...))
	}
	close(done)
	readers.Wait()
	check(t, newest.Load(), oracleOf(leaves))
	if proofs.Load() == 0 {
		t.Error("no reader came to read")
	}
}

// readOnce proves one of the leaves that are in the tree, or come later.
func readOnce(tree *prefixtree.Tree, r *rand.Rand, leaves []prefixtree.Leaf) error {
	root, i := tree.Root(), r.IntN(len(leaves))
	if proof := tree.Prove(leaves[i].Index); i < tree.Len() {
		return proof.VerifyInclusion(root, leaves[i])
	} else {
		return proof.VerifyNonInclusion(root, leaves[i].Index)
	}
}

// A tree gives back its leaves, by index, and stops when it is told to.
func TestATreeYieldsItsLeaves(t *testing.T) {
	leaves := randomLeaves(rand.NewChaCha8([32]byte{7}), 1000)
	tree := with(t, with(t, nil, leaves[:600]...), leaves[600:]...)
	slices.SortFunc(leaves, byIndex)
	if !slices.Equal(slices.Collect(tree.All()), leaves) {
		t.Error("the leaves are not those that were added")
	}
	taken := 0
	for range tree.All() {
		if taken++; taken == 500 {
			break
		}
	}
	for l := range (*prefixtree.Tree)(nil).All() {
		t.Errorf("an empty tree has %x", l.Index)
	}
}

// A builder comes to the tree that With comes to, in whatever batches, changes no tree that
// it began with or that began with it, and takes no index twice.
func TestABuilderComesToTheSame(t *testing.T) {
	source := rand.NewChaCha8([32]byte{8})
	var tree *prefixtree.Tree
	builder := prefixtree.NewBuilder(nil)
	var all []prefixtree.Leaf
	for i, n := range []int{0, 1, 1, 5, 3, 1, 300, 1, 2000, 7, 40, 1, 1} {
		leaves := randomLeaves(source, n)
		if i%3 == 2 { // close together
			for j := range leaves {
				leaves[j].Index = prefixtree.Index{29: byte(j >> 8), 31: byte(j), 30: byte(i)}
			}
		}
		before := tree
		tree = with(t, tree, leaves...)
		if err := builder.Add(leaves); err != nil {
			t.Fatal(err)
		}
		if got := builder.Tree(); got.Root() != tree.Root() || got.Len() != tree.Len() {
			t.Fatalf("after %d leaves the root is %x, want %x", got.Len(), got.Root(), tree.Root())
		}
		all = append(all, leaves...)
		if i > 4 {
			fresh, taken := randomLeaves(source, 2), all[len(all)/2]
			if err := builder.Add([]prefixtree.Leaf{fresh[0], taken, fresh[1]}); err != (prefixtree.Taken{Index: taken.Index}) {
				t.Errorf("an index twice: %v", err)
			}
		}
		// Others go on from both, and leave both as they are.
		root := builder.Tree().Root()
		for _, from := range []*prefixtree.Tree{before, builder.Tree()} {
			o, leaves := prefixtree.NewBuilder(from), randomLeaves(source, 150)
			want := with(t, from, leaves...)
			was := slices.Collect(from.All())
			for chunk := range slices.Chunk(leaves, 1+i*10) {
				if err := o.Add(chunk); err != nil {
					t.Fatal(err)
				}
			}
			if o.Tree().Root() != want.Root() || !slices.Equal(slices.Collect(from.All()), was) {
				t.Fatalf("a builder that begins with %d leaves is wrong, or changes them", from.Len())
			}
		}
		if builder.Tree().Root() != root {
			t.Fatal("a builder is changed by another")
		}
	}
	slices.SortFunc(all, byIndex)
	if !slices.Equal(slices.Collect(builder.Tree().All()), all) {
		t.Error("the leaves are not those that were added")
	}
}
