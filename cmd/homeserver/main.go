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

	Serve     serveCommand         `cmd:"" default:"1" help:"Run the server (the default)."`
	Users     usersCommands        `cmd:"" help:"Create, list or deactivate accounts."`
	Tokens    regTokenCommands     `cmd:"" name:"registration-tokens" help:"Create, list or revoke the tokens by which people register who were given one."`
	Directory keyDirectoryCommands `cmd:"" name:"key-directory" help:"See whether the key directory of the identity server holds, and end alarms about it."`
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
