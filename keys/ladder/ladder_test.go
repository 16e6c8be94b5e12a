package ladder_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"signet/keys/ladder"
)

// climb is the ladder as the draft tells it in words: ask for 0, 1, 3, 7 and so on
// until one is absent, then search between the last two by halving. A version past 32
// bits is not asked for and taken as absent.
func climb(n uint32) []ladder.Rung {
	var rungs []ladder.Rung
	ask := func(v int64) bool {
		if v > math.MaxUint32 {
			return false
		}
		rungs = append(rungs, ladder.Rung{Version: uint32(v), Present: v <= int64(n)})
		return v <= int64(n)
	}
	var included, absent int64
	for absent = 0; ask(absent); absent = 2*absent + 1 {
		included = absent
	}
	for absent-included > 1 {
		if v := included + (absent-included)/2; ask(v) {
			included = v
		} else {
			absent = v
		}
	}
	return rungs
}

// edges are the versions where something changes: about each power of two.
func edges() []uint32 {
	var edges []uint32
	for power := uint64(1); power <= 1<<32; power *= 2 {
		for _, n := range []uint64{power - 2, power - 1, power, power + 1} {
			if n <= math.MaxUint32 {
				edges = append(edges, uint32(n))
			}
		}
	}
	return edges
}

func TestVersionsOfTheDraftsExample(t *testing.T) {
	tests := []struct {
		n    uint32
		want []uint32
	}{
		{0, []uint32{0, 1}},
		{1, []uint32{0, 1, 3, 2}},
		{2, []uint32{0, 1, 3, 2}},
		{6, []uint32{0, 1, 3, 7, 5, 6}}, // the draft's own example
		{7, []uint32{0, 1, 3, 7, 15, 11, 9, 8}},
	}
	for _, test := range tests {
		if got := ladder.Versions(test.n); !slices.Equal(got, test.want) {
			t.Errorf("Versions(%d) = %v, want %v", test.n, got, test.want)
		}
	}
}

// The digests are of what base_binary_ladder gives, the Python function in the
// appendix "Binary Ladder" of draft-ietf-keytrans-protocol (commit 526cc8a of
// ietf-wg-keytrans/draft-protocol, 18 August 2026), which was run to make them. Each
// ladder is a line of decimal numbers with a blank between two.
func TestVersionsAreTheDrafts(t *testing.T) {
	var upTo10000 []uint32
	for n := range uint32(10001) {
		upTo10000 = append(upTo10000, n)
	}
	var edges []uint32
	for bit := range 32 {
		edges = append(edges, 1<<bit, 1<<bit-1)
	}
	edges = append(edges, math.MaxUint32-1, math.MaxUint32)
	tests := []struct {
		name     string
		versions []uint32
		digest   string
	}{
		{"0 to 10,000", upTo10000, "2e1c9d66ec230e18b2a4f414d3bb0113da8a9a4d120c5cfaacb4bca8d82ae891"},
		{"powers of two, their predecessors, and the last two", edges, "edc271489230c54d9deccaa0a21f2f06ddb520364c83b0447a45505f4c73cc64"},
	}
	for _, test := range tests {
		digest := sha256.New()
		for _, n := range test.versions {
			writeLine(digest, ladder.Versions(n))
		}
		if got := hex.EncodeToString(digest.Sum(nil)); got != test.digest {
			t.Errorf("%s: digest %s, want %s", test.name, got, test.digest)
		}
	}
}

func writeLine(w io.Writer, versions []uint32) {
	text := fmt.Sprint(versions)
	_, _ = fmt.Fprintln(w, text[1:len(text)-1])
}

func TestVersionsAreWhatASearchAsksFor(t *testing.T) {
	for _, n := range append(edges(), 12345, 99_999_999, 3_000_000_001) {
		climbed := climb(n)
		if err := ladder.Check(n, climbed); err != nil {
			t.Errorf("n = %d: %v", n, err)
		}
		if len(climbed) < 2 || len(climbed) > ladder.MaxRungs {
			t.Errorf("n = %d: %d rungs, want 2 to %d", n, len(climbed), ladder.MaxRungs)
		}
	}
	if longest := len(ladder.Versions(math.MaxUint32 - 1)); longest != ladder.MaxRungs {
		t.Errorf("the ladder of 2^32-2 has %d rungs, want MaxRungs", longest)
	}
}

