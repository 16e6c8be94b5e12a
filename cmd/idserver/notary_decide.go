package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"signet/internal/matrix"
	"signet/internal/program"
	"signet/keys/notary"
)

type notaryCommands struct {
	List   notaryList   `cmd:"" help:"List the keys that were refused since their id stood for another, and the servers whose new keys are held."`
	Accept notaryAccept `cmd:"" help:"Decide that a key id stands for the key that was refused. The servers' log says so, and why."`
}

type notaryList struct{}

// Run lists what is refused, and what is held.
func (notaryList) Run(env program.Env) error {
	return idserver.WithStorage(env, func(s *program.Storage) error {
		conflicts, err := notary.Conflicts(env.Ctx, s.DB)
		if err != nil {
			return err
		}
		held, err := notary.AllHeld(env.Ctx, s.DB)
		if err != nil {
			return err
		}
		return printUndecided(env.Stdout, conflicts, held)
	})
}

func printUndecided(out io.Writer, conflicts []notary.Conflict, held []notary.Held) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tKEY ID\tKNOWN\tREFUSED\tSEEN\tENTRY")
	for _, c := range conflicts {
		entry := "not logged yet"
		if c.Position > 0 {
			entry = strconv.FormatInt(c.Position, 10)
		}
		known := "none"
		if len(c.Known) > 0 {
			known = matrix.EncodeBase64(c.Known)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Server, c.KeyID, known, matrix.EncodeBase64(c.Refused), program.Moment(c.Seen), entry)
	}
	fmt.Fprintln(w, "\nSERVER\tNEW KEYS HELD UNTIL")
	for _, h := range held {
		fmt.Fprintf(w, "%s\t%s\n", h.Server, program.Moment(h.Due))
	}
	return w.Flush()
}

type notaryAccept struct {
	Server string `arg:"" help:"Server name, as in notary list."`
	KeyID  string `arg:"" help:"Key id, such as ed25519:auto."`
	Key    string `arg:"" help:"The key that was refused, in base64, as in notary list."`
	Reason string `required:"" help:"Why; it is published."`
}

var errKeyID = errors.New("it is no key id, such as ed25519:auto")

// Run accepts a key.
func (c notaryAccept) Run(env program.Env) error {
	server, err := matrix.ParseServerName(c.Server)
	if err != nil {
		return err
	}
	id, is := matrix.ParseKeyID(c.KeyID)
	if !is {
		return fmt.Errorf("%q: %w", c.KeyID, errKeyID)
	}
	key, err := matrix.DecodeBase64(c.Key)
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	return idserver.WithStorage(env, func(s *program.Storage) error {
		if err := notary.Accept(env.Ctx, s.DB, notary.Decision{Server: server, KeyID: id, Key: key, Reason: c.Reason}, env.Now()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(env.Stdout, "%s of %s is %s from now on; the servers' log will say so\n", id, server, c.Key)
		return err
	})
}
