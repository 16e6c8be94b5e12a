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
	"signet/keys/replay"
	"signet/keys/vrf"
)

// ErrNotYet is the error of a log that has no checkpoint yet, or none that one knows of.
var ErrNotYet = errors.New("the log of people's keys has not come that far yet")

// Proof shows to who knows the log's CONFIG what the newest version of a label is, or that
// there is none.
type Proof struct {
	Checkpoint []byte           // signed note (C2SP tlog-checkpoint)
	Epoch      entry.Epoch      // its last entry
	EpochProof tlog.RecordProof // that it is
	Present    bool             // there is a version
	Version    uint32           // the greatest, if there is
	Ladder     []Rung           // that it is the greatest; or that there is none
	// Opening and Value open the commitment of that version. They are nil where what they
	// opened was erased a moment ago: the tombstone comes with the next checkpoint.
	Opening *entry.Opening
	Value   []byte
	// Consistency is that the log begins with the one of the size which the asker saw last.
	Consistency tlog.TreeProof
}

// Rung is a version that the ladder asks for, and whether it is there.
type Rung struct {
	Version    uint32
	Proof      [vrf.ProofLen]byte // of its index
	Map        prefixtree.Proof
	Commitment entry.Commitment // if it is there
}

// Lookup proves what the newest version of a label is. last is the size of the log that the
// asker knows of, 0 for none. The error is ErrNotYet if the log is smaller.
func (p *People) Lookup(ctx context.Context, l entry.Label, last int64) (Proof, error) {
	proof, _, err := p.look(ctx, l, last)
	return proof, err
}

// look is Lookup, with the moment of the proof.
func (p *People) look(ctx context.Context, l entry.Label, last int64) (Proof, moment, error) {
	m, err := p.moment(ctx)
	if err != nil {
		return Proof{}, moment{}, err
	}
	proof, err := p.lookAt(ctx, l, last, m)
	return proof, m, err
}

func (p *People) lookAt(ctx context.Context, l entry.Label, last int64, m moment) (Proof, error) {
	if last < 0 || last > m.N {
		return Proof{}, ErrNotYet
	}
	newest, err := selectLogged(ctx, p.DB, p.tagOf(l), m.N)
	proof := Proof{Checkpoint: m.Note, Epoch: m.epoch.Epoch, Present: err == nil, Version: newest.number}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Proof{}, fmt.Errorf("reading the newest version: %w", err)
	}
	if proof.EpochProof, err = p.tiles.ProveRecord(ctx, m.N, m.N-1); err != nil {
		return Proof{}, err
	}
	if proof.Consistency, err = p.tiles.ProveConsistency(ctx, last, m.N); err != nil {
		return Proof{}, err
	}
	if proof.Ladder, err = p.climb(l, proof, m.epoch.Tree); err != nil || !proof.Present {
		return proof, err
	}
	proof.Opening, proof.Value, err = p.open(newest)
	return proof, err
}

// moment is a checkpoint, and the map as it was then.
type moment struct {
	log.Checkpoint
	epoch replay.Epoch
}

// moment is that of the newest checkpoint.
func (p *People) moment(ctx context.Context) (moment, error) {
	c, err := p.tiles.Checkpoint(ctx)
	if errors.Is(err, log.ErrNotFound) {
		err = ErrNotYet
	}
	if err != nil {
		return moment{}, err
	}
	e, known := p.state.At(c.N)
	if !known { // another replica has published it
		if err := p.tiles.Follow(ctx); err != nil {
			return moment{}, fmt.Errorf("following the log: %w", err)
		}
		e, known = p.state.At(c.N)
	}
	if !known {
		return moment{}, ErrNotYet
	}
	return moment{c, e}, nil
}

// climb makes the rungs for what a proof claims. That they show it is checked before anybody
// is told: a map that contradicts the tables must not go unnoticed.
func (p *People) climb(l entry.Label, claim Proof, tree *prefixtree.Tree) ([]Rung, error) {
	versions := ladder.NoVersions()
	if claim.Present {
		versions = ladder.Versions(claim.Version)
	}
	t := p.tagOf(l)
	rungs, shows := make([]Rung, len(versions)), make([]ladder.Rung, len(versions))
	for i, v := range versions {
		rungs[i] = p.rung(l, t, v, tree)
		shows[i] = ladder.Rung{Version: v, Present: rungs[i].Map.Kind == prefixtree.Inclusion}
	}
	if !claim.Present {
		return rungs, ladder.CheckNone(shows)
	}
	return rungs, ladder.Check(claim.Version, shows)
}

// rung tells whether a version is in the map.
func (p *People) rung(l entry.Label, t tag, number uint32, tree *prefixtree.Tree) Rung {
	s := p.prover.prove(l, t, number)
	c, _ := tree.Get(prefixtree.Index(s.index))
	return Rung{number, s.proof, tree.Prove(prefixtree.Index(s.index)), entry.Commitment(c)}
}

// open is what opens the commitment of a version; nil if it was erased.
func (p *People) open(v version) (*entry.Opening, []byte, error) {
	value, err := p.openValue(v)
	if err != nil || value == nil {
		return nil, nil, err
	}
	o, err := p.openOpening(v)
	if err != nil {
		return nil, nil, err
	}
	return &o, value, nil
}

// Await returns the proof of a value that was promised, or of a later one, once it is in the
// log. Errors: ErrHeldDown while a recovery waits, ErrVersion when it came to nothing.
func (p *People) Await(ctx context.Context, t Ticket) (Proof, error) {
	for {
		v, err := selectVersion(ctx, p.DB, p.tagOf(t.Label), t.Version)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return Proof{}, p.absent(ctx, t)
		case err != nil:
			return Proof{}, fmt.Errorf("reading a version: %w", err)
		case v.position > 0:
			if _, err := p.tiles.Await(ctx, v.position+1); err != nil {
				return Proof{}, err
			}
			return p.Lookup(ctx, t.Label, 0)
		}
		if err := p.awaitNext(ctx); err != nil {
			return Proof{}, err
		}
	}
}

// absent is why a version that was promised is not there.
func (p *People) absent(ctx context.Context, t Ticket) error {
	number, _, waits, err := p.Waiting(ctx, t.Label)
	if err == nil && waits && number == t.Version {
		return ErrHeldDown
	}
	return errors.Join(err, ErrVersion)
}

// awaitNext waits for a checkpoint after the newest.
func (p *People) awaitNext(ctx context.Context) error {
	c, err := p.tiles.Checkpoint(ctx)
	if err != nil && !errors.Is(err, log.ErrNotFound) {
		return err
	}
	_, err = p.tiles.Await(ctx, c.N+1)
	return err
}