// The law on which all rests: whoever shows t where n is true has shown a rung that
// the owner, who asks for the ladder of n, will find to be otherwise.
func TestLaddersOfTwoVersionsContradictEachOther(t *testing.T) {
	var ladders [2048][]uint32
	for n := range ladders {
		ladders[n] = ladder.Versions(uint32(n))
	}
	pairs := 0
	for n := range uint32(1024) {
		for claim := range uint32(2048) {
			if claim == n {
				continue
			}
			pairs++
			if !contradict(ladders[n], ladders[claim], n, claim) {
				t.Fatalf("the ladders of %d and %d agree", n, claim)
			}
		}
	}
	if pairs != 2_096_128 {
		t.Errorf("%d pairs, want 2,096,128", pairs)
	}
	for _, n := range edges() {
		for _, claim := range edges() {
			if n != claim && !contradict(ladder.Versions(n), ladder.Versions(claim), n, claim) {
				t.Fatalf("the ladders of %d and %d agree", n, claim)
			}
		}
	}
}

// contradict tells whether a rung of the ladder of n is one of claim's too and would
// have to be present for one and absent for the other.
func contradict(ladderOfN, ladderOfClaim []uint32, n, claim uint32) bool {
	return slices.ContainsFunc(ladderOfClaim, func(v uint32) bool {
		return (v <= n) != (v <= claim) && slices.Contains(ladderOfN, v)
	})
}

func TestCheckTakesOneLadderForOneVersion(t *testing.T) {
	for n := range uint32(300) {
		rungs := climb(n)
		for claim := range uint32(600) {
			if err := ladder.Check(claim, rungs); (err == nil) != (claim == n) {
				t.Fatalf("Check(%d) of the ladder of %d: %v", claim, n, err)
			}
		}
		refused(t, "no version at all", ladder.CheckNone(rungs))
	}
}

func TestCheckRefusesEveryChangeOfALadder(t *testing.T) {
	for _, n := range []uint32{0, 1, 2, 6, 7, 1000, math.MaxUint32 - 1, math.MaxUint32} {
		rungs := climb(n)
		for i, rung := range rungs {
			hidden := slices.Delete(slices.Clone(rungs), i, i+1)
			refused(t, fmt.Sprintf("n = %d, rung %d hidden", n, i), ladder.Check(n, hidden))
			for _, extra := range []ladder.Rung{rung, {Version: rung.Version + 1}, {Version: n, Present: true}} {
				added := slices.Insert(slices.Clone(rungs), i, extra)
				refused(t, fmt.Sprintf("n = %d, %v added at %d", n, extra, i), ladder.Check(n, added))
			}
			changed := slices.Clone(rungs)
			changed[i].Present = !rung.Present
			refused(t, fmt.Sprintf("n = %d, rung %d turned", n, i), ladder.Check(n, changed))
			changed[i] = ladder.Rung{Version: rung.Version ^ 1, Present: rung.Present}
			refused(t, fmt.Sprintf("n = %d, rung %d of its neighbour", n, i), ladder.Check(n, changed))
			changed = slices.Clone(rungs)
			other := (i + 1) % len(rungs)
			changed[i], changed[other] = changed[other], changed[i]
			refused(t, fmt.Sprintf("n = %d, rungs %d and %d swapped", n, i, other), ladder.Check(n, changed))
		}
		refused(t, "no rungs", ladder.Check(n, nil))
	}
}

func TestCheckNone(t *testing.T) {
	if err := ladder.CheckNone([]ladder.Rung{{Version: 0}}); err != nil {
		t.Errorf("version 0 is absent: %v", err)
	}
	refused(t, "nothing is shown", ladder.CheckNone(nil))
	refused(t, "version 0 is present", ladder.CheckNone([]ladder.Rung{{Version: 0, Present: true}}))
	refused(t, "version 1 is absent", ladder.CheckNone([]ladder.Rung{{Version: 1}}))
	refused(t, "two rungs", ladder.CheckNone([]ladder.Rung{{Version: 0}, {Version: 1}}))
	if got := ladder.NoVersions(); !slices.Equal(got, []uint32{0}) {
		t.Errorf("NoVersions() = %v, want [0]", got)
	}
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ladder.ErrRungs) {
		t.Errorf("%s: %v, want ErrRungs", what, err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, n := range edges() {
		f.Add(n, n)
		f.Add(n, n+1)
	}
	f.Fuzz(func(t *testing.T, n, claim uint32) {
		if err := ladder.Check(claim, climb(n)); (err == nil) != (claim == n) {
			t.Fatalf("Check(%d) of the ladder of %d: %v", claim, n, err)
		}
		if claim != n && !contradict(ladder.Versions(n), ladder.Versions(claim), n, claim) {
			t.Fatalf("the ladders of %d and %d agree", n, claim)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	rungs := climb(9)
	for b.Loop() {
		if err := ladder.Check(9, rungs); err != nil {
			b.Fatal(err)
		}
	}
}
