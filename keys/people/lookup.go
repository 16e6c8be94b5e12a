package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/log"
	"signet/keys/prefixtree"
	"signet/keys/proof"
	"signet/keys/replay"
)

// ErrNotYet is the error of a log that has no checkpoint yet, or none as large as that which
// somebody has seen.
var ErrNotYet = errors.New("the log of people's keys has not come that far yet")

// ErrLastSize is the error of the size of a log that none has.
var ErrLastSize = errors.New("the size of the log that was seen last is from 0 to 2^53 - 1")

// maxSize is the greatest integer that all readers of JSON read alike (RFC 7493, 2.2).
const maxSize = 1<<53 - 1

// ErrDamaged is the error of a version that was changed, removed or added where it is stored,
// which the log contradicts.
var ErrDamaged = errors.New("what is stored of a label is not what was logged")

// Lookup proves what the newest version of a label is, or that it has none. last is the size
// of the log that the asker knows of, 0 for none. Value and opening are missing where they
// were erased a moment ago: the tombstone comes with the next checkpoint. The error is
// ErrNotYet if the log is smaller, and ErrLastSize if none can be so large.
func (p *People) Lookup(ctx context.Context, l entry.Label, last int64) (*proof.Lookup, error) {
	m, err := p.moment(ctx, last)
	if err != nil {
		return nil, err
	}
	newest, err := selectLogged(ctx, p.DB, p.tagOf(l), m.size)
	if errors.Is(err, sql.ErrNoRows) {
		rungs, err := p.climb(l, ladder.NoVersions(), m, ladder.CheckNone)
		if err != nil {
			return nil, err
		}
		return proof.NewAbsence(m.anchor, rungs[0]), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the newest version: %w", err)
	}
	opening, value, err := p.open(newest)
	if err != nil {
		return nil, err
	}
	rungs, err := p.climbTo(l, newest.number, m.of(value))
	if err != nil {
		return nil, err
	}
	place, err := p.placeOf(ctx, newest, value, m)
	if err != nil {
		return nil, fmt.Errorf("proving where the newest version stands: %w", err)
	}
	return &proof.Lookup{Anchor: m.anchor, Version: newest.number, Present: true, Ladder: rungs, Place: place, Opening: opening, Value: value}, nil
}

// moment is a checkpoint with the proofs of it, and the map as it was then.
type moment struct {
	anchor proof.Anchor
	size   int64
	tree   *prefixtree.Tree
	began  round // of the prover
}

// of is the moment for a label with that newest value: of one that is erased nothing is kept
// in memory.
func (m moment) of(newest []byte) moment {
	if erased(newest) {
		m.began = fleeting
	}
	return m
}

// moment is that of the newest checkpoint, for who has seen the log at a size.
func (p *People) moment(ctx context.Context, last int64) (moment, error) {
	if last < 0 || last > maxSize {
		return moment{}, ErrLastSize
	}
	began := p.prover.round()
	c, e, err := p.newestEpoch(ctx)
	if err != nil {
		return moment{}, err
	}
	if last > c.N {
		return moment{}, ErrNotYet
	}
	included, err := p.proveEpoch(ctx, c.Tree)
	if err != nil {
		return moment{}, err
	}
	consistency, err := p.tiles.ProveConsistency(ctx, last, c.N)
	if err != nil {
		return moment{}, err
	}
	return moment{proof.NewAnchor(c.Note, e.Epoch, included, consistency), c.N, e.Tree, began}, nil
}

// end is a tree and the proof that its last entry, the EPOCH, is in it.
type end struct {
	tlog.Tree
	proof tlog.RecordProof
}

// proveEpoch is the proof of a tree's last entry. It is the same in all answers until the next
// checkpoint, and reading what it takes an eighth of an answer's time.
func (p *People) proveEpoch(ctx context.Context, t tlog.Tree) (tlog.RecordProof, error) {
	if last := p.end.Load(); last != nil && last.Tree == t {
		return last.proof, nil
	}
	proof, err := p.tiles.ProveRecord(ctx, t.N, t.N-1)
	if err == nil {
		p.end.Store(&end{t, proof})
	}
	return proof, err
}

// newestEpoch is the newest checkpoint and the map in it, which another replica may have made.
func (p *People) newestEpoch(ctx context.Context) (log.Checkpoint, replay.Epoch, error) {
	c, err := p.tiles.Checkpoint(ctx)
	if errors.Is(err, log.ErrNotFound) {
		err = ErrNotYet
	}
	if err != nil {
		return log.Checkpoint{}, replay.Epoch{}, err
	}
	e, known := p.state.At(c.N)
	if !known {
		if err := p.tiles.Follow(ctx); err != nil {
			return log.Checkpoint{}, replay.Epoch{}, fmt.Errorf("following the log: %w", err)
		}
		if e, known = p.state.At(c.N); !known {
			return log.Checkpoint{}, replay.Epoch{}, ErrNotYet
		}
	}
	return c, e, nil
}

// climbTo makes the rungs that show a version to be the greatest.
func (p *People) climbTo(l entry.Label, newest uint32, m moment) ([]proof.Rung, error) {
	return p.climb(l, ladder.Versions(newest), m, func(rungs []ladder.Rung) error { return ladder.Check(newest, rungs) })
}

// climb makes rungs. That they show what they should is checked before anybody is told: a map
// that contradicts the tables must not go unnoticed.
func (p *People) climb(l entry.Label, versions []uint32, m moment, check func([]ladder.Rung) error) ([]proof.Rung, error) {
	t := p.tagOf(l)
	rungs, shows := make([]proof.Rung, len(versions)), make([]ladder.Rung, len(versions))
	for i, v := range versions {
		rungs[i] = p.rung(l, t, v, m)
		shows[i] = ladder.Rung{Version: v, Present: rungs[i].Map.Kind == prefixtree.Inclusion}
	}
	if err := check(shows); err != nil {
		return nil, fmt.Errorf("%w: the map contradicts the tables: %w", ErrDamaged, err)
	}
	return rungs, nil
}

// rung tells whether a version is in the map.
func (p *People) rung(l entry.Label, t tag, number uint32, m moment) proof.Rung {
	s := p.prover.prove(l, t, number, m.began)
	index := prefixtree.Index(s.index)
	commitment, _ := m.tree.Get(index)
	return proof.NewRung(number, s.proof, m.tree.Prove(index), entry.Commitment(commitment))
}

// open is what opens the commitment of a version; nil if it was erased.
func (p *People) open(v version) (*proof.Opening, []byte, error) {
	value, err := p.openValue(v)
	if err != nil || value == nil {
		return nil, nil, err
	}
	o, err := p.openOpening(v)
	if err != nil {
		return nil, nil, err
	}
	return (*proof.Opening)(&o), value, nil
}
