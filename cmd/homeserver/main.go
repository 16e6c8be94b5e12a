package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"signet/internal/daemon"
)

// cli is the command line.
type cli struct {
	Config string `placeholder:"FILE" help:"YAML configuration. Without one the server runs in development mode: on loopback and on SQLite, and anybody on this machine may register."`

	Serve     serveCommand   `cmd:"" default:"1" help:"Run the server (the default)."`
	ConfigCmd configCommands `cmd:"" name:"config" help:"Check or show the configuration."`
	Keys      keysCommands   `cmd:"" help:"List or rotate the keys that the server signs with."`
	Version   versionCommand `cmd:"" help:"Show the version."`
}

// environment is what a command has of the machine.
type environment struct {
	ctx            context.Context
	config         string // path, or empty
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	rand           io.Reader
}

func main() {
	ctx, stop := daemon.SignalContext()
	defer stop()
	os.Exit(run(os.Args[1:], environment{
		ctx:    ctx,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv,
		now:    time.Now,
		rand:   rand.Reader,
	}))
}

// run carries out one command line and returns the exit status: 0 done, 1 failed,
// 2 not understood.
func run(args []string, env environment) int {
	var c cli
	status := -1
	parser, err := kong.New(&c,
		kong.Name("homeserver"),
		kong.Description("Signet's companion homeserver."),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(code int) { status = code }), // --help ends here
	)
	if err != nil {
		panic(err) // the command line's own description is broken
	}
	command, err := parser.Parse(args)
	if status >= 0 {
		return status
	}
	if err != nil {
		fmt.Fprintf(env.stderr, "homeserver: %v (see homeserver --help)\n", err)
		return 2
	}
	env.config = c.Config
	if err := command.Run(env); err != nil {
		fmt.Fprintf(env.stderr, "homeserver: %v\n", err)
		return 1
	}
	return 0
}
