package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"signet/keys/log"
	"signet/keys/replay"
)

// Options are what an Auditor needs.
type Options struct {
	Source   Source
	Origin   string        // the first line of the log's checkpoints
	Verifier note.Verifier // of the log's own signature; later keys are found from it by CONFIGs
	Contents replay.Contents
	// Progress is told how many of how many entries are checked, if it is not nil.
	Progress func(done, all int64)
}

// ContentsOf is what stands in a log of that origin, which ends in /users or /servers.
func ContentsOf(origin string) (replay.Contents, error) {
	switch {
	case strings.HasSuffix(origin, "/users"):
		return replay.Inserts, nil
	case strings.HasSuffix(origin, "/servers"):
		return replay.Records, nil
	}
	return "", fmt.Errorf("the origin %q ends neither in /users nor in /servers", origin)
}

// Auditor audits one log, again and again.
type Auditor struct {
	Options

	mu   sync.Mutex // guards seen: one audit at a time
	seen held
}

// held is a log as it was found to be. A zero one is of a log of which nothing was seen.
type held struct {
	Checkpoint
	edge   *edge
	replay *replay.State
}

// New makes an Auditor that has seen nothing yet.
func New(o Options) *Auditor {
	return &Auditor{Options: o, seen: held{edge: &edge{}, replay: replay.New(o.Contents, o.Origin)}}
}

// Report is what an audit has held.
type Report struct {
	Checkpoint
	Before int64 // size that was audited before; 0 if nothing was
	Epoch  time.Time
	Counts // of the entries from Before on
	// VKeys are the verifier keys that the log's newest CONFIG names; all have signed.
	VKeys []string
	// Bundles and HashTiles are how many were read.
	Bundles, HashTiles int64
}

// Counts are numbers of entries by their type.
type Counts struct{ Inserts, Epochs, Records, Configs int64 }

func (c *Counts) add(entries [][]byte) {
	of := [...]*int64{new(int64), &c.Inserts, &c.Epochs, &c.Records, &c.Configs}
	for _, e := range entries {
		*of[e[0]]++
	}
}

// Seen is the checkpoint that the newest audit ended with; its size is 0 before the first.
func (a *Auditor) Seen() Checkpoint {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen.Checkpoint
}

// Audit holds the log, from where the last audit ended, against all that it promises. The
// error is Lie for the first entry that breaks a promise, in the order of the log, and
// Unread if it could not be read; then nothing is remembered of this audit.
func (a *Auditor) Audit(ctx context.Context) (Report, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	published, unvouched, err := a.checkpoint(ctx)
	if err != nil {
		return Report{}, err
	}
	r := &run{Auditor: a, unvouched: unvouched, report: Report{Checkpoint: published, Before: a.seen.N},
		now: held{Checkpoint: published, edge: a.seen.edge.clone(), replay: a.seen.replay.Alone()}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, check := range []func(context.Context) error{r.history, r.entries, r.end, r.upperTiles, r.root, r.keys} {
		if err := check(ctx); err != nil {
			return Report{}, r.blame(err)
		}
	}
	r.now.edge.tiles = nil
	a.seen = r.now
	newest := r.now.replay.Configs()
	r.report.VKeys = newest[len(newest)-1].VKeys
	return r.report, nil
}

// run is one audit.
type run struct {
	*Auditor
	now    held
	report Report
	// unvouched is why the checkpoint is not believed as long as no CONFIGs lead to its signer.
	unvouched error
}

// history holds the log against what was audited before: the hashes on the right edge of
// that tree stand for all of its entries.
func (r *run) history(ctx context.Context) error {
	seen := r.seen
	if r.now.N < seen.N {
		return lie(r.now.N, History, "the log ends there, and had %d entries before", seen.N)
	}
	for _, known := range slices.Backward(seen.edge.partial()) { // the oldest entries first
		t := tileAt(known.L, known.N, r.now.N)
		hashes, err := r.hashes(ctx, t)
		if err != nil {
			return err
		}
		if n, are := differ(known.hashes, hashes); are {
			first := position(t, n)
			return lie(first, History, "entries %d to %d are not those of the audit of %d entries", first, position(t, n+1)-1, seen.N)
		}
	}
	if r.now.N == seen.N && r.now.Hash != seen.Hash {
		return lie(Whole, History, "the log had another root with the same %d entries", seen.N)
	}
	return nil
}

// entries reads all entries from where the last audit ended.
func (r *run) entries(ctx context.Context) error {
	if r.now.N == r.seen.N {
		return nil
	}
	for next := range r.bundles(ctx, r.seen.N/tileWidth, r.now.N) {
		if err := r.take(<-next); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (r *run) take(b bundle) error {
	known := int(r.now.edge.size - b.first)
	if known > 0 && b.err == nil && !bytes.HasPrefix(b.hashes, r.now.edge.levels[0]) {
		return lie(b.first, History, "the entries before %d in its bundle are not those of the last audit", r.now.edge.size)
	}
	fresh := b.entries[min(known, len(b.entries)):]
	if err := r.now.replay.Follow(fresh); err != nil {
		return lieOf(err)
	}
	if b.err != nil {
		return b.err
	}
	r.now.edge.grow(b.hashes, b.top)
	r.report.Counts.add(fresh)
	r.report.Bundles++
	r.report.HashTiles++
	if r.Progress != nil {
		r.Progress(r.now.edge.size, r.now.N)
	}
	return nil
}

// end holds I1: the checkpoint ends in an EPOCH. That the EPOCH says where it stands, the
// replay has seen.
func (r *run) end(context.Context) error {
	newest, ended := r.now.replay.Newest()
	if !ended || newest.Position != r.now.N-1 {
		return lie(r.now.N-1, "I1", "the checkpoint ends in it, and it is no EPOCH")
	}
	r.report.Epoch = time.UnixMilli(newest.Time)
	return nil
}

// upperTiles holds the hash tiles above the lowest against what the entries come to. The
// lowest of an audit before that are still partial were read again with their bundles.
func (r *run) upperTiles(ctx context.Context) error {
	tiles := r.now.edge.tiles
	for _, t := range r.now.edge.partial() {
		if t.L > 0 {
			tiles = append(tiles, t)
		}
	}
	found := make([]error, len(tiles))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for i, t := range tiles {
		group.Go(func() error {
			found[i] = r.holdTile(ctx, t)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, err := range found {
		if err != nil {
			return err
		}
	}
	r.report.HashTiles += int64(len(tiles))
	return nil
}

func (r *run) holdTile(ctx context.Context, want tile) error {
	hashes, err := r.hashes(ctx, want.Tile)
	if err != nil {
		return err
	}
	if n, are := differ(want.hashes, hashes); are {
		first := position(want.Tile, n)
		return lie(first, Tiles, "of entries %d to %d the hash tile %s says what they do not come to", first, position(want.Tile, n+1)-1, log.Path(want.Tile))
	}
	return nil
}

// root holds the signed root against that of the entries.
func (r *run) root(context.Context) error {
	if root := r.now.edge.root(); root != r.now.Hash {
		return lie(Whole, RootHash, "its root is %v, and the %d entries come to %v", r.now.Hash, r.now.N, root)
	}
	return nil
}
