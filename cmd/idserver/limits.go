package main

import (
	"fmt"
	"log/slog"
	"text/tabwriter"

	"signet/internal/program"
	"signet/internal/quota"
)

type limitsCommand struct {
	Share int `default:"50" help:"List those who have used this much of a budget, in percent."`
}

// Run lists who has used up much of a budget. Subjects are not kept, so they are named
// by a fingerprint, the same in every list.
func (c limitsCommand) Run(env program.Env) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	budgets, err := cfg.budgets()
	if err != nil {
		return err
	}
	return idserver.WithStorage(env, func(s *program.Storage) error {
		q, err := quota.New(env.Ctx, quota.Options{
			DB: s.DB, Vault: s.Vault, Budgets: budgets, Now: env.Now, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		uses, err := q.Usage(env.Ctx, float64(c.Share)/100)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "BUDGET\tWHO\tUSED\tFULL AGAIN")
		for _, u := range uses {
			fmt.Fprintf(w, "%s\t%s\t%.0f %%\t%s\n", u.Budget, u.Fingerprint, 100*u.Share, program.Moment(u.Full))
		}
		return w.Flush()
	})
}
