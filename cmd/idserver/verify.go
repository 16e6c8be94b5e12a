package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/program"
	"signet/keys/entry"
	"signet/keys/proof"
	"signet/keys/value"
)

type verifyCommand struct {
	What    []string `arg:"" name:"file-or-address" help:"A file with the answer to a look-up or, with --history, the files with all versions of a label, one a page in their order. With --server, an address: of e-mail, a phone number with its +, a user id, or a label such as binding:email:alice@example.org. Behind -- it may begin with a -."`
	Label   string   `placeholder:"MEDIUM:ADDRESS" help:"Whom the answer in the file is about, such as email:alice@example.org."`
	Trust   string   `placeholder:"FILE" help:"The keys to trust: what the server's config says, kept from before. With --server and without this they are taken from the server, which is believed for that once."`
	Head    string   `placeholder:"FILE" help:"Where the newest head of the log that was seen is remembered; made if it is not there."`
	History bool     `help:"The files are the pages of a history, or the one that it has."`
	Refresh bool     `help:"Write the keys of the logs that the server's CONFIGs lead to into the file of --trust."`
	Server  string   `placeholder:"URL" help:"Ask this server about an address, such as https://id.example.org."`
	Token   string   `name:"token-file" placeholder:"FILE" help:"File of an access token of the server; the environment variable SIGNET_TOKEN can hold it in its place."`
}

// Statuses of a verification besides 0.
const (
	statusRefused    = 1
	statusUnreadable = 2
)

// verdict is the error of a proof that was refused, or of a file that cannot be read.
type verdict struct {
	error
	status int
}

// ExitCode is the status that the command exits with.
func (v verdict) ExitCode() int { return v.status }

func (v verdict) Unwrap() error { return v.error }

func unreadable(path string, err error) error {
	return verdict{fmt.Errorf("%s cannot be read: %w", path, err), statusUnreadable}
}

// misused is the error of a command line that asks for too little, or too much.
func misused(text string) error { return verdict{errors.New(text), statusUnreadable} }

// Run verifies a file offline, or what a server answers about an address, and prints each
// step on a line.
func (c verifyCommand) Run(env program.Env) error {
	if c.Server != "" {
		return c.ask(env)
	}
	switch {
	case c.Label == "":
		return misused("--label: whom is the file about? (for an address that a server is asked about, --server is missing)")
	case c.Trust == "":
		return misused("--trust: by which keys is the file to be verified?")
	case c.Token != "":
		return misused("--token-file: a file needs no token")
	case len(c.What) > 1 && !c.History:
		return misused("the answer to a look-up is one file; only a --history has pages")
	case c.Refresh:
		return misused("--refresh: which --server has newer keys?")
	}
	policy, err := c.policy()
	if err != nil {
		return err
	}
	asked := proof.Asked{Label: c.Label}
	if asked.Head, err = c.seen(policy.Origin); err != nil {
		return err
	}
	verify := c.lookup
	if c.History {
		verify = c.history
	}
	head, err := verify(env, asked, policy)
	if err != nil {
		return err
	}
	return c.remember(policy.Origin, head)
}

func (c verifyCommand) policy() (proof.Policy, error) {
	config, err := c.kept()
	if err != nil {
		return proof.Policy{}, err
	}
	return policyOf(c.Trust, config)
}

// kept is the trust root in the file.
func (c verifyCommand) kept() (proof.Config, error) {
	text, err := readAtMost(c.Trust, proof.MaxConfig)
	if err != nil {
		return proof.Config{}, unreadable(c.Trust, err)
	}
	return parseConfig(c.Trust, text)
}

// parseConfig reads a trust root, which came from somewhere.
func parseConfig(from string, text []byte) (proof.Config, error) {
	config, err := proof.ParseConfig(text)
	if err != nil {
		return proof.Config{}, unreadable(from, err)
	}
	return config, nil
}

func policyOf(from string, config proof.Config) (proof.Policy, error) {
	policy, err := config.Policy()
	if err != nil {
		return proof.Policy{}, unreadable(from, err)
	}
	return policy, nil
}

// seen is the head that is remembered, nil if there is none yet.
func (c verifyCommand) seen(origin string) (*tlog.Tree, error) {
	if c.Head == "" {
		return nil, nil
	}
	text, err := readAtMost(c.Head, proof.MaxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(c.Head, err)
	}
	head, err := proof.ParseHead(origin, text)
	if err != nil {
		return nil, unreadable(c.Head, err)
	}
	return &head, nil
}

func (c verifyCommand) lookup(env program.Env, asked proof.Asked, p proof.Policy) (tlog.Tree, error) {
	file := c.What[0]
	text, err := readAtMost(file, proof.MaxLookup)
	if err != nil {
		return tlog.Tree{}, unreadable(file, err)
	}
	r, err := verifyLookup(env, file, text, asked, p)
	return r.Head, err
}

