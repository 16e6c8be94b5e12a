package program

import (
	"errors"
	"fmt"
	"time"

	"signet/internal/config"
	"signet/internal/daemon"
)

// Commands is what every command line has, for embedding beside a program's own
// commands.
type Commands struct {
	File string `name:"config" placeholder:"FILE" help:"YAML configuration. Without one the server runs in development mode, on this machine only."`

	Config  configCommands `cmd:"" help:"Check or show the configuration."`
	Keys    keysCommands   `cmd:"" help:"List, rotate, retire or revoke the keys of the server itself."`
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
