package prefixtree_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"signet/keys/prefixtree"
)

const million = 1_000_000

// grow adds so many random leaves in batches.
func grow(b *testing.B, tree *prefixtree.Tree, seed byte, leaves, batch int) *prefixtree.Tree {
	b.Helper()
	source := rand.NewChaCha8([32]byte{seed})
	for range leaves / batch {
		next, err := tree.With(randomLeaves(source, batch))
		if err != nil {
			b.Fatal(err)
		}
		tree = next
	}
	return tree
}

// What a million leaves take in memory, as they come: in batches of a thousand.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		before := heap()
		tree := grow(b, nil, 1, million, 1000)
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB/1M")
		runtime.KeepAlive(tree)
	}
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// A tree of a million leaves made at once, as at start.
func BenchmarkBuild(b *testing.B) {
	leaves := randomLeaves(rand.NewChaCha8([32]byte{1}), million)
	sorted := slices.SortedFunc(slices.Values(leaves), byIndex)
	for name, leaves := range map[string][]prefixtree.Leaf{"sorted": sorted, "unsorted": leaves} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := (*prefixtree.Tree)(nil).With(leaves); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One epoch's leaves into a tree of a million.
func BenchmarkEpoch(b *testing.B) {
	tree := grow(b, nil, 1, million, million)
	source := rand.NewChaCha8([32]byte{2})
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				leaves := randomLeaves(source, n)
				b.StartTimer()
				if _, err := tree.With(leaves); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkProve(b *testing.B) {
	tree := grow(b, nil, 1, million, million)
	present := randomLeaves(rand.NewChaCha8([32]byte{1}), million)
	absent := randomLeaves(rand.NewChaCha8([32]byte{2}), million)
	for name, leaves := range map[string][]prefixtree.Leaf{"present": present, "absent": absent} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			hashes, i := 0, 0
			for b.Loop() {
				hashes += len(tree.Prove(leaves[i%million].Index).Path)
				i++
			}
			b.ReportMetric(float64(hashes)/float64(i), "hashes/proof")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	tree := grow(b, nil, 1, million, million)
	root, leaf := tree.Root(), randomLeaves(rand.NewChaCha8([32]byte{1}), 1)[0]
	proof := tree.Prove(leaf.Index)
	for b.Loop() {
		if err := proof.VerifyInclusion(root, leaf); err != nil {
			b.Fatal(err)
		}
	}
}
