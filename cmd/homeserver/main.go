package main

import (
	"os"

	"signet/internal/daemon"
	"signet/internal/keyring"
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
	Load:        func(path string) (program.Config, error) { return load(path) },
	Schema:      migrations.FS,
	Owners:      migrations.HomeServer,
	Purposes:    keyring.HomeServer,
}

func main() {
	ctx, stop := daemon.SignalContext()
	status := homeserver.Run(new(commandLine), os.Args[1:], program.Machine(ctx))
	stop()
	os.Exit(status)
}
