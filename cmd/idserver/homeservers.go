package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/program"
)

type homeserversCommands struct {
	Block   homeserversBlock   `cmd:"" help:"Turn a homeserver and its users away, at once and on all replicas."`
	Unblock homeserversUnblock `cmd:"" help:"Let a blocked homeserver in again."`
	List    homeserversList    `cmd:"" help:"List the blocked homeservers."`
}

type homeserversBlock struct {
	Name   string         `arg:"" help:"Server name, such as evil.example; it counts with every port and every name below it; patterns are not known."`
	Reason string         `required:"" help:"Why; it is published."`
	For    *time.Duration `xor:"end" help:"How long, such as 72h. Without an end, for good."`
	Until  time.Time      `xor:"end" help:"Until when, such as 2030-01-31T12:00:00Z."`
}

// Run blocks a homeserver, or changes the block that is there.
func (c homeserversBlock) Run(env program.Env) error {
	until := c.Until
	if c.For != nil {
		until = env.Now().Add(*c.For)
	}
	return withHomeserver(env, c.Name, func(gate *caller.Gate, name matrix.ServerName) error {
		b, err := gate.Block(env.Ctx, name, c.Reason, until)
		if err != nil {
			return err
		}
		end := "for good"
		if !b.Until.IsZero() {
			end = "until " + program.Moment(b.Until)
		}
		_, err = fmt.Fprintf(env.Stdout, "%s: blocked on every port, %s\n", strings.Join(b.Entities(), " and "), end)
		return err
	})
}

type homeserversUnblock struct {
	Name string `arg:"" help:"Server name, such as evil.example."`
}

// Run lets a homeserver in again.
func (c homeserversUnblock) Run(env program.Env) error {
	return withHomeserver(env, c.Name, func(gate *caller.Gate, name matrix.ServerName) error {
		if err := gate.Unblock(env.Ctx, name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(env.Stdout, "%s is blocked no longer\n", name.WithoutPort())
		return err
	})
}

type homeserversList struct{}

// Run lists the blocks that hold.
func (homeserversList) Run(env program.Env) error {
	return withGate(env, func(gate *caller.Gate) error {
		blocks, err := gate.Blocks(env.Ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "HOMESERVER\tBLOCKED\tUNTIL\tREASON")
		for _, b := range blocks {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", b.Server, program.Moment(b.Created), program.Moment(b.Until), b.Reason)
		}
		return w.Flush()
	})
}

func withHomeserver(env program.Env, name string, do func(*caller.Gate, matrix.ServerName) error) error {
	server, err := matrix.ParseServerName(name)
	if err != nil {
		return err
	}
	return withGate(env, func(gate *caller.Gate) error { return do(gate, server) })
}
