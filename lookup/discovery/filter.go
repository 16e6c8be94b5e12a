package discovery

import (
	"encoding/binary"
	"errors"
	"iter"
)

// filter is a Bloom filter that grows (Almeida and others, Scalable Bloom Filters, 2007): a
// sequence of segments, each for twice as many marks as the one before. Its bytes are the
// number of marks, four octets, and the bits of each segment.
type filter []byte

// mark is a keyed digest of what is remembered: it says which bits stand for it.
type mark [32]byte

const (
	filterHead   = 4
	firstSegment = 128 // marks
	bitsPerMark  = 24  // with 16 bits set for each, a full segment takes one mark in 60,000 for known
	bitsSet      = 16
	// maxMarks fill the last segment with which a row is below 4 MB.
	maxMarks = 1<<20 - firstSegment
)

var errFilter = errors.New("a stored filter is not of its length")

// parseFilter checks what was stored. An empty one remembers nothing.
func parseFilter(stored []byte) (filter, error) {
	if len(stored) == 0 {
		return nil, nil
	}
	if len(stored) < filterHead || len(stored) != filterLen(filter(stored).len()) {
		return nil, errFilter
	}
	return stored, nil
}

// len is how many marks were added.
func (f filter) len() int {
	if len(f) < filterHead {
		return 0
	}
	return int(min(binary.BigEndian.Uint32(f), maxMarks))
}

// filterLen is how many octets a filter of n marks has.
func filterLen(n int) int {
	total := filterHead
	for size, room := firstSegment, 0; room < n || room == 0; size *= 2 {
		total += size * bitsPerMark / 8
		room += size
	}
	return total
}

// has tells whether a mark was added, or in few cases one like it.
func (f filter) has(m mark) bool {
	for at, size := filterHead, firstSegment; at < len(f); size *= 2 {
		segment := f[at : at+size*bitsPerMark/8]
		if hasAll(segment, m) {
			return true
		}
		at += len(segment)
	}
	return false
}

// add returns the filter with a mark that it has not; f itself may be changed.
func (f filter) add(m mark) filter {
	n := f.len()
	if n == maxMarks {
		return f
	}
	if want := filterLen(n + 1); want > len(f) {
		f = append(f, make([]byte, want-len(f))...)
	}
	last := firstSegment
	for filled := firstSegment; filled < n+1; filled += last {
		last *= 2
	}
	setAll(f[len(f)-last*bitsPerMark/8:], m)
	binary.BigEndian.PutUint32(f, uint32(n+1))
	return f
}

func hasAll(segment []byte, m mark) bool {
	for at := range m.bits(segment) {
		if segment[at/8]&(1<<(at%8)) == 0 {
			return false
		}
	}
	return true
}

func setAll(segment []byte, m mark) {
	for at := range m.bits(segment) {
		segment[at/8] |= 1 << (at % 8)
	}
}

// bits are those that stand for a mark in a segment (Kirsch and Mitzenmacher, Less Hashing,
// Same Performance, 2006).
func (m mark) bits(segment []byte) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		at, step := binary.BigEndian.Uint64(m[:]), binary.BigEndian.Uint64(m[8:])|1
		for range bitsSet {
			if !yield(at % uint64(8*len(segment))) {
				return
			}
			at += step
		}
	}
}
