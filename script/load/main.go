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
	if len(os.Args) > 1 && slices.Contains([]string{"-h", "--help"}, os.Args[1]) {
		fmt.Print(usage())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run measures, and prints a table of what was measured, even if that is not all.
func run(ctx context.Context, names []string) error {
	s, err := readSettings(os.Getenv)
	if s.dir != "" {
		defer os.RemoveAll(s.dir) // the script made it for this program and its files
	}
	if err != nil {
		return err
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	rows, err := measureAll(ctx, s, chosen)
	fmt.Print(table(rows))
	if ctx.Err() != nil {
		return errors.New("stopped before the end")
	}
	return err
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
