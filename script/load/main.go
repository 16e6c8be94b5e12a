package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	b, names := identity, os.Args[1:]
	for _, other := range []bench{homeserver, signup} {
		if len(names) > 0 && names[0] == other.name {
			b, names = other, names[1:]
		}
	}
	if len(names) > 0 && slices.Contains([]string{"-h", "--help"}, names[0]) {
		fmt.Print(b.usage())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, b, names); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// bench is what is measured of one program, or of both.
type bench struct {
	name    string // the first argument, or empty
	usage   func() string
	measure func(ctx context.Context, s settings, names []string) ([]row, error)
}

var (
	identity   = bench{usage: usage, measure: measureChosen}
	homeserver = bench{name: "homeserver", usage: usageHomeserver, measure: measureHomeserver}
)

// run measures, and prints a table of what was measured, even if that is not all.
func run(ctx context.Context, b bench, names []string) error {
	s, err := readSettings(os.Getenv)
	if s.dir != "" {
		defer os.RemoveAll(s.dir) // the script made it for this program and its files
	}
	if err != nil {
		return err
	}
	rows, err := b.measure(ctx, s, names)
	if len(rows) > 0 {
		fmt.Print(table(rows))
	}
	if ctx.Err() != nil {
		return errors.New("stopped before the end")
	}
	return err
}

// measureChosen measures the identity server.
func measureChosen(ctx context.Context, s settings, names []string) ([]row, error) {
	chosen, err := choose(names)
	if err != nil {
		return nil, err
	}
	return measureAll(ctx, s, chosen)
}

// measureAll goes on after a measurement that failed, says so in its row, and returns an
// error at the end.
func measureAll(ctx context.Context, s settings, chosen []measurement) (all []row, err error) {
	for _, m := range chosen {
		rows, failed := m.measure(ctx, s)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		if failed != nil {
			err = errors.New("not all was measured")
			rows = []row{{name: m.name, note: failed.Error()}}
			progress("%s: %v", m.name, failed)
		}
		all = append(all, rows...)
	}
	return all, err
}