// verifyLookup verifies an answer, which came from somewhere.
func verifyLookup(env program.Env, from string, text []byte, asked proof.Asked, p proof.Policy) (proof.Result, error) {
	l, err := proof.Parse(text)
	if err != nil {
		return proof.Result{}, unreadable(from, err)
	}
	r, err := proof.Verify(l, asked, p, env.Now())
	if err != nil {
		return proof.Result{}, refuse(env.Stdout, err)
	}
	var values []value.Value
	if r.Present {
		values = append(values, r.Value)
	}
	if err := verified(env.Stdout, r.Label, r.Held, values); err != nil || !r.Revoked {
		return r, err
	}
	return r, noteRevoked(env.Stdout, "the value")
}

// history verifies the pages of a history, which go on to the newest version.
func (c verifyCommand) history(env program.Env, asked proof.Asked, p proof.Policy) (tlog.Tree, error) {
	pages := proof.NewPages(asked, p)
	var last proof.Past
	for i, file := range c.What {
		if i > 0 {
			printHeld(env.Stdout, last.Held)
		}
		if len(c.What) > 1 {
			fmt.Fprintf(env.Stdout, "page  %d, from version %d\n", i+1, pages.Asked().From)
		}
		h, err := readHistory(file)
		if err != nil {
			return tlog.Tree{}, err
		}
		if last, err = pages.Add(h, env.Now()); err != nil {
			return tlog.Tree{}, refuse(env.Stdout, err)
		}
	}
	if !pages.Whole() {
		printHeld(env.Stdout, last.Held)
		return tlog.Tree{}, misused(fmt.Sprintf("the history goes on: what is asked from version %d on, with last_size %d, is missing", pages.Asked().From, pages.LastSize()))
	}
	past := pages.Past()
	if err := verified(env.Stdout, past.Label, past.Held, past.Values); err != nil || len(past.Revoked) == 0 {
		return past.Head, err
	}
	return past.Head, noteRevoked(env.Stdout, fmt.Sprintf("%d of the values", len(past.Revoked)))
}

func readHistory(file string) (*proof.History, error) {
	text, err := readAtMost(file, proof.MaxHistory)
	if err != nil {
		return nil, unreadable(file, err)
	}
	h, err := proof.ParseHistory(text)
	if err != nil {
		return nil, unreadable(file, err)
	}
	return h, nil
}

// refuse prints the steps that held and the one that did not.
func refuse(w io.Writer, err error) error {
	var failed *proof.Failed
	if !errors.As(err, &failed) {
		return err
	}
	printHeld(w, failed.Held)
	fmt.Fprintf(w, "FAIL  %v\n", failed)
	if errors.Is(failed, proof.ErrLogKey) {
		fmt.Fprintf(w, "      If the log has another key since, --refresh learns of it from the one in the file of --trust.\n")
	}
	if errors.Is(failed, value.ErrServerKey) {
		fmt.Fprintf(w, "      If the server has another key since, --refresh learns of it from the log, by the keys in the file of --trust.\n")
	}
	return verdict{fmt.Errorf("the proof is refused at step %d, %s", failed.Step.Number(), failed.Step), statusRefused}
}

func printHeld(w io.Writer, held []proof.Line) {
	for _, line := range held {
		fmt.Fprintf(w, "ok    %v\n", line)
	}
}

// verified prints the steps, and then each value on a line. That there is none is said, for
// whoever has mistyped an address and reads nothing but that all is verified.
func verified(w io.Writer, label entry.Label, held []proof.Line, values []value.Value) error {
	printHeld(w, held)
	if len(values) == 0 {
		_, err := fmt.Fprintf(w, "none  nothing is published under %s, and that is verified\n", printable(label.String()))
		return err
	}
	for _, v := range values {
		text := "erased"
		if v != nil {
			text = printable(string(v.JSON()))
		}
		fmt.Fprintf(w, "value %s\n", text)
	}
	_, err := fmt.Fprintln(w, "verified")
	return err
}

// noteRevoked says what a value rests on whose signature proves nothing any more.
func noteRevoked(w io.Writer, what string) error {
	_, err := fmt.Fprintf(w, "NOTE  the server has revoked the key since by which it signed %s: what proves it is that it was in the log before\n", what)
	return err
}

// printable escapes what a terminal might obey, which JSON lets stand.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%04x}`, r)
		}
	}
	return b.String()
}

// remember keeps the head in its file.
func (c verifyCommand) remember(origin string, head tlog.Tree) error {
	if c.Head == "" {
		return nil
	}
	if err := replace(c.Head, proof.FormatHead(origin, head)); err != nil {
		return fmt.Errorf("remembering the head: %w", err)
	}
	return nil
}

// replace replaces a file; a crash leaves the old one or the new one.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// readAtMost reads a file, one octet more than the limit of what parses it at most.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}
