package people

import (
	"context"
	"fmt"
	"time"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/proof"
)

// History is all versions of a label, for its owner, as they are in one checkpoint.
type History struct {
	proof.Anchor
	Versions []Past       // from 0 on; each is shown to be in the map
	Ladder   []proof.Rung // shows that there are no more of them
}

// Past is a version of a label.
type Past struct {
	proof.Rung
	Queued  time.Time
	Opening *proof.Opening // nil, as Value, if it was erased
	Value   []byte
}

// History proves all versions of a label that are in the newest checkpoint. Whoever asks has
// shown that the label is theirs. The error is ErrNotYet as for Lookup.
func (p *People) History(ctx context.Context, l entry.Label, last int64) (History, error) {
	m, err := p.moment(ctx, last)
	if err != nil {
		return History{}, err
	}
	h := History{Anchor: m.anchor}
	rows, err := selectHistory(ctx, p.DB, p.tagOf(l))
	if err != nil {
		return History{}, fmt.Errorf("reading the versions of a label: %w", err)
	}
	for _, v := range rows {
		if v.position == 0 || v.position >= m.size {
			break // those after it are no older
		}
		past, err := p.past(l, v, m)
		if err != nil {
			return History{}, err
		}
		h.Versions = append(h.Versions, past)
	}
	h.Ladder, err = p.ladderOf(l, len(h.Versions), m)
	return h, err
}

// ladderOf shows how many versions a label has.
func (p *People) ladderOf(l entry.Label, versions int, m moment) ([]proof.Rung, error) {
	if versions == 0 {
		return p.climb(l, ladder.NoVersions(), m, ladder.CheckNone)
	}
	return p.climbTo(l, uint32(versions-1), m)
}

// past is a version in the map of a moment.
func (p *People) past(l entry.Label, v version, m moment) (past Past, err error) {
	past.Rung = p.rung(l, v.tag, v.number, m)
	if past.Map.Kind != prefixtree.Inclusion {
		return Past{}, fmt.Errorf("version %d of a label should be in the map", v.number)
	}
	past.Queued = time.UnixMilli(v.queued)
	past.Opening, past.Value, err = p.open(v)
	return past, err
}
