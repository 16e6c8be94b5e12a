package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/keyring"
	"signet/internal/program"
	"signet/keys/proof"
)

type keyDirectoryCommands struct {
	Show     keyDirectoryShow     `cmd:"" default:"1" help:"Show by which keys the directory is believed, how far its logs were seen to go, what it has of this server, and the alarms that stand (the default)."`
	Alarms   keyDirectoryAlarms   `cmd:"" help:"List all alarms, the newest first, those that have ended too."`
	Evidence keyDirectoryEvidence `cmd:"" help:"Write what was answered when an alarm was raised."`
	End      keyDirectoryEnd      `cmd:"" help:"End an alarm. What the directory shows next is verified as everything is."`
	Trust    keyDirectoryTrust    `cmd:"" help:"Believe the directory by another trust root."`
}

var errNoIdentityServer = errors.New("there is no identity_server in the configuration, and so no key directory")

// withDirectory opens the key directory for one command.
func withDirectory(env program.Env, do func(*keydirectory.Directory) error) error {
	cfg, err := load(env.ConfigFile)
	if err != nil {
		return err
	}
	trusted, err := cfg.trusted()
	if err != nil {
		return err
	}
	at, there := trusted.Default()
	if !there {
		return errNoIdentityServer
	}
	return homeserver.WithStorage(env, func(s *program.Storage) error {
		client, err := env.Federation(cfg.Shared(), cfg.Federation.Federation)
		if err != nil {
			return err
		}
		return do(keydirectory.New(keydirectory.Options{
			DB: s.DB, At: at, Now: env.Now,
			Asker: idclient.New(idclient.Options{Federation: client, ServerName: cfg.ServerName, Now: env.Now, Rand: env.Rand}),
			Own:   keydirectory.Own{Server: cfg.ServerName, Keys: s.Rings.For(keyring.Federation)},
		}))
	})
}

type keyDirectoryShow struct{}

// Run shows what is kept of the directory.
func (keyDirectoryShow) Run(env program.Env) error {
	return withDirectory(env, func(d *keydirectory.Directory) error {
		o, err := d.Overview(env.Ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "directory of\t%s\n", d.At.Name)
		sayRoot(w, o.Root)
		fmt.Fprintf(w, "log of users\t%s\n", seen(o.Users))
		fmt.Fprintf(w, "log of servers\t%s\n", seen(o.Servers))
		fmt.Fprintf(w, "own key\t%s\n", ownKey(o.Own))
		if err := w.Flush(); err != nil {
			return err
		}
		if len(o.Alarms) == 0 {
			_, err = fmt.Fprintln(env.Stdout, "no alarm stands")
			return err
		}
		return listAlarms(env.Stdout, o.Alarms)
	})
}

func sayRoot(w io.Writer, root *proof.Config) {
	if root == nil {
		fmt.Fprintln(w, "believed by\tno key yet")
		return
	}
	for _, vkey := range append(append([]string{}, root.Users.VKeys...), root.Servers.VKeys...) {
		fmt.Fprintf(w, "believed by\t%s\n", printable(vkey))
	}
}

func seen(head *tlog.Tree) string {
	if head == nil {
		return "nothing was seen of it yet"
	}
	return fmt.Sprintf("%d entries were seen, with the root %s", head.N, head.Hash)
}

func ownKey(s keydirectory.OwnState) string {
	switch {
	case s.KeyID == "":
		return "was not looked for yet"
	case s.Position > 0:
		return fmt.Sprintf("%s stands there as entry %d", s.KeyID, s.Position)
	case !s.HeldUntil.IsZero():
		return fmt.Sprintf("%s is held back by the directory until %s", s.KeyID, program.Moment(s.HeldUntil))
	}
	return fmt.Sprintf("%s does not stand there yet", s.KeyID)
}

func listAlarms(to io.Writer, alarms []keydirectory.Alarm) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ALARM\tRAISED\tKIND\tABOUT\tSTEP\tSTATE\tREASON")
	for _, a := range alarms {
		state := "stands"
		if !a.Ended.IsZero() {
			state = "ended " + program.Moment(a.Ended) + ": " + printable(a.Word)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, program.Moment(a.Raised), a.Kind, printable(a.Subject), a.Step, state, printable(a.Reason))
	}
	return w.Flush()
}

// printable escapes what a terminal might obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

type keyDirectoryAlarms struct{}

// Run lists all alarms.
func (keyDirectoryAlarms) Run(env program.Env) error {
	return withDirectory(env, func(d *keydirectory.Directory) error {
		alarms, err := d.Alarms(env.Ctx, false)
		if err != nil {
			return err
		}
		return listAlarms(env.Stdout, alarms)
	})
}

type keyDirectoryEvidence struct {
	ID int64 `arg:"" help:"The alarm's number."`
}

// Run writes what was answered, octet for octet.
func (c keyDirectoryEvidence) Run(env program.Env) error {
	return withDirectory(env, func(d *keydirectory.Directory) error {
		evidence, err := d.Evidence(env.Ctx, c.ID)
		if err != nil {
			return fmt.Errorf("alarm %d: %w", c.ID, err)
		}
		_, err = env.Stdout.Write(evidence)
		return err
	})
}

type keyDirectoryEnd struct {
	ID     int64  `arg:"" help:"The alarm's number."`
	Reason string `required:"" help:"Why; it is kept with the alarm."`
}

// Run ends an alarm.
func (c keyDirectoryEnd) Run(env program.Env) error {
	return withDirectory(env, func(d *keydirectory.Directory) error {
		if err := d.End(env.Ctx, c.ID, c.Reason); err != nil {
			return fmt.Errorf("alarm %d: %w", c.ID, err)
		}
		_, err := fmt.Fprintf(env.Stdout, "alarm %d has ended\n", c.ID)
		return err
	})
}

type keyDirectoryTrust struct {
	File       string `arg:"" optional:"" help:"File of the trust root: what the identity server answers at /_signet/v1/keys/config, brought here on a way that you trust."`
	FromServer bool   `help:"Take it from the identity server itself, which is believed for this once."`
	NewLogs    bool   `help:"The logs are other ones, of an identity server that was set up anew: forget what was seen of those before."`
}

// Run replaces the trust root, and says by which keys the directory is believed then.
func (c keyDirectoryTrust) Run(env program.Env) error {
	if (c.File == "") != c.FromServer {
		return errors.New("either a file of the trust root, or --from-server")
	}
	var text []byte
	if c.File != "" {
		var err error
		if text, err = (&Keys{TrustFile: c.File}).root(); err != nil {
			return err
		}
	}
	return withDirectory(env, func(d *keydirectory.Directory) error {
		root, err := d.Trust(env.Ctx, text, c.NewLogs)
		if err != nil {
			return err
		}
		sayRoot(env.Stdout, &root)
		return nil
	})
}
