package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// measurement is something that can be asked for by name. Its rows have no figures yet;
// a run fills in one of each.
type measurement struct {
	name, what string
	rows       []row
	prepare    func(ctx context.Context, s settings) (*stage, error)
}

// stage is a measurement that is prepared: run measures once, and gives figures for each
// row.
type stage struct {
	run   func(ctx context.Context) ([]figures, error)
	close func()
}

// errName is the error of a name that no measurement has.
var errName = errors.New("no measurement has the name")

// measurements are all there are, in the order in which they are made. The bars and the
// figures of the peer were measured on a machine with two processors.
func measurements() []measurement {
	return []measurement{
		{name: "ping", what: "GET /_matrix/identity/v2", prepare: preparePing,
			rows: []row{{name: "ping", bar: "20,000/s", peer: "3,300-3,800/s"}}},
		{name: "email", what: "e-mail requestToken, from an empty database on", prepare: prepareEmail,
			rows: []row{{name: "email", bar: "500/s", peer: "19/s"}}},
		{name: "email-full", what: "the same with SESSIONS live sessions in the database", prepare: prepareEmailFull,
			rows: []row{{name: "email-full", bar: "500/s", peer: "4/s"}}},
		{name: "submit", what: "submitToken with wrong codes, then with the right ones", prepare: prepareSubmit,
			rows: []row{{name: "submit, wrong code"}, {name: "submit, right code"}}},
		{name: "captcha", what: "requestToken that meets a CAPTCHA, its picture, and a wrong answer", prepare: prepareCaptcha,
			rows: []row{{name: "captcha, challenge"}, {name: "captcha, picture"}, {name: "captcha, wrong answer"}}},
		{name: "lookup", what: "look-ups of 1 and of 1,000 hashes, and binds, with BINDINGS bindings in the database", prepare: prepareLookup,
			rows: []row{{name: "lookup, 1 hash", bar: "5,000/s", peer: "0.2/s"}, {name: "lookup, 1,000 hashes", bar: "500/s", peer: "0.25/s"},
				{name: "bind", bar: "500/s", peer: "3-7/s"}}},
		{name: "keys", what: "BINDINGS bindings put into the log of people's keys; then keys published, with and without a wait for the proof, look-ups with proofs, and an audit",
			prepare: prepareKeys, rows: []row{{name: sealedRow, bar: "5,000/s"}, {name: "keys, publish"},
				{name: "keys, publish to proof", bar: "p50 400 ms"}, {name: "keys, look-up", bar: "1,500/s"}, {name: auditRow, bar: "150,000/s"}}},
		{name: "quota", what: "14 charges, by the Go benchmark in internal/quota"},
		{name: "slow", what: "ping while 64 requestToken wait for a mail server that takes a second", prepare: prepareSlow,
			rows: []row{{name: "slow, ping", bar: "p99 10 ms"}}},
	}
}

func choose(names []string) ([]measurement, error) {
	return pick(measurements(), names, "script/bench load")
}

// named is what can be asked for by its name.
type named interface{ called() string }

func (m measurement) called() string { return m.name }

// pick is all, or those with the names. The command tells what names there are.
func pick[T named](all []T, names []string, command string) (chosen []T, err error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(one T) bool { return one.called() == name })
		if i < 0 {
			return nil, fmt.Errorf("%w %q; %s -h lists them", errName, name, command)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measure makes a measurement as often as is set and returns its rows with the medians.
func (m measurement) measure(ctx context.Context, s settings) ([]row, error) {
	if m.prepare == nil {
		return benchmarkQuota(ctx, s)
	}
	progress("%s: preparing", m.name)
	stage, err := m.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	runs := make([][]figures, len(m.rows))
	for i := range s.count {
		progress("%s: run %d of %d", m.name, i+1, s.count)
		got, err := stage.run(ctx)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		for j, f := range got {
			runs[j] = append(runs[j], f)
			progress("%s", strings.Join(row{name: m.rows[j].name, figures: f}.cells(), "  "))
		}
	}
	rows := slices.Clone(m.rows)
	for j := range rows {
		rows[j].figures = medians(runs[j])
	}
	return rows, nil
}

func progress(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }

func usage() string {
	var b strings.Builder
	b.WriteString(`script/bench load [NAME...] puts load on the identity server and prints how fast it is.
script/bench homeserver does so with the homeserver; script/bench homeserver -h tells how.

`)
	for _, m := range measurements() {
		fmt.Fprintf(&b, "  %-12s%s\n", m.name, m.what)
	}
	b.WriteString(`
COUNT (3)          runs of each, of which the table shows the medians
DURATION (10s)     how long a run lasts
SESSIONS (100000)  live sessions of email-full
BINDINGS (1000000) bindings of lookup and keys
ENGINE (sqlite)    sqlite, or postgres: the server that SIGNET_TEST_POSTGRES names
REPLICAS (1)       servers on one database of ENGINE=postgres
IDSERVER           the program to measure, if not the one built here
TMPDIR (/tmp)      where the database is; it is removed at the end

docs/benchmarks.md tells what the columns mean.
`)
	return b.String()
}
