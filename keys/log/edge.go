package log

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the right edge of a tree: the part of it that the next entries change.
type edge struct {
	size   int64
	root   tlog.Hash // as settle has computed it
	bundle []byte    // the entries since the last full bundle
	levels [][]byte  // of each level, the hashes since its last full tile
	// filled are the tiles and bundles that have become full since the edge was loaded or
	// cloned; grown is the number of levels whose tiles have changed since.
	filled []tile
	grown  int
}

// tile is a row: hashes, or entries if its level is bundleLevel.
type tile struct {
	level int
	n     int64
	width int
	data  []byte
}

// clone copies an edge that is written down.
func (e *edge) clone() *edge {
	c := &edge{size: e.size, bundle: bytes.Clone(e.bundle)}
	for _, hashes := range e.levels {
		c.levels = append(c.levels, append(make([]byte, 0, tileWidth*tlog.HashSize), hashes...))
	}
	return c
}

// add puts an entry at the end.
func (e *edge) add(entry []byte) {
	e.bundle = appendEntry(e.bundle, entry)
	e.size++
	if e.size%tileWidth == 0 {
		e.filled = append(e.filled, tile{level: bundleLevel, n: e.size/tileWidth - 1, width: tileWidth, data: e.bundle})
		e.bundle = nil
	}
	e.addHash(0, tlog.RecordHash(entry))
}

// addHash puts a hash at the end of a level, and that of the tile at the end of the next
// level if the tile becomes full with it.
func (e *edge) addHash(level int, h tlog.Hash) {
	if level == len(e.levels) {
		e.levels = append(e.levels, nil)
	}
	e.grown = max(e.grown, level+1)
	hashes := append(e.levels[level], h[:]...)
	e.levels[level] = hashes
	if len(hashes) < tileWidth*tlog.HashSize {
		return
	}
	e.filled = append(e.filled, tile{level: level, n: e.size>>(tileHeight*(level+1)) - 1, width: tileWidth, data: hashes})
	e.levels[level] = nil
	e.addHash(level+1, subtreeHash(hashes))
}

// subtreeHash is the root of the tree over hashes, of which there is a power of two.
func subtreeHash(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(subtreeHash(hashes[:half]), subtreeHash(hashes[half:]))
}

// changed are the rows that have changed since the edge was loaded or cloned.
func (e *edge) changed() []tile {
	rows := slices.Clone(e.filled)
	if n := e.size % tileWidth; n > 0 && e.grown > 0 {
		rows = append(rows, tile{level: bundleLevel, n: e.size / tileWidth, width: int(n), data: e.bundle})
	}
	for level, hashes := range e.levels[:e.grown] {
		if len(hashes) > 0 {
			rows = append(rows, tile{level: level, n: e.size >> (tileHeight * (level + 1)), width: len(hashes) / tlog.HashSize, data: hashes})
		}
	}
	return rows
}

// settle computes the root, once all entries are added.
func (e *edge) settle() (tlog.Tree, error) {
	root, err := tlog.TreeHash(e.size, tlog.HashReaderFunc(e.readHashes))
	e.root = root
	return tlog.Tree{N: e.size, Hash: root}, err
}

var errNoEdge = errors.New("the hash is not on the tree's right edge")

// readHashes reads hashes of complete subtrees that are as large as can be.
func (e *edge) readHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(tileHeight, index)
		if t.L >= len(e.levels) || t.N != e.size>>(tileHeight*(t.L+1)) {
			return nil, errNoEdge
		}
		h, err := tlog.HashFromTile(t, e.levels[t.L], index)
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

// hashOf reads a hash as it is stored.
func hashOf(stored []byte) (tlog.Hash, error) {
	if len(stored) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("a stored hash has %d octets", len(stored))
	}
	return tlog.Hash(stored), nil
}
