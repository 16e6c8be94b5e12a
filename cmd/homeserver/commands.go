package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/matrix"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(env environment) error {
	_, err := fmt.Fprintln(env.stdout, "homeserver", daemon.Version())
	return err
}

type configCommands struct {
	Check configCheck `cmd:"" help:"Check the configuration and report every problem."`
	Print configPrint `cmd:"" help:"Show the effective configuration, without secrets."`
}

type configCheck struct{}

// Run reports every problem of the configuration, or that there is none.
func (configCheck) Run(env environment) error {
	if _, err := load(env.config); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.stdout, "the configuration is good")
	return err
}

type configPrint struct{}

// Run prints the configuration as the server would use it.
func (configPrint) Run(env environment) error {
	cfg, err := load(env.config)
	if err != nil {
		return err
	}
	return config.Print(env.stdout, cfg)
}

type keysCommands struct {
	List   keysList   `cmd:"" help:"List the keys, the newest first."`
	Rotate keysRotate `cmd:"" help:"Make a new key and retire the current one. A running server signs with it at once."`
}

type keysList struct{}

// Run lists the signing keys.
func (keysList) Run(env environment) error {
	return withStorage(env, func(s *storage) error {
		keys, err := s.ring.List(env.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY ID\tPUBLIC KEY\tCREATED\tRETIRED")
		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID, matrix.EncodeBase64(k.Public), moment(k.Created), moment(k.Retired))
		}
		return w.Flush()
	})
}

type keysRotate struct{}

// Run rotates the signing key.
func (keysRotate) Run(env environment) error {
	return withStorage(env, func(s *storage) error {
		key, err := s.ring.Rotate(env.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.stdout, "%s signs from now on (public key %s)\n", key.ID, matrix.EncodeBase64(key.Public))
		return err
	})
}

// moment prints a time as operators compare it, or a dash for "not yet".
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
