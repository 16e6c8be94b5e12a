package proof

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
)

// Newest is how far a log goes.
type Newest struct {
	Head   tlog.Tree // to be remembered where it is newer
	Sealed time.Time
	Held   []Line
}

// VerifyNewest tells whether a checkpoint is of a log as it is now: the log has signed it, it ends
// in an EPOCH of lately, and is of the log that was seen. One that is a little older than what was
// seen may come of two questions at once; it proves no more than that was shown before. Errors:
// *Failed, which wraps why, ErrUnread where nothing can be said.
func VerifyNewest(checkpoint []byte, p Policy, seen Seen, now time.Time) (Newest, error) {
	v := &newest{anchored: anchored{policy: p, anchor: Anchor{Checkpoint: string(checkpoint)}, now: now}, seen: seen}
	held, err := run([]check{{StepCheckpoint, v.signed}, {StepEpoch, v.last}, {StepTimes, v.times}, {StepConsistency, v.continues}})
	if err != nil {
		return Newest{}, err
	}
	return Newest{Head: v.checkpoint.Tree, Sealed: time.UnixMilli(v.epoch.Time), Held: held}, nil
}

// newest is one run of VerifyNewest.
type newest struct {
	anchored
	seen Seen
}

// last reads the last entry, and proves it by the hashes of the tree.
func (v *newest) last() (string, error) {
	r, tree := reader{v.seen.Tiles}, v.checkpoint.Tree
	octets, err := r.last(tree)
	if err != nil {
		return "", err
	}
	hashes, err := tlog.TileHashReader(tree, r).ReadHashes([]int64{tlog.StoredHashIndex(0, tree.N-1)})
	if errors.Is(err, ErrUnread) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrEpoch, err)
	}
	e, err := entry.Parse(octets)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrEpoch, err)
	}
	epoch, is := e.(entry.Epoch)
	if !is || epoch.Position != tree.N-1 || hashes[0] != tlog.RecordHash(octets) {
		return "", ErrEpoch
	}
	v.anchor.Epoch = Epoch(octets)
	return fmt.Sprintf("entry %d, the last one, is an EPOCH", epoch.Position), nil
}

func (v *newest) continues() (string, error) {
	if v.seen.Head == nil {
		return "no head was remembered to compare with", nil
	}
	if err := (reader{v.seen.Tiles}).continues(*v.seen.Head, v.checkpoint.Tree); err != nil {
		return "", err
	}
	return fmt.Sprintf("it is the log of which a tree of %d entries was seen before", v.seen.Head.N), nil
}
