package main

import (
	"errors"
	"fmt"

	"signet/internal/program"
	"signet/lookup"
)

type feedCommands struct {
	Check  feedCheck  `cmd:"" help:"Replay the feed of changes and compare the bindings with what it makes of them."`
	Repair feedRepair `cmd:"" help:"Replay the feed of changes and make the bindings what it says; where it lacks changes, mend it by the bindings."`
}

// What a feed check finds wrong.
var (
	// errFeed is the error of bindings that are not what the feed makes of them.
	errFeed = errors.New("the bindings are not what the feed makes of them; idserver feed repair makes them so")
	// errLost is the error of a feed that lacks changes.
	errLost = errors.New("the feed lacks changes; idserver feed repair mends it by the table of bindings")
)

type feedCheck struct{}

// Run compares. A difference is an error, so that a script notices.
func (feedCheck) Run(env program.Env) error {
	r, err := replay(env, false)
	switch {
	case err != nil || r.Same():
		return err
	case r.Lost > 0:
		return errLost
	}
	return errFeed
}

type feedRepair struct{}

// Run makes the bindings what the feed says, or mends the feed by them.
func (feedRepair) Run(env program.Env) error {
	_, err := replay(env, true)
	return err
}

func replay(env program.Env, repair bool) (r lookup.Replay, err error) {
	err = withDirectory(env, func(_ *program.Storage, d *lookup.Directory) error {
		if r, err = d.Replay(env.Ctx, repair); err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%d changes make %d bindings; of the table %d are missing, %d differ, %d are too many\n",
			r.Changes, r.Bindings, r.Missing, r.Other, r.Surplus)
		if err == nil && r.Lost > 0 {
			_, err = fmt.Fprintf(env.Stdout, "the feed lacks %d changes\n", r.Lost)
		}
		return err
	})
	return r, err
}
