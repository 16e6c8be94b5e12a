package program

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/matrix"
)

// Commands is what every command line has, for embedding beside a program's own
// commands.
type Commands struct {
	File string `name:"config" placeholder:"FILE" help:"YAML configuration. Without one the server runs in development mode, on this machine only."`

	Config  configCommands `cmd:"" help:"Check or show the configuration."`
	Keys    keysCommands   `cmd:"" help:"List or rotate the keys that the server signs with."`
	Version versionCommand `cmd:"" help:"Show the version."`
}

func (c *Commands) configFile() string { return c.File }

type configCommands struct {
	Check configCheck `cmd:"" help:"Check the configuration and report every problem."`
	Print configPrint `cmd:"" help:"Show the effective configuration, without secrets."`
}

type configCheck struct{}

// Run reports every problem of the configuration, or that there is none.
func (configCheck) Run(env Env, p Program) error {
	if _, err := p.Load(env.ConfigFile); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.Stdout, "the configuration is good")
	return err
}

type configPrint struct{}

// Run prints the configuration as the server would use it.
func (configPrint) Run(env Env, p Program) error {
	cfg, err := p.Load(env.ConfigFile)
	if err != nil {
		return err
	}
	return config.Print(env.Stdout, cfg)
}

type keysCommands struct {
	List   keysList   `cmd:"" help:"List the keys, the newest first."`
	Rotate keysRotate `cmd:"" help:"Make a new key and retire the current one. A running server signs with it at once."`
}

type keysList struct{}

// Run lists the signing keys.
func (keysList) Run(env Env, p Program) error {
	return p.WithStorage(env, func(s *Storage) error {
		keys, err := s.Ring.List(env.Ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY ID\tPUBLIC KEY\tCREATED\tRETIRED")
		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID, matrix.EncodeBase64(k.Public), Moment(k.Created), Moment(k.Retired))
		}
		return w.Flush()
	})
}

type keysRotate struct{}

// Run rotates the signing key.
func (keysRotate) Run(env Env, p Program) error {
	return p.WithStorage(env, func(s *Storage) error {
		key, err := s.Ring.Rotate(env.Ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.Stdout, "%s signs from now on (public key %s)\n", key.ID, matrix.EncodeBase64(key.Public))
		return err
	})
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(env Env, p Program) error {
	_, err := fmt.Fprintln(env.Stdout, p.Name, daemon.Version())
	return err
}

// WithStorage loads the configuration and opens the storage for one command.
func (p Program) WithStorage(env Env, do func(*Storage) error) error {
	cfg, err := p.Load(env.ConfigFile)
	if err != nil {
		return err
	}
	s, err := p.open(env, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// Moment prints a time as operators compare it, or a dash for "not yet".
func Moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
