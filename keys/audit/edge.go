package audit

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// tileHeight makes tiles of 256 hashes (C2SP tlog-tiles, "Merkle Tree").
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// bundleLevel is the level of entry bundles, as tlog.Tile has it.
	bundleLevel = -1
)

// edge is the right edge of a tree: all of it that is needed to go on.
type edge struct {
	size   int64
	levels [][]byte // of each level of tiles, the hashes since its last full one
	tiles  []tile   // those above the lowest that became full
}

// tile is a hash tile as it should be.
type tile struct {
	tlog.Tile
	hashes []byte
}

func (e *edge) clone() *edge {
	c := &edge{size: e.size}
	for _, hashes := range e.levels {
		c.levels = append(c.levels, bytes.Clone(hashes))
	}
	return c
}

// grow puts the hashes of a lowest tile where those of it that were known stood. top is
// their subtreeHash if the tile is full.
func (e *edge) grow(hashes []byte, top tlog.Hash) {
	if len(e.levels) == 0 {
		e.levels = append(e.levels, nil)
	}
	e.size += int64(len(hashes)-len(e.levels[0])) / tlog.HashSize
	e.levels[0] = hashes
	if len(hashes) == tileWidth*tlog.HashSize {
		e.levels[0] = nil
		e.add(1, top)
	}
}

// add puts a hash at the end of a level above the lowest.
func (e *edge) add(level int, h tlog.Hash) {
	if level == len(e.levels) {
		e.levels = append(e.levels, nil)
	}
	hashes := append(e.levels[level], h[:]...)
	e.levels[level] = hashes
	if len(hashes) == tileWidth*tlog.HashSize {
		n := e.size>>(tileHeight*(level+1)) - 1
		e.tiles = append(e.tiles, tile{tlog.Tile{H: tileHeight, L: level, N: n, W: tileWidth}, hashes})
		e.levels[level] = nil
		e.add(level+1, subtreeHash(hashes))
	}
}

// partial are the tiles of all levels that are not full.
func (e *edge) partial() (tiles []tile) {
	for level, hashes := range e.levels {
		if len(hashes) > 0 {
			n := e.size >> (tileHeight * (level + 1))
			tiles = append(tiles, tile{tlog.Tile{H: tileHeight, L: level, N: n, W: len(hashes) / tlog.HashSize}, hashes})
		}
	}
	return tiles
}

// root is the hash of the tree (RFC 6962, 2.1): complete subtrees stand side by side, the
// largest to the left, and are joined from the right.
func (e *edge) root() tlog.Hash {
	peaks := e.peaks()
	if len(peaks) == 0 {
		return sha256.Sum256(nil)
	}
	root := peaks[len(peaks)-1]
	for _, peak := range slices.Backward(peaks[:len(peaks)-1]) {
		root = tlog.NodeHash(peak, root)
	}
	return root
}

// peaks are the roots of the complete subtrees, as large as can be, from left to right.
func (e *edge) peaks() (peaks []tlog.Hash) {
	for _, hashes := range slices.Backward(e.levels) {
		for width := tileWidth / 2 * tlog.HashSize; width >= tlog.HashSize; width /= 2 {
			if len(hashes)&width != 0 {
				peaks = append(peaks, subtreeHash(hashes[:width]))
				hashes = hashes[width:]
			}
		}
	}
	return peaks
}

// subtreeHash is the root of the tree over hashes, of which there is a power of two.
func subtreeHash(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtreeHash(hashes[:half]), subtreeHash(hashes[half:]))
}

// tileAt is a tile of a tree of that size, which has it.
func tileAt(level int, n, size int64) tlog.Tile {
	width := size>>(tileHeight*max(level, 0)) - n*tileWidth
	return tlog.Tile{H: tileHeight, L: level, N: n, W: int(min(width, tileWidth))}
}

// differ is the number of the first hash that is not the same in both, which have as many.
func differ(a, b []byte) (n int, are bool) {
	for i := 0; i < len(a); i += tlog.HashSize {
		if !bytes.Equal(a[i:i+tlog.HashSize], b[i:i+tlog.HashSize]) {
			return i / tlog.HashSize, true
		}
	}
	return 0, false
}
