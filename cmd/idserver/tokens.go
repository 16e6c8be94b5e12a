package main

import (
	"fmt"
	"log/slog"
	"text/tabwriter"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/program"
)

type tokensCommands struct {
	List   tokensList   `cmd:"" help:"List the living access tokens of a user."`
	Revoke tokensRevoke `cmd:"" help:"End all access tokens of a user."`
}

type tokensList struct {
	User string `arg:"" help:"Matrix user id, such as @alice:example.org."`
}

// Run lists a user's tokens; the tokens themselves are not kept anywhere.
func (c tokensList) Run(env program.Env) error {
	return withUser(env, c.User, func(gate *caller.Gate, user matrix.UserID) error {
		tokens, err := gate.Tokens(env.Ctx, user)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "CREATED\tLAST USED")
		for _, t := range tokens {
			fmt.Fprintf(w, "%s\t%s\n", program.Moment(t.Created), program.Moment(t.Seen))
		}
		return w.Flush()
	})
}

type tokensRevoke struct {
	User string `arg:"" help:"Matrix user id, such as @alice:example.org."`
}

// Run ends a user's tokens.
func (c tokensRevoke) Run(env program.Env) error {
	return withUser(env, c.User, func(gate *caller.Gate, user matrix.UserID) error {
		n, err := gate.Revoke(env.Ctx, user)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%d tokens of %s ended\n", n, user)
		return err
	})
}

func withUser(env program.Env, id string, do func(*caller.Gate, matrix.UserID) error) error {
	user, err := matrix.ParseUserID(id)
	if err != nil {
		return err
	}
	return withGate(env, func(gate *caller.Gate) error { return do(gate, user) })
}

// withGate opens the callers for one command, which asks no other server.
func withGate(env program.Env, do func(*caller.Gate) error) error {
	return idserver.WithStorage(env, func(s *program.Storage) error {
		gate, err := caller.New(env.Ctx, caller.Options{DB: s.DB, Vault: s.Vault, Now: env.Now, Log: slog.New(slog.DiscardHandler),
			Told: []caller.Told{recordBlock}})
		if err != nil {
			return err
		}
		return do(gate)
	})
}
