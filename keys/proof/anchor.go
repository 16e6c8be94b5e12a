package proof

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/prefixtree"
)

var (
	// ErrStale and ErrAhead are the errors of a checkpoint from another time.
	ErrStale = errors.New("the checkpoint is too old")
	ErrAhead = errors.New("the checkpoint is of the future")
	// ErrEpoch is the error of a checkpoint that does not end in the EPOCH.
	ErrEpoch = errors.New("the checkpoint does not end in the EPOCH")
	// ErrShrunk is the error of a log that has fewer entries than were seen.
	ErrShrunk = errors.New("the log was longer before")
	// ErrSplit is the error of a log that is not the one that was seen.
	ErrSplit = errors.New("the log is not the one that was seen before")
)

// anchored is steps 1 to 5, with what they come to.
type anchored struct {
	policy Policy
	anchor Anchor
	asked  Asked
	now    time.Time

	label      entry.Label
	checkpoint checkpoint
	epoch      entry.Epoch
}

func (a *anchored) checks() []check {
	return []check{{StepLabel, a.canonical}, {StepCheckpoint, a.signed}, {StepTimes, a.times}, {StepEpoch, a.end}, {StepConsistency, a.consistent}}
}

// canonical reads the label as people write it. One that is canonical already may be that of
// a phone number that is not in use any more.
func (a *anchored) canonical() (text string, err error) {
	if a.label, err = entry.ParseLabel(a.asked.Label); err != nil {
		medium, address, _ := strings.Cut(a.asked.Label, ":")
		a.label, err = entry.NewLabel(entry.Medium(medium), address)
	}
	return "the question is about " + a.label.String(), err
}

func (a *anchored) signed() (text string, err error) {
	if a.checkpoint, err = a.policy.open(a.anchor.Checkpoint); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s has signed a tree of %d entries, %d of the witnesses too (%d needed)",
		a.policy.Origin, a.checkpoint.N, len(a.checkpoint.witnessed), a.policy.Needed), nil
}

// times holds the EPOCH's time, and that of the last witness who is needed, against now.
func (a *anchored) times() (string, error) {
	e, err := entry.Parse(a.anchor.Epoch[:])
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrEpoch, err)
	}
	epoch, ok := e.(entry.Epoch)
	if !ok {
		return "", ErrEpoch
	}
	a.epoch = epoch
	sealed := time.UnixMilli(epoch.Time)
	if err := a.recent(sealed); err != nil {
		return "", fmt.Errorf("sealed at %s: %w", moment(sealed), err)
	}
	if k := a.policy.Needed; k > 0 {
		if err := a.recent(a.checkpoint.witnessed[k-1]); err != nil {
			return "", fmt.Errorf("witnessed at %s: %w", moment(a.checkpoint.witnessed[k-1]), err)
		}
	}
	return "sealed at " + moment(sealed), nil
}

func (a *anchored) recent(t time.Time) error {
	switch {
	case a.now.Sub(t) > a.policy.MaxBehind:
		return ErrStale
	case t.Sub(a.now) > a.policy.MaxAhead:
		return ErrAhead
	}
	return nil
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (a *anchored) end() (string, error) {
	size := a.checkpoint.N
	if a.epoch.Position != size-1 {
		return "", fmt.Errorf("%w: it is entry %d of %d", ErrEpoch, a.epoch.Position, size)
	}
	included := hashesTo[tlog.Hash](a.anchor.EpochProof)
	if err := tlog.CheckRecord(included, size, a.checkpoint.Hash, size-1, tlog.RecordHash(a.anchor.Epoch[:])); err != nil {
		return "", fmt.Errorf("%w: %w", ErrEpoch, err)
	}
	return fmt.Sprintf("entry %d, the last one, is the EPOCH with the root of the map", size-1), nil
}

func (a *anchored) consistent() (string, error) {
	if a.asked.Head == nil {
		return "no head was remembered to compare with", nil
	}
	size, seen := a.checkpoint.N, *a.asked.Head
	switch {
	case size < seen.N:
		return "", fmt.Errorf("%w: %d entries, and now %d", ErrShrunk, seen.N, size)
	case size == seen.N && (a.checkpoint.Hash != seen.Hash || len(a.anchor.Consistency) > 0):
		return "", fmt.Errorf("%w: two trees of %d entries", ErrSplit, size)
	case size == seen.N:
		return "it is the tree that was seen before", nil
	}
	if err := tlog.CheckTree(hashesTo[tlog.Hash](a.anchor.Consistency), size, a.checkpoint.Hash, seen.N, seen.Hash); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSplit, err)
	}
	return fmt.Sprintf("it continues the tree of %d entries that was seen before", seen.N), nil
}

func (a *anchored) root() prefixtree.Hash { return prefixtree.Hash(a.epoch.MapRoot) }
