package main

import (
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"signet/internal/program"
	"signet/verify/fraud"
)

type smsCommands struct {
	Status smsStatus `cmd:"" help:"Show whether text messages are sent, what they cost and who is paused."`
	Off    smsOff    `cmd:"" help:"Send no text messages until further notice; running servers obey at once."`
	On     smsOn     `cmd:"" help:"Send text messages again."`
	Resume smsResume `cmd:"" help:"Lift a pause that was put on numbers whose codes did not come back."`
}

type smsStatus struct{}

// Run shows how text messages stand.
func (smsStatus) Run(env program.Env) error {
	return withGuard(env, func(g *fraud.Guard) error {
		r, err := g.Report(env.Ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		printSMS(w, r)
		return w.Flush()
	})
}

func printSMS(w io.Writer, r fraud.Report) {
	state := "on"
	if !r.Switch.On {
		state = "off"
	}
	fmt.Fprintln(w, "SENDING\tSINCE\tREASON")
	fmt.Fprintf(w, "%s\t%s\t%s\n", state, program.Moment(r.Switch.Changed), orDash(r.Switch.Reason))
	fmt.Fprintln(w, "\nPERIOD\tMESSAGES\tSEGMENTS\tSPENT\tCAP")
	printSpending(w, "today", r.Today)
	printSpending(w, "this month", r.ThisMonth)
	fmt.Fprintln(w, "\nCOUNTRY\tSENT IN 24 H\tCAME BACK\tSUSPICIOUS\tSPENT THIS MONTH")
	for _, c := range r.Countries {
		fmt.Fprintf(w, "%s\t%d\t%d\t%t\t%s\n", c.Country, c.Sent, c.Validated, c.Suspicious, c.ThisMonth.Spent)
	}
	fmt.Fprintln(w, "\nPAUSED\tCOUNTRY\tSENT\tCAME BACK\tSINCE\tUNTIL")
	for _, p := range r.Pauses {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", p.Fingerprint, p.Country, p.Sent, p.Validated, program.Moment(p.Since), program.Moment(p.Until))
	}
}

func printSpending(w io.Writer, period string, s fraud.Spending) {
	limit := "-"
	if s.Cap > 0 {
		limit = s.Cap.String()
	}
	fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", period, s.Messages, s.Segments, s.Spent, limit)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type smsOff struct {
	Reason string `required:"" help:"Why, for whoever asks for the status."`
}

// Run switches text messages off.
func (c smsOff) Run(env program.Env) error {
	return withGuard(env, func(g *fraud.Guard) error {
		if err := g.SetSending(env.Ctx, false, c.Reason); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, "text messages are off")
		return err
	})
}

type smsOn struct{}

// Run switches text messages on.
func (smsOn) Run(env program.Env) error {
	return withGuard(env, func(g *fraud.Guard) error {
		if err := g.SetSending(env.Ctx, true, ""); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Stdout, "text messages are on")
		return err
	})
}

type smsResume struct {
	Scope string `arg:"" help:"A fingerprint that sms status lists, or a country such as GB for all of its own."`
}

// Run lifts pauses.
func (c smsResume) Run(env program.Env) error {
	return withGuard(env, func(g *fraud.Guard) error {
		n, err := g.Resume(env.Ctx, c.Scope)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%d pauses lifted\n", n)
		return err
	})
}

// withGuard opens the guard of text messages for one command, beside a running server
// or without one.
func withGuard(env program.Env, do func(*fraud.Guard) error) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	return idserver.WithStorage(env, func(s *program.Storage) error {
		g, err := newGuard(env, s, cfg)
		if err != nil {
			return err
		}
		return do(g)
	})
}

// newGuard opens the guard of text messages under the configuration's policy.
func newGuard(env program.Env, s *program.Storage, cfg *Config, change ...func(*fraud.Options)) (*fraud.Guard, error) {
	policy, err := cfg.smsPolicy()
	if err != nil {
		return nil, err
	}
	o := fraud.Options{DB: s.DB, Vault: s.Vault, Policy: policy, Now: env.Now, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	return fraud.New(env.Ctx, o)
}
