package main

import (
	"os"

	"signet/internal/config"
	"signet/internal/daemon"
	"signet/internal/program"
	"signet/migrations"
)

// commandLine is what the program understands.
type commandLine struct {
	program.Commands

	Serve serveCommand `cmd:"" default:"1" help:"Run the server (the default)."`
}

var homeserver = program.Program{
	Name:        "homeserver",
	Description: "Signet's companion homeserver.",
	Load: func(path string) (config.Checker, error) {
		cfg, err := load(path)
		return cfg, err
	},
	Open: func(env program.Env, cfg config.Checker) (*program.Storage, error) {
		return openStorage(env, cfg.(*Config))
	},
}

func openStorage(env program.Env, cfg *Config) (*program.Storage, error) {
	return program.OpenStorage(env, &cfg.Common, migrations.FS, migrations.HomeServer)
}

func main() {
	ctx, stop := daemon.SignalContext()
	status := homeserver.Run(new(commandLine), os.Args[1:], program.Machine(ctx))
	stop()
	os.Exit(status)
}
