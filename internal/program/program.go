package program

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"signet/internal/config"
	"signet/internal/keyring"
)

// Env is what a command has of the machine.
type Env struct {
	Ctx            context.Context
	ConfigFile     string // path, or empty for development mode
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	Rand           io.Reader
}

// Machine is the Env of a real process. It silences the standard library's own log,
// which quotes what other servers send on idle connections: one could send our
// question back, with the token in it.
func Machine(ctx context.Context) Env {
	log.SetOutput(io.Discard)
	return Env{Ctx: ctx, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: time.Now, Rand: rand.Reader}
}

// Program is what the common commands need to know of a program.
type Program struct {
	Name        string
	Description string
	// Load reads and checks the configuration at path, or that of development mode
	// for no path.
	Load func(path string) (Config, error)
	// Schema holds the tables of Owners.
	Schema fs.FS
	Owners []string
	// Purposes has its own keys: keyring.IDServer or keyring.HomeServer.
	Purposes []keyring.Purpose
}

// Config is a program's configuration, which embeds config.Common.
type Config interface {
	config.Checker
	Shared() *config.Common
}

// commandLine is a struct for kong that embeds Commands.
type commandLine interface{ configFile() string }

// Run carries out one command line, whose grammar is line, and returns the exit
// status: 0 done, 1 failed, 2 not understood, or what the error's ExitCode says.
func (p Program) Run(line commandLine, args []string, env Env) int {
	answered := -1 // --help ends within the parser
	parser, err := kong.New(line,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Writers(env.Stdout, env.Stderr),
		kong.Exit(func(status int) { answered = status }),
	)
	if err != nil {
		panic(err) // the command line's own description is broken
	}
	command, err := parser.Parse(args)
	switch {
	case answered >= 0:
		return answered
	case err != nil:
		fmt.Fprintf(env.Stderr, "%s: %v (see %s --help)\n", p.Name, err, p.Name)
		return 2
	}
	env.ConfigFile = line.configFile()
	if err := command.Run(env, p); err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", p.Name, err)
		return exitCode(err)
	}
	return 0
}

func exitCode(err error) int {
	if coded, has := errors.AsType[interface {
		error
		ExitCode() int
	}](err); has {
		return coded.ExitCode()
	}
	return 1
}
