package log

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// tileHeight makes tiles of 256 hashes (C2SP tlog-tiles, Merkle Tree).
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// bundleLevel is the level of entry bundles, in tlog.Tile and in the table.
	bundleLevel = -1
	maxLevel    = 63
	// maxTileN is the last tile's number in the largest tree that an int64 counts.
	maxTileN = 1<<(63-tileHeight) - 1
)

// ErrPath is the error of a path that names no tile.
var ErrPath = errors.New("not the path of a tile")

// ParsePath reads a path below a log's prefix, "tile/<L>/<N>[.p/<W>]" or
// "tile/entries/<N>[.p/<W>]" (C2SP tlog-tiles). The tile has height 8, level -1 for entries,
// and width 256 unless it is partial. Each tile has one path, so ParsePath is the inverse of
// Path and refuses all else. The error is ErrPath.
func ParsePath(path string) (tlog.Tile, error) {
	rest, isTile := strings.CutPrefix(path, "tile/")
	level, index, hasIndex := strings.Cut(rest, "/")
	if !isTile || !hasIndex {
		return tlog.Tile{}, ErrPath
	}
	t := tlog.Tile{H: tileHeight, L: bundleLevel, W: tileWidth}
	var err error
	if level != "entries" {
		if t.L, err = parseNumber(level, 0, maxLevel); err != nil {
			return tlog.Tile{}, err
		}
	}
	index, width, partial := strings.Cut(index, ".p/")
	if partial {
		if t.W, err = parseNumber(width, 1, tileWidth-1); err != nil {
			return tlog.Tile{}, err
		}
	}
	t.N, err = parseIndex(index)
	if err != nil {
		return tlog.Tile{}, err
	}
	return t, nil
}

// Path is the path of a tile of height 8 below a log's prefix.
func Path(t tlog.Tile) string {
	level := "entries"
	if t.L != bundleLevel {
		level = strconv.Itoa(t.L)
	}
	partial := ""
	if t.W != tileWidth {
		partial = fmt.Sprintf(".p/%d", t.W)
	}
	return "tile/" + level + "/" + formatIndex(t.N) + partial
}

// parseNumber reads decimal digits without leading zeroes.
func parseNumber(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most || strconv.Itoa(n) != s {
		return 0, ErrPath
	}
	return n, nil
}

// parseIndex reads groups of three digits, all but the last behind an x.
func parseIndex(s string) (n int64, err error) {
	if len(s) > len(formatIndex(maxTileN)) {
		return 0, ErrPath
	}
	for group := range strings.SplitSeq(s, "/") {
		digits, err := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 16)
		if err != nil || digits > 999 || n > maxTileN/1000 {
			return 0, ErrPath
		}
		n = n*1000 + int64(digits)
	}
	if n > maxTileN || formatIndex(n) != s {
		return 0, ErrPath
	}
	return n, nil
}

func formatIndex(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}
