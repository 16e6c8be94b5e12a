package stream

import (
	"context"
	"errors"

	"signet/internal/matrix"
	"signet/internal/store"
)

// work is an operation that brings the function which stores it.
type work struct {
	write   func(tx *store.Tx, pos Pos) error
	users   []matrix.UserID
	refused error // why it decided against itself
}

// refusal is the error of a work that has written nothing, so that its batch goes on.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// Refuse marks the error of a function that was given to Commit and has written nothing.
func Refuse(err error) error { return refusal{err} }

// Commit stores one operation by a function of its own, which may run again, and wakes the
// users whom it concerns. It is for what is written too seldom to need a Lane. An error
// that the function has marked with Refuse is returned as it is; any other undoes the whole
// batch of operations it is in. What was undone, by another's fault perhaps, is tried once
// more.
func (c *Committer) Commit(ctx context.Context, users []matrix.UserID, write func(tx *store.Tx, pos Pos) error) (Pos, error) {
	op := &work{write: write, users: users}
	pos, err := c.works.Do(ctx, op)
	if errors.Is(err, ErrNotStored) {
		pos, err = c.works.Do(ctx, op)
	}
	if err != nil {
		return 0, err
	}
	if op.refused != nil {
		return 0, op.refused
	}
	return pos, nil
}

// workWriter is the Writer of works.
type workWriter struct{ concerned *concerned }

func (workWriter) Write(_ context.Context, tx *store.Tx, ops []Placed[*work]) error {
	for _, p := range ops {
		err := p.Op.write(tx, p.Pos)
		p.Op.refused = nil
		if r, refused := errors.AsType[refusal](err); refused {
			p.Op.refused = r.error
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (w workWriter) Publish(ops []Placed[*work], wake func(matrix.UserID)) {
	for _, p := range ops {
		if p.Op.refused != nil {
			continue
		}
		w.concerned.note(p.Op.users, p.Pos)
		for _, u := range p.Op.users {
			wake(u)
		}
	}
}

func (workWriter) Abandon([]*work) {}
