package log

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// Tile returns the hashes of a tile of height 8, or at level -1 the entries of a bundle, as C2SP
// tlog-tiles serves them. Partial tiles of each width that a checkpoint may have had are there. The error is
// ErrNotFound for what the published checkpoint does not cover. The answer never changes.
func (l *Log) Tile(ctx context.Context, t tlog.Tile) ([]byte, error) {
	need, ok := sizeOf(t)
	if !ok {
		return nil, ErrNotFound
	}
	if _, err := l.covering(ctx, need); err != nil {
		return nil, err
	}
	row, err := selectTile(ctx, l.DB, l.Name, t.L, t.N)
	if err != nil {
		return nil, fmt.Errorf("reading a tile: %w", err)
	}
	return row.prefix(t.W)
}

// sizeOf is the size of the smallest tree that has a tile, if one can.
func sizeOf(t tlog.Tile) (size int64, ok bool) {
	if t.H != tileHeight || t.L < bundleLevel || t.L > maxLevel || t.N < 0 || t.N > maxTileN || t.W < 1 || t.W > tileWidth {
		return 0, false
	}
	shift := tileHeight * max(t.L, 0)
	last := t.N<<tileHeight + int64(t.W-1) // the hash that comes last
	if last >= math.MaxInt64>>shift {
		return 0, false
	}
	return (last + 1) << shift, true
}

// prefix is the row as it was with that width.
func (t tile) prefix(width int) ([]byte, error) {
	if width > t.width {
		return nil, fmt.Errorf("tile %d of level %d has width %d instead of %d", t.n, t.level, t.width, width)
	}
	if width == t.width && t.level == bundleLevel {
		return t.data, nil
	}
	length := width * tlog.HashSize
	if t.level == bundleLevel {
		var err error
		if _, length, err = splitBundle(t.data, width); err != nil {
			return nil, err
		}
	}
	if len(t.data) < length {
		return nil, fmt.Errorf("tile %d of level %d has only %d octets", t.n, t.level, len(t.data))
	}
	return t.data[:length:length], nil
}

// Entries returns the entries of the log from a position on, at most limit, and none at its
// end. The error is ErrNotFound beyond the published checkpoint.
func (l *Log) Entries(ctx context.Context, from int64, limit int) ([][]byte, error) {
	if from < 0 || limit < 0 {
		return nil, ErrNotFound
	}
	c, err := l.covering(ctx, from)
	if err != nil {
		return nil, err
	}
	return l.entries(ctx, from, min(int64(limit), c.N-from))
}

// entries returns n entries, whether they are published or not.
func (l *Log) entries(ctx context.Context, from, n int64) (entries [][]byte, err error) {
	if n == 0 {
		return nil, nil
	}
	bundles, err := selectBundles(ctx, l.DB, l.Name, from/tileWidth, (from+n-1)/tileWidth)
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	for _, b := range bundles {
		some, _, err := splitBundle(b.data, b.width)
		if err != nil {
			return nil, err
		}
		entries = append(entries, some...)
	}
	skip := from % tileWidth
	if int64(len(entries)) < skip+n {
		return nil, fmt.Errorf("reading entries: %w: some of %d to %d are missing", errBundle, from, from+n)
	}
	return entries[skip : skip+n], nil
}

// readEdge reads the right edge of a head's tree.
func (l *Log) readEdge(ctx context.Context, h head) (*edge, error) {
	e := &edge{size: h.N}
	var err error
	if e.bundle, err = l.readPartial(ctx, h.N, bundleLevel); err != nil {
		return nil, err
	}
	for level := 0; h.N>>(tileHeight*level) > 0; level++ {
		hashes, err := l.readPartial(ctx, h.N, level)
		if err != nil {
			return nil, err
		}
		e.levels = append(e.levels, hashes)
	}
	if _, err := e.settle(); err != nil {
		return nil, err
	}
	if e.root != h.Hash {
		return nil, fmt.Errorf("%w: the edge does not have the head's root", ErrInvariant)
	}
	return e, nil
}

// readPartial reads the partial tile of a level in a tree of that size, nil if there is
// none. A row that has grown since is read as it was.
func (l *Log) readPartial(ctx context.Context, size int64, level int) ([]byte, error) {
	hashes := size >> (tileHeight * max(level, 0))
	width := int(hashes % tileWidth)
	if width == 0 {
		return nil, nil
	}
	row, err := selectTile(ctx, l.DB, l.Name, level, hashes/tileWidth)
	if err != nil {
		return nil, fmt.Errorf("reading the edge at level %d: %w", level, err)
	}
	return row.prefix(width)
}
