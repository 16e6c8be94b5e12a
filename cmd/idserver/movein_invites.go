package main

import (
	"context"
	"log/slog"

	"signet/internal/outbox"
	"signet/internal/program"
	"signet/internal/store"
	"signet/lookup"
	"signet/lookup/invite"
)

// welcoming is a directory to which bindings move. The invitations that wait for an address are
// accepted in the transaction that binds it, as where its owner binds it: an import that broke
// off has left none behind. A running server, or the next one, tells the homeservers.
type welcoming struct {
	*lookup.Directory
	invites  *invite.Invites
	accepted int // by what was moved, or would be by what was compared

	// tx is the transaction of the batch, and inBatch what it has accepted: one that runs again
	// has another.
	tx      *store.Tx
	inBatch int
}

func openWelcoming(env program.Env, s *program.Storage, d *lookup.Directory) (*welcoming, error) {
	silent := slog.New(slog.DiscardHandler)
	out, err := outbox.New(env.Ctx, outbox.Options{DB: s.DB, Vault: s.Vault, Now: env.Now, Log: silent})
	if err != nil {
		return nil, err
	}
	i, err := invite.New(env.Ctx, invite.Options{DB: s.DB, Vault: s.Vault, Outbox: out, Now: env.Now, Log: silent})
	if err != nil {
		return nil, err
	}
	return newWelcoming(d, i), nil
}

func newWelcoming(d *lookup.Directory, i *invite.Invites) *welcoming {
	w := &welcoming{Directory: d, invites: i}
	d.Told = append(d.Told, w.told)
	return w
}

func (w *welcoming) told(ctx context.Context, tx *store.Tx, c lookup.Change) error {
	if tx != w.tx {
		w.tx, w.inBatch = tx, 0
	}
	if !accepts(c) {
		return nil
	}
	n, err := w.invites.Accept(ctx, tx, c.Address, c.User)
	w.inBatch += n
	return err
}

// Move is movein.Directory's.
func (w *welcoming) Move(ctx context.Context, batch []lookup.Moved) (lookup.Moving, error) {
	w.inBatch = 0
	m, err := w.Directory.Move(ctx, batch)
	if err == nil {
		w.accepted += w.inBatch
	}
	return m, err
}

// Compare is movein.Directory's.
func (w *welcoming) Compare(ctx context.Context, batch []lookup.Moved) (all lookup.Moving, err error) {
	for _, moved := range batch {
		one, err := w.Directory.Compare(ctx, []lookup.Moved{moved})
		if err != nil {
			return all, err
		}
		all.Add(one)
		if one.Added+one.Replaced == 0 {
			continue
		}
		waiting, err := w.invites.Waiting(ctx, moved.Address, moved.User)
		if err != nil {
			return all, err
		}
		w.accepted += waiting
	}
	return all, nil
}
