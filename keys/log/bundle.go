package log

import (
	"encoding/binary"
	"errors"
	"math"
)

// MaxEntry is the length of the longest entry in octets (C2SP tlog-tiles, Log entries).
const MaxEntry = math.MaxUint16

// errBundle is the error of a stored bundle that does not hold the entries it should.
var errBundle = errors.New("the entry bundle is damaged")

// appendEntry puts an entry behind its length, as bundles hold it.
func appendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// splitBundle returns the first n entries of a bundle, and how long they are with their
// lengths.
func splitBundle(bundle []byte, n int) (entries [][]byte, length int, err error) {
	entries = make([][]byte, 0, max(0, min(n, len(bundle)/2)))
	for range n {
		if len(bundle)-length < 2 {
			return nil, 0, errBundle
		}
		size := int(binary.BigEndian.Uint16(bundle[length:]))
		length += 2
		if len(bundle)-length < size {
			return nil, 0, errBundle
		}
		entries = append(entries, bundle[length:length+size:length+size])
		length += size
	}
	return entries, length, nil
}
