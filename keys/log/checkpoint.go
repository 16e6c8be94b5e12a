package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/store"
)

// Checkpoint is a tree and the note that says so (C2SP tlog-checkpoint), which must not be
// changed.
type Checkpoint struct {
	tlog.Tree
	Note []byte
}

// Checkpoint returns the newest one that any replica has published. The error is ErrNotFound
// before the first.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	if err := l.refusal(); err != nil {
		return Checkpoint{}, err
	}
	newest, err := selectCheckpoint(ctx, l.DB, l.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return Checkpoint{}, ErrNotFound
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	if known, _ := l.known(); newest.N <= known.N {
		return known, nil // one that was read earlier, and arrives later
	}
	if err := l.admit(ctx, newest.Tree); err != nil {
		return Checkpoint{}, err
	}
	return l.serve(newest), nil
}

// Await returns the first checkpoint that covers a size. It waits for it until ctx ends, whose
// error it then returns.
func (l *Log) Await(ctx context.Context, size int64) (Checkpoint, error) {
	for {
		_, advanced := l.known()
		c, err := l.Checkpoint(ctx)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Checkpoint{}, err
		}
		if err == nil && c.N >= size {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return Checkpoint{}, ctx.Err()
		case <-advanced:
		case <-time.After(l.Poll): // another replica's
		}
	}
}

// covering returns a checkpoint that covers a size, the newest if need be.
func (l *Log) covering(ctx context.Context, size int64) (Checkpoint, error) {
	if err := l.refusal(); err != nil {
		return Checkpoint{}, err
	}
	if known, _ := l.known(); known.N >= size && known.N > 0 {
		return known, nil
	}
	c, err := l.Checkpoint(ctx)
	if err == nil && c.N < size {
		err = ErrNotFound
	}
	return c, err
}

// known is the newest checkpoint that this process has shown, and what is closed when there
// is a newer one.
func (l *Log) known() (Checkpoint, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.served, l.advanced
}

// serve returns c, or a newer one that was served meanwhile.
func (l *Log) serve(c Checkpoint) Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.N > l.served.N {
		l.served = c
		close(l.advanced)
		l.advanced = make(chan struct{})
	}
	return l.served
}

// admit lets the guard know of a tree before its note is shown, whichever replica signed it.
func (l *Log) admit(ctx context.Context, signed tlog.Tree) error {
	h, err := l.trusted(ctx)
	if err != nil {
		return err
	}
	if err := l.continues(ctx, h, signed); err != nil {
		return l.refuseIfRolledBack(err)
	}
	return l.tellGuard(ctx, signed)
}

func (l *Log) tellGuard(ctx context.Context, signed tlog.Tree) error {
	if err := l.Guard.Signed(ctx, signed); err != nil {
		return l.refuseIfRolledBack(fmt.Errorf("remembering what is signed: %w", err))
	}
	return nil
}

// publish signs a head that is committed and durable, and shows it.
func (l *Log) publish(ctx context.Context, h head) error {
	if err := l.audit(ctx, h); err != nil {
		return err
	}
	if err := l.tellGuard(ctx, h.Tree); err != nil {
		return err
	}
	signed, err := l.sign(ctx, h)
	if err != nil {
		return l.overtaken(ctx, h, fmt.Errorf("signing a checkpoint: %w", err))
	}
	err = l.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := insertCheckpoint(ctx, tx, l.Name, Checkpoint{Tree: h.Tree, Note: signed}); err != nil {
			return err
		}
		return deleteCheckpoints(ctx, tx, l.Name)
	})
	if err != nil {
		return fmt.Errorf("storing a checkpoint: %w", err)
	}
	_, err = l.Checkpoint(ctx)
	return err
}

// sign signs a head, which the Map is at, by the keys that its newest CONFIG names.
func (l *Log) sign(ctx context.Context, h head) ([]byte, error) {
	signers, err := l.Keys.Signers(ctx, l.Map.Config())
	if err != nil {
		return nil, err
	}
	if len(signers) == 0 || slices.ContainsFunc(signers, func(s note.Signer) bool { return s.Name() != l.Origin }) {
		return nil, fmt.Errorf("%w: nobody signs, or somebody who is not named for the origin %q", ErrConfig, l.Origin)
	}
	return note.Sign(&note.Note{Text: l.text(h.Tree)}, signers...)
}

// text is what is signed of a tree. It depends on nothing else, so that a head whose note
// was lost gets the same again.
func (l *Log) text(t tlog.Tree) string {
	return string(tformat.Checkpoint{Origin: l.Origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal())
}
