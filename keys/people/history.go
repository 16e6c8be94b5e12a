package people

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/prefixtree"
	"signet/keys/replay"
)

// History is all versions of a label, for its owner, as they are in one checkpoint.
type History struct {
	Checkpoint  []byte
	Epoch       entry.Epoch
	EpochProof  tlog.RecordProof
	Consistency tlog.TreeProof
	Versions    []Past // from 0 on; each is shown to be in the map
	// Ladder shows that there are no more of them.
	Ladder []Rung
}

// Past is a version of a label.
type Past struct {
	Rung
	Queued  time.Time
	Opening *entry.Opening // nil, as Value, if it was erased
	Value   []byte
}

// History is all versions of a label that are in the newest checkpoint, with their proofs.
// Whoever asks has shown that the label is theirs.
func (p *People) History(ctx context.Context, l entry.Label, last int64) (History, error) {
	newest, m, err := p.look(ctx, l, last)
	if err != nil {
		return History{}, err
	}
	h := History{Checkpoint: newest.Checkpoint, Epoch: newest.Epoch, EpochProof: newest.EpochProof, Consistency: newest.Consistency, Ladder: newest.Ladder}
	rows, err := selectHistory(ctx, p.DB, p.tagOf(l))
	if err != nil {
		return History{}, fmt.Errorf("reading the versions of a label: %w", err)
	}
	for _, v := range rows {
		if v.position == 0 || v.position >= m.N {
			break // those after it are no older
		}
		past, err := p.past(l, v, m.epoch)
		if err != nil {
			return History{}, err
		}
		h.Versions = append(h.Versions, past)
	}
	return h, nil
}

// past is a version in the map of an epoch.
func (p *People) past(l entry.Label, v version, e replay.Epoch) (past Past, err error) {
	past.Rung = p.rung(l, v.tag, v.number, e.Tree)
	if past.Map.Kind != prefixtree.Inclusion {
		return Past{}, fmt.Errorf("version %d of a label should be in the map", v.number)
	}
	past.Queued = time.UnixMilli(v.queued)
	past.Opening, past.Value, err = p.open(v)
	return past, err
}
