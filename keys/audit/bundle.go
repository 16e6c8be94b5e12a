package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/log"
)

// inFlight is how many bundles are read at a time, each of at most MaxBody octets.
const inFlight = 16

// bundle is what a bundle and its hash tile say: entries up to the first that is wrong, and
// err what is wrong with that.
type bundle struct {
	first   int64 // position
	entries [][]byte
	hashes  []byte
	top     tlog.Hash // subtreeHash of a full one
	err     error
}

// bundles reads the bundles of a tree from one on. They come in order, each in a channel of
// its own; what is not taken is given up with ctx.
func (a *Auditor) bundles(ctx context.Context, from, size int64) <-chan chan bundle {
	queue := make(chan chan bundle, inFlight)
	go func() {
		defer close(queue)
		for n := from; n*tileWidth < size; n++ {
			ready := make(chan bundle, 1)
			select {
			case queue <- ready:
				go func() { ready <- a.bundle(ctx, tileAt(bundleLevel, n, size)) }()
			case <-ctx.Done():
				return
			}
		}
	}()
	return queue
}

// bundle reads a bundle and holds it against its hash tile.
func (a *Auditor) bundle(ctx context.Context, t tlog.Tile) bundle {
	b := bundle{first: t.N * tileWidth}
	data, whole, err := a.fetch(ctx, t)
	if err != nil {
		b.err = err
		return b
	}
	hashTile := t
	hashTile.L = 0
	want, err := a.hashes(ctx, hashTile)
	if err != nil {
		b.err = err
		return b
	}
	b.split(data, t.W, whole)
	b.hash()
	b.hold(want)
	if b.err == nil && t.W == tileWidth {
		b.top = subtreeHash(b.hashes)
	}
	return b
}

// split takes the entries out of a bundle (C2SP tlog-tiles, "Log Entries"). One that is
// whole has more of them than are asked for.
func (b *bundle) split(data []byte, entries int, whole bool) {
	b.entries = make([][]byte, 0, entries)
	for i := range entries {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			b.err = lie(b.first+int64(i), Tiles, "the bundle ends in the middle of it")
			return
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		b.entries, data = append(b.entries, data[2:end:end]), data[end:]
	}
	if len(data) > 0 && !whole {
		b.err = lie(b.first+int64(entries), Tiles, "the bundle has %d octets more than its %d entries", len(data), entries)
	}
}

// hash makes the leaves of the entries (RFC 6962, 2.1).
func (b *bundle) hash() {
	b.hashes = make([]byte, 0, tileWidth*tlog.HashSize)
	leaf := make([]byte, 1, 128) // 0x00, and the entry
	for _, e := range b.entries {
		leaf = append(leaf[:1], e...)
		h := sha256.Sum256(leaf)
		b.hashes = append(b.hashes, h[:]...)
	}
}

// hold cuts the entries off before the first whose hash is not the tile's.
func (b *bundle) hold(want []byte) {
	want = want[:len(b.hashes)]
	n, are := differ(b.hashes, want)
	if !are {
		return
	}
	at := n * tlog.HashSize
	b.err = lie(b.first+int64(n), Tiles, "its hash is %x, and the hash tile says %x", b.hashes[at:at+tlog.HashSize], want[at:at+tlog.HashSize])
	b.entries, b.hashes = b.entries[:n], b.hashes[:at]
}

// fetch reads a tile or bundle. Who keeps a log may drop a partial one that has become whole
// since (C2SP tlog-tiles, "Partial Tiles").
func (a *Auditor) fetch(ctx context.Context, t tlog.Tile) (data []byte, whole bool, err error) {
	path := log.Path(t)
	data, err = a.Source.Fetch(ctx, path)
	if err == nil {
		return data, false, nil
	}
	if t.W < tileWidth && errors.Is(err, ErrNotFound) {
		t.W = tileWidth
		if data, err := a.Source.Fetch(ctx, log.Path(t)); err == nil {
			return data, true, nil
		}
	}
	return nil, false, Unread{path, err}
}

// hashes reads as many hashes of a tile as it should have.
func (a *Auditor) hashes(ctx context.Context, t tlog.Tile) ([]byte, error) {
	data, whole, err := a.fetch(ctx, t)
	if err != nil {
		return nil, err
	}
	length, want := len(data), t.W*tlog.HashSize
	if whole {
		want = tileWidth * tlog.HashSize
	}
	if length != want {
		return nil, lie(position(t, 0), Tiles, "the hash tile %s has %d octets, not %d", log.Path(t), length, want)
	}
	return data[:t.W*tlog.HashSize], nil
}

// position is that of the first entry below the n-th hash of a tile.
func position(t tlog.Tile, n int) int64 {
	return (t.N*tileWidth + int64(n)) << (tileHeight * t.L)
}
