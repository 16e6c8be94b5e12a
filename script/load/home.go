package main

import (
	"context"
	"errors"
	"strings"
)

// tally is what the steps came to with one homeserver, run by run.
type tally struct {
	open   func(context.Context, settings) (*target, error)
	steps  []step
	runs   map[string][]figures // by the name of a row
	failed map[string]error     // by the name of a step
}

func newTally(open func(context.Context, settings) (*target, error), chosen []step) *tally {
	return &tally{open: open, steps: chosen, runs: map[string][]figures{}, failed: map[string]error{}}
}

// run makes the steps with a target of its own. It goes on after one that fails.
func (a *tally) run(ctx context.Context, s settings) error {
	t, err := a.open(ctx, s)
	if err != nil {
		return err
	}
	defer t.close()
	for _, step := range a.steps {
		got, err := step.run(t, ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.failed[step.name] = err
			progress("%s: %v", step.name, err)
		}
		for i, f := range got {
			name := step.rows[i].name
			a.runs[name] = append(a.runs[name], f)
			progress("%s", strings.Join(row{name: name, figures: f}.cells(), "  "))
		}
	}
	return nil
}

// fill gives a row of a step its medians, or the reason why it has none.
func (a *tally) fill(of step, r row) row {
	if err := a.failed[of.name]; err != nil {
		r.note = err.Error()
		return r
	}
	r.figures = medians(a.runs[r.name])
	return r
}

// measureHomeserver measures ours, and the one at BASE in turn with it, as often as is set.
func measureHomeserver(ctx context.Context, s settings, names []string) ([]row, error) {
	chosen, err := chooseSteps(s, names)
	if err != nil {
		return nil, err
	}
	ours, theirs := newTally(openOurs, chosen), newTally(openPeer, chosen)
	for i := range s.count {
		progress("run %d of %d", i+1, s.count)
		if err := ours.run(ctx, s); err != nil {
			return nil, err
		}
		if s.base == "" {
			continue
		}
		progress("the same at %s", s.base)
		if err := theirs.run(ctx, s); err != nil {
			return nil, err
		}
	}
	if len(ours.failed)+len(theirs.failed) > 0 {
		err = errors.New("not all was measured")
	}
	if s.base == "" {
		return ours.rows(), err
	}
	return beside(ours, theirs), err
}

func (a *tally) rows() (all []row) {
	for _, step := range a.steps {
		for _, r := range step.rows {
			all = append(all, a.fill(step, r))
		}
	}
	return all
}

// beside has, after each row, that of the other homeserver, and the one by the other.
func beside(ours, theirs *tally) (all []row) {
	others := theirs.rows()
	for i, own := range ours.rows() {
		other := others[i]
		other.name, other.bar, other.peer, own.peer = "at BASE", "", "", ""
		if other.note != "" {
			other.note = own.name + ": " + other.note
		}
		all = append(all, own, other)
		if own.note == "" && other.note == "" {
			all = append(all, row{name: "ratio", figures: own.figures, by: &other.figures})
		}
	}
	return all
}
