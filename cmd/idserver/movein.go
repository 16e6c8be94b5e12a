package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"signet/internal/caller"
	"signet/internal/program"
	"signet/lookup"
	"signet/lookup/movein"
)

type importCommands struct {
	Sydent importSydent `cmd:"" help:"Bring in the bindings and accepted terms of Sydent."`
	Ma1sd  importMa1sd  `cmd:"" name:"ma1sd" help:"Bring in the bindings and accepted terms of ma1sd."`
	JSONL  importJSONL  `cmd:"" name:"jsonl" help:"Bring in bindings that export wrote."`
}

// importFlags are what every import takes.
type importFlags struct {
	File    string `arg:"" help:"What to read. It is not written to."`
	Write   bool   `help:"Do it. Without this, only say what would be done."`
	AllRows bool   `help:"Name every row that stays behind, not only the first ten of a kind."`
}

type importSydent struct {
	importFlags
	Origin string `placeholder:"NAME" help:"The server_name of that Sydent, if it is another than ours."`
}

// Run imports a database of Sydent.
func (c importSydent) Run(env program.Env) error {
	return c.run(env, func(ctx context.Context, path string, o movein.Options) (*movein.Load, error) {
		if c.Origin != "" {
			o.Name = c.Origin
		}
		return movein.ReadSydent(ctx, path, o)
	})
}

type importMa1sd struct{ importFlags }

// Run imports a database of ma1sd.
func (c importMa1sd) Run(env program.Env) error { return c.run(env, movein.ReadMa1sd) }

type importJSONL struct{ importFlags }

// Run imports lines of JSON.
func (c importJSONL) Run(env program.Env) error { return c.run(env, movein.ReadLines) }

// readLoad reads a file in the manner of one server.
type readLoad func(ctx context.Context, path string, o movein.Options) (*movein.Load, error)

// run reads the file before it opens our own database: a server that it is read beside
// waits no longer than that.
func (c importFlags) run(env program.Env, read readLoad) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	bar := newBar(env.Stderr)
	l, err := read(env.Ctx, c.File, movein.Options{Now: env.Now(), Name: cfg.ServerName.String(), Progress: bar.reading})
	bar.clear()
	if err != nil {
		return err
	}
	return withTarget(env, cfg, func(t movein.Target, w *welcoming) error {
		t.Progress = bar.progress
		pass := l.Compare
		if c.Write {
			pass = l.Write
		}
		outcome, err := pass(env.Ctx, t)
		bar.clear()
		if err != nil && c.Write {
			return fmt.Errorf("%w; %d records were done before, and the same command goes on", err, outcome.Done())
		}
		if err != nil {
			return err
		}
		return printReport(env.Stdout, report{load: l, outcome: outcome, invitations: w.accepted, written: c.Write, allRows: c.AllRows})
	})
}

type exportCommand struct{}

// Run writes every binding to standard output.
func (exportCommand) Run(env program.Env) error {
	return withDirectory(env, func(_ *program.Storage, d *lookup.Directory) error {
		fmt.Fprintln(env.Stderr, "idserver: what is written holds addresses in clear; keep it as you keep the key file")
		out, n := bufio.NewWriter(env.Stdout), 0
		err := d.Bindings(env.Ctx, func(m lookup.Moved) error {
			line, err := movein.FormatLine(m)
			if err != nil {
				return err
			}
			n++
			_, err = out.Write(append(line, '\n'))
			return err
		})
		if err := errors.Join(err, out.Flush()); err != nil {
			return fmt.Errorf("exporting, after %d bindings: %w", n, err)
		}
		_, err = fmt.Fprintf(env.Stderr, "idserver: %d bindings written\n", n)
		return err
	})
}

// withDirectory opens the bindings for one command, which proves and signs nothing.
func withDirectory(env program.Env, do func(*program.Storage, *lookup.Directory) error) error {
	return idserver.WithStorage(env, func(s *program.Storage) error {
		d, err := lookup.New(env.Ctx, lookup.Options{DB: s.DB, Vault: s.Vault, Now: env.Now})
		if err != nil {
			return err
		}
		return do(s, d)
	})
}

// withTarget opens what an import writes to.
func withTarget(env program.Env, cfg *Config, do func(movein.Target, *welcoming) error) error {
	return withDirectory(env, func(s *program.Storage, d *lookup.Directory) error {
		gate, err := caller.New(env.Ctx, caller.Options{
			DB: s.DB, Vault: s.Vault, Terms: cfg.terms(), Now: env.Now, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		w, err := openWelcoming(env, s, d)
		if err != nil {
			return err
		}
		return do(movein.Target{Directory: w, Terms: acceptedTerms{gate}}, w)
	})
}

// acceptedTerms is the gate as movein knows it.
type acceptedTerms struct{ gate *caller.Gate }

// Compare counts what Carry would record.
func (t acceptedTerms) Compare(ctx context.Context, batch []movein.Acceptance) (movein.Accepting, error) {
	c, err := t.gate.CompareAccepted(ctx, acceptances(batch))
	return movein.Accepting(c), err
}

// Carry records acceptances.
func (t acceptedTerms) Carry(ctx context.Context, batch []movein.Acceptance) (movein.Accepting, error) {
	c, err := t.gate.Carry(ctx, acceptances(batch))
	return movein.Accepting(c), err
}

func acceptances(batch []movein.Acceptance) []caller.Acceptance {
	all := make([]caller.Acceptance, len(batch))
	for i, a := range batch {
		all[i] = caller.Acceptance(a)
	}
	return all
}
