package movein

import (
	"context"
	"slices"

	"signet/lookup"
)

// Directory is where bindings move to; lookup.Directory is one. Both methods take a
// batch that names each address once, and count how it meets the bindings there.
type Directory interface {
	// Compare says what Move would do, and does nothing.
	Compare(ctx context.Context, batch []lookup.Moved) (lookup.Moving, error)
	// Move binds what is newer than the binding there, all of it or nothing. It is
	// durable on return, and moving the same again changes nothing.
	Move(ctx context.Context, batch []lookup.Moved) (lookup.Moving, error)
}

// Accepting counts acceptances that meet the terms of this server.
type Accepting struct{ Added, Same, Unknown int }

// Terms is where acceptances move to, with the promises of Directory.
type Terms interface {
	Compare(ctx context.Context, batch []Acceptance) (Accepting, error)
	Carry(ctx context.Context, batch []Acceptance) (Accepting, error)
}

// Target is where a Load goes.
type Target struct {
	Directory Directory
	Terms     Terms
	// Progress is told, after each batch, how many records are done of how many.
	// It may be nil.
	Progress func(done, all int)
}

// Outcome is what became of a Load, or what would.
type Outcome struct {
	Bindings lookup.Moving
	Terms    Accepting
}

// Done is how many records were looked at.
func (o Outcome) Done() int {
	b, t := o.Bindings, o.Terms
	return b.Added + b.Replaced + b.Older + b.Same + t.Added + t.Same + t.Unknown
}

// batchSize is how many records are written in one transaction: so many that its sync
// is cheap, so few that a server beside us waits some hundredths of a second at most.
const batchSize = 500

// Compare says what Write would do, and does nothing.
func (l *Load) Compare(ctx context.Context, t Target) (Outcome, error) {
	return l.pass(ctx, t.Progress, t.Directory.Compare, t.Terms.Compare)
}

// Write brings the load in, a batch after the other. On an error the outcome is that
// of the batches which are in; to write again goes on behind them.
func (l *Load) Write(ctx context.Context, t Target) (Outcome, error) {
	return l.pass(ctx, t.Progress, t.Directory.Move, t.Terms.Carry)
}

func (l *Load) pass(
	ctx context.Context, progress func(done, all int),
	bind func(context.Context, []lookup.Moved) (lookup.Moving, error),
	accept func(context.Context, []Acceptance) (Accepting, error),
) (o Outcome, err error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	done, all := 0, len(l.Bindings)+len(l.Accepted)
	for batch := range slices.Chunk(l.Bindings, batchSize) {
		moving, err := bind(ctx, batch)
		if err != nil {
			return o, err
		}
		o.Bindings.Add(moving)
		done += len(batch)
		progress(done, all)
	}
	for batch := range slices.Chunk(l.Accepted, batchSize) {
		accepting, err := accept(ctx, batch)
		if err != nil {
			return o, err
		}
		o.Terms.add(accepting)
		done += len(batch)
		progress(done, all)
	}
	return o, nil
}

func (a *Accepting) add(other Accepting) {
	a.Added += other.Added
	a.Same += other.Same
	a.Unknown += other.Unknown
}
