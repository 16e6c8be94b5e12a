package log

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree of 70,000 entries has the tiles that C2SP tlog-tiles says it has (Partial Tiles), with
// the hashes that x/mod computes.
func TestTheTilesOf70000Entries(t *testing.T) {
	e := &edge{}
	var hashes hashList
	for i := range int64(70_000) {
		entry := fmt.Appendf(nil, "entry %d", i)
		e.add(entry)
		stored, err := tlog.StoredHashes(i, entry, &hashes)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, stored...)
	}
	tree, err := e.settle()
	if err != nil {
		t.Fatal(err)
	}
	if root, err := tlog.TreeHash(70_000, &hashes); err != nil || root != tree.Hash {
		t.Errorf("another root than x/mod's: %v", err)
	}
	count := map[string]int{}
	for _, row := range e.changed() {
		count[fmt.Sprintf("level %d width %d", row.level, row.width)]++
		if row.level == bundleLevel {
			continue
		}
		want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: row.level, N: row.n, W: row.width}, &hashes)
		if err != nil || !bytes.Equal(row.data, want) {
			t.Errorf("tile %d of level %d differs: %v", row.n, row.level, err)
		}
	}
	want := map[string]int{"level 0 width 256": 273, "level 0 width 112": 1, "level 1 width 256": 1, "level 1 width 17": 1, "level 2 width 1": 1,
		"level -1 width 256": 273, "level -1 width 112": 1}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("the tiles are %v, want %v", count, want)
	}
}

type hashList []tlog.Hash

func (l *hashList) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, (*l)[i])
	}
	return hashes, nil
}

// What a bundle is split into makes the same bundle again, and nothing is read beyond its
// end.
func FuzzSplitBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0}, 2)
	f.Add([]byte{255, 255, 0}, 1)
	f.Fuzz(func(t *testing.T, bundle []byte, n int) {
		entries, length, err := splitBundle(bundle, n%(tileWidth+1))
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			again = appendEntry(again, e)
		}
		if !bytes.Equal(again, bundle[:length]) {
			t.Errorf("%x was split into %x", bundle, entries)
		}
	})
}
