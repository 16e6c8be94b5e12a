package log

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// hashReader reads hashes of the tree from its tiles, committed or not: a tlog.HashReader
// for one computation, which reads each tile once.
type hashReader struct {
	ctx  context.Context
	log  *Log
	rows map[tlog.Tile]tile // by level and number
}

func (l *Log) hashes(ctx context.Context) *hashReader {
	return &hashReader{ctx: ctx, log: l, rows: map[tlog.Tile]tile{}}
}

// ReadHashes reads hashes by their tlog.StoredHashIndex.
func (r *hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, err := r.hash(index)
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}

func (r *hashReader) hash(index int64) (tlog.Hash, error) {
	t := tlog.TileForIndex(tileHeight, index)
	row, err := r.row(t)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("reading %s: %w", Path(t), err)
	}
	data, err := row.prefix(t.W)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.HashFromTile(t, data, index)
}

func (r *hashReader) row(t tlog.Tile) (row tile, err error) {
	key := tlog.Tile{L: t.L, N: t.N}
	if row, read := r.rows[key]; read {
		return row, nil
	}
	row, err = selectTile(r.ctx, r.log.DB, r.log.Name, t.L, t.N)
	r.rows[key] = row
	return row, err
}
