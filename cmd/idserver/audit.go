package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/internal/program"
	"signet/keys/audit"
)

type auditCommand struct {
	URL    string `arg:"" name:"url" help:"Where the log is, such as https://id.example.org/_signet/v1/keys/log/users, or a directory with a copy of it."`
	Key    string `required:"" placeholder:"VKEY" help:"The log's verifier key, as signed notes have it: name+hash+key."`
	Origin string `placeholder:"ORIGIN" help:"The first line of the log's checkpoints, such as id.example.org/users; if not given, the name in the key."`
	State  string `placeholder:"FILE" help:"Where to keep what was seen, so that the next audit goes on from there and notices another past."`
}

// Run audits a log. The exit status is 0 if it keeps its promises, 1 if it breaks one, and
// 2 if that cannot be said.
func (c auditCommand) Run(env program.Env) error {
	a, done, err := c.auditor()
	if err != nil {
		return unknown{err}
	}
	defer done()
	bar := newBar(env.Stderr)
	a.Progress = func(checked, all int64) { bar.progress(int(checked), int(all)) }
	before := a.Seen()
	report, err := a.Audit(env.Ctx)
	bar.clear()
	if lie, is := errors.AsType[audit.Lie](err); is {
		return c.printLie(env.Stdout, before, lie)
	}
	if err != nil {
		return unknown{err}
	}
	if c.State != "" {
		if err := a.Save(c.State); err != nil {
			return unknown{fmt.Errorf("the log holds, but that could not be kept: %w", err)}
		}
	}
	return printAudit(env.Stdout, a.Options, report, env.Now())
}

// unknown is the error of an audit that came to nothing. What a server says of that is in it.
type unknown struct{ error }

func (u unknown) Error() string { return printable(u.error.Error()) }

func (unknown) ExitCode() int { return 2 }

func (u unknown) Unwrap() error { return u.error }

// auditor makes what the flags ask for, with what was seen before.
func (c auditCommand) auditor() (a *audit.Auditor, done func(), err error) {
	verifier, err := note.NewVerifier(c.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("--key: %w", err)
	}
	o := audit.Options{Origin: c.Origin, Verifier: verifier}
	if o.Origin == "" {
		o.Origin = verifier.Name()
	}
	if o.Contents, err = audit.ContentsOf(o.Origin); err != nil {
		return nil, nil, err
	}
	if o.Source, done, err = c.source(); err != nil {
		return nil, nil, err
	}
	a = audit.New(o)
	if c.State != "" {
		err = a.Load(c.State)
	}
	return a, done, err
}

func (c auditCommand) source() (s audit.Source, done func(), err error) {
	if !strings.Contains(c.URL, "://") {
		dir, err := audit.OpenDir(c.URL)
		return dir, func() { dir.Close() }, err
	}
	s, err = audit.NewHTTP(c.URL)
	return s, func() {}, err
}

// printAudit says line by line what holds.
func printAudit(out io.Writer, o audit.Options, r audit.Report, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{what}, args...)...)
	}
	line("checkpoint", "%d entries of %s, root %v", r.N, o.Origin, r.Hash)
	for _, key := range signedBy(o, r) {
		line("key", "signed by %s", key)
	}
	if r.Before == 0 {
		line("history", "read from the first entry; nothing is known of what was shown before")
	} else {
		line("history", "goes on from the %d entries of the last audit, which were not read again", r.Before)
	}
	line("entries", "%d read: %d INSERT, %d RECORD, %d CONFIG, %d EPOCH", r.N-r.Before, r.Inserts, r.Records, r.Configs, r.Epochs)
	line("tiles", "%d bundles and %d hash tiles hold these entries and no others", r.Bundles, r.HashTiles)
	line("I1", "the checkpoint ends in an EPOCH of its own position, %v old", now.Sub(r.Epoch).Round(time.Second))
	line("I2", "no index occurs twice")
	line("I3", "the root in each EPOCH is that of the INSERTs before it")
	line("I4", "the times of EPOCHs never decrease")
	line("I5", "the log begins with a CONFIG, each CONFIG is its own, and the keys before it have signed it")
	line("I6", "nothing else is in it")
	line("root", "the signed root is that of the entries")
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nThe log holds.")
	return err
}

// signedBy lists the keys of the log, as far as it names them. That of the audit may be one of
// before.
func signedBy(o audit.Options, r audit.Report) (keys []string) {
	for _, vkey := range r.VKeys {
		keys = append(keys, vkey+", which the log's newest CONFIG names")
	}
	if len(keys) == 0 {
		keys = append(keys, fmt.Sprintf("%s+%08x", o.Verifier.Name(), o.Verifier.KeyHash()))
	}
	return keys
}

// printLie says where the log lies. Two checkpoints that cannot both be true are evidence
// that convinces others, so that both are shown: in lines, and nothing that a terminal obeys,
// since whoever lies has written them.
func (c auditCommand) printLie(out io.Writer, before audit.Checkpoint, lie audit.Lie) error {
	fmt.Fprintf(out, "THE LOG LIES: %s\n", printable(lie.Error()))
	if before.N > 0 {
		fmt.Fprintf(out, "\nThis was seen before, and stays in %s:\n\n%s\n", c.State, printableLines(before.Note))
	}
	if lie.Checkpoint != nil {
		fmt.Fprintf(out, "\nThis is shown now:\n\n%s\n", printableLines(lie.Checkpoint))
	}
	return lied{lie}
}

// lied is the error of a log that lies.
type lied struct{ audit.Lie }

func (l lied) Error() string { return printable(l.Lie.Error()) }

func printableLines(text []byte) string {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
