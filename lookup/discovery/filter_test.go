package discovery

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"
)

func markOf(n int) mark { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// What was added is known, and of what was not one in ten thousand seems so, however many
// were added.
func TestAFilterForgetsNothing(t *testing.T) {
	var f filter
	for n := range 5000 {
		if f = f.add(markOf(n)); f.len() != n+1 || len(f) != filterLen(n+1) {
			t.Fatalf("after %d it says that it has %d, in %d octets", n+1, f.len(), len(f))
		}
		if n&(n+1) != 0 {
			continue
		}
		for m := range n + 1 {
			if !f.has(markOf(m)) {
				t.Fatalf("of %d marks, %d is forgotten", n+1, m)
			}
		}
		wrong := 0
		for m := range 100_000 {
			if f.has(markOf(1_000_000 + m)) {
				wrong++
			}
		}
		if wrong > 25 {
			t.Errorf("with %d marks, %d of 100,000 others seem known", n+1, wrong)
		}
	}
}

func TestAFullFilterIsBelow4MB(t *testing.T) {
	if size := filterLen(maxMarks); size >= 4_000_000 || size < 3_000_000 {
		t.Errorf("%d marks take %d octets", maxMarks, size)
	}
}

func TestAnEmptyFilterKnowsNothing(t *testing.T) {
	if f, err := parseFilter(nil); err != nil || f.len() != 0 || f.has(markOf(1)) {
		t.Errorf("len %d, %v", f.len(), err)
	}
}

// Whatever is stored is read without a panic, and what a filter wrote is read as it was.
func FuzzFilter(f *testing.F) {
	f.Add([]byte{}, uint8(1))
	f.Add([]byte{0, 0, 0, 200}, uint8(200))
	f.Fuzz(func(t *testing.T, stored []byte, more uint8) {
		parsed, err := parseFilter(stored)
		if err != nil {
			if !errors.Is(err, errFilter) {
				t.Fatal(err)
			}
			return
		}
		before := parsed.len()
		for n := range int(more) {
			parsed = parsed.add(markOf(n))
		}
		if parsed.len() != min(before+int(more), maxMarks) {
			t.Fatalf("%d marks and %d more are %d", before, more, parsed.len())
		}
		again, err := parseFilter(parsed)
		if err != nil || len(again) != len(parsed) {
			t.Fatalf("what was written is not read: %v", err)
		}
		for n := range int(more) {
			if !again.has(markOf(n)) {
				t.Fatalf("%d is forgotten", n)
			}
		}
	})
}
