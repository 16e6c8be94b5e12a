package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles reads a log as C2SP tlog-tiles has it. Nothing that it reads is believed before it fits a
// checkpoint; its errors alone are ErrUnread.
type Tiles interface {
	// Tile is what stands under the TilePath of a tile: of a partial one perhaps more than
	// it has, since the full one may have taken its place. The error is ErrMissing where the
	// log says that it has no such tile.
	Tile(path string) ([]byte, error)
}

var (
	// ErrUnread is the error of what could not be verified, since something of the log could
	// not be read. That proves nothing against the log.
	ErrUnread = errors.New("the log cannot be read")
	// ErrMissing is the error of a log that does not have what it has signed.
	ErrMissing = errors.New("the log does not have what it has signed")
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	bundle     = -1 // the level of entries
)

// TilePath is the path of a tile of height 8 below a log's prefix; level -1 is of entries.
func TilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	if rest, entries := strings.CutPrefix(path, "data/"); entries {
		path = "entries/" + rest
	}
	return "tile/" + path
}

// reader reads tiles as tlog verifies them.
type reader struct{ tiles Tiles }

func (r reader) Height() int { return tileHeight }

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles reads each tile, of which a longer one is cut.
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, t := range tiles {
		b, err := r.tiles.Tile(TilePath(t))
		if err != nil {
			return nil, unread(err)
		}
		read[i] = b[:min(len(b), t.W*tlog.HashSize)]
	}
	return read, nil
}

func unread(err error) error {
	if errors.Is(err, ErrMissing) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnread, err)
}

// last is the last entry of a tree, as its bundle has it: nothing of it is proven.
func (r reader) last(tree tlog.Tree) ([]byte, error) {
	n := (tree.N - 1) / tileWidth
	width := int(tree.N - n*tileWidth)
	data, err := r.tiles.Tile(TilePath(tlog.Tile{H: tileHeight, L: bundle, N: n, W: width}))
	if err != nil {
		return nil, unread(err)
	}
	var entry []byte
	for range width {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%w: a bundle of the log ends too early", ErrProof)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entry, data = data[2:end], data[end:]
	}
	return entry, nil
}

// continues holds two trees of a log against each other, of which either may be the older: the
// newer one has to begin with it.
func (r reader) continues(a, b tlog.Tree) error {
	older, newer := a, b
	if older.N > newer.N {
		older, newer = newer, older
	}
	if older.N == newer.N {
		if older.Hash != newer.Hash {
			return fmt.Errorf("%w: two trees of %d entries", ErrSplit, older.N)
		}
		return nil
	}
	if r.tiles == nil {
		return fmt.Errorf("%w: nobody reads it", ErrUnread)
	}
	root, err := tlog.TreeHash(older.N, tlog.TileHashReader(newer, r))
	if errors.Is(err, ErrUnread) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSplit, err)
	}
	if root != older.Hash {
		return fmt.Errorf("%w: the tree of %d entries does not begin with that of %d", ErrSplit, newer.N, older.N)
	}
	return nil
}
