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

	Serve       serveCommand        `cmd:"" default:"1" help:"Run the server (the default)."`
	Tokens      tokensCommands      `cmd:"" help:"List or revoke the access tokens of a user."`
	Homeservers homeserversCommands `cmd:"" help:"Block homeservers, or let them in again."`
	Notary      notaryCommands      `cmd:"" help:"List the keys of other servers that are refused or held, or decide for one that was refused."`
	Limits      limitsCommand       `cmd:"" help:"List who is near a budget against abuse, by fingerprint."`
	Import      importCommands      `cmd:"" help:"Move in from another identity server: say what would be done, or do it."`
	Export      exportCommand       `cmd:"" help:"Write every binding as a line of JSON, addresses in clear."`
	Feed        feedCommands        `cmd:"" help:"Check the bindings against the feed of their changes, or repair them."`
	Audit       auditCommand        `cmd:"" help:"Read a log of the key directory from its first entry on, and say where it lies."`
	SMS         smsCommands         `cmd:"" name:"sms" help:"See and steer what is spent on text messages."`
	Verify      verifyCommand       `cmd:"" help:"Verify an answer of the key directory, offline from a file or asked of a server: exits with 0 verified, 1 refused, 2 not readable."`
}

var idserver = program.Program{
	Name:        "idserver",
	Description: "Signet's identity server.",
	Load:        func(path string) (program.Config, error) { return load(path) },
	Schema:      migrations.FS,
	Owners:      migrations.IDServer,
	Purposes:    keyring.IDServer,
}

func main() {
	ctx, stop := daemon.SignalContext()
	status := idserver.Run(new(commandLine), os.Args[1:], program.Machine(ctx))
	stop()
	os.Exit(status)
}
