package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// signup is the command that measures sign-ups: it has both programs.
var signup = bench{name: "signup", usage: usageSignup, measure: measureSignup}

// signupRows are in the order of the figures of a run: the whole, how much of it each
// program worked, and the steps of one person.
var signupRows = []string{"sign-up", "of it the homeserver", "of it the identity server",
	"1 a CAPTCHA asked for", "2 its answer in the mailbox", "3 it is solved", "4 a code asked for", "5 the mail comes", "6 the code confirmed", "7 the account made"}

// signupSteps is how many of them are steps.
const signupSteps = 7

func usageSignup() string {
	return `script/bench signup has people sign up at the homeserver, through a CAPTCHA and an e-mail
address that the identity server sends a code to, and prints how many do a second and where
the time goes. The answers come from the development mailbox, the codes from a mail server.

COUNT (3)          runs, each with empty databases; the table shows the medians
DURATION (10s)     how long a run lasts
ENGINE (sqlite)    sqlite, or postgres: the server that SIGNET_TEST_POSTGRES names
IDSERVER, HOMESERVER   the programs to measure, if not those built here
TMPDIR (/tmp)      where the databases are; they are removed at the end

docs/benchmarks.md tells what the columns mean.
`
}

func measureSignup(ctx context.Context, s settings, names []string) ([]row, error) {
	if len(names) > 0 {
		return nil, fmt.Errorf("%w %q; script/bench signup takes none", errName, names[0])
	}
	if s.idserver == "" || s.homeserver == "" {
		return nil, errors.New("both programs are needed")
	}
	runs := make([][]figures, len(signupRows))
	for i := range s.count {
		progress("run %d of %d", i+1, s.count)
		got, err := signUps(ctx, s)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		for j, f := range got {
			runs[j] = append(runs[j], f)
			progress("%s", strings.Join(row{name: signupRows[j], figures: f}.cells(), "  "))
		}
	}
	rows := make([]row, len(signupRows))
	for j, name := range signupRows {
		rows[j] = row{name: name, figures: medians(runs[j])}
	}
	return rows, nil
}

// signUps is one run, with servers of its own.
func signUps(ctx context.Context, s settings) ([]figures, error) {
	d, err := openDuo(ctx, s)
	if err != nil {
		return nil, err
	}
	defer d.close()
	homeBefore, err := d.home.busy()
	if err != nil {
		return nil, err
	}
	idBefore, err := d.id.busy()
	if err != nil {
		return nil, err
	}
	var steps [signupSteps][]time.Duration
	whole, err := replicas{d.home, d.id}.observe(func() (took []time.Duration, err error) {
		took, steps, err = d.busily(ctx)
		return took, err
	})
	if err != nil {
		return nil, err
	}
	homeAfter, err := d.home.busy()
	if err != nil {
		return nil, err
	}
	idAfter, err := d.id.busy()
	all := []figures{whole.figures()}
	for _, used := range []time.Duration{homeAfter - homeBefore, idAfter - idBefore} {
		all = append(all, figures{each: used / time.Duration(max(1, len(whole.took))), server: share(used.Seconds(), whole.elapsed.Seconds())})
	}
	for _, took := range steps {
		f := sample{took: took}.figures()
		all = append(all, figures{p50: f.p50, p99: f.p99})
	}
	return all, err
}

// busily has some people sign up at a time, one after the other, until the time is over, and one
// of each in any case. It returns how long each took, and each of their steps.
func (d *duo) busily(ctx context.Context) (took []time.Duration, steps [signupSteps][]time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.Now().Add(d.duration)
	var mu sync.Mutex // guards took and steps
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			v, err := d.visit(ctx)
			if err != nil {
				cancel(err)
				return
			}
			defer v.close()
			for first := true; ctx.Err() == nil && (first || time.Now().Before(end)); first = false {
				each, err := v.signUp(ctx)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				var all time.Duration
				for i, t := range each {
					steps[i] = append(steps[i], t)
					all += t
				}
				took = append(took, all)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return took, steps, context.Cause(ctx)
}

// duo is a homeserver and the identity server that it uses, in development mode, where the
// answers to CAPTCHAs can be read, and the mail server that takes the codes.
type duo struct {
	settings
	id, home         *server
	idHost, homeHost string
	mail             postbox
	undone
}

func openDuo(ctx context.Context, s settings) (d *duo, err error) {
	d = &duo{settings: s, mail: postbox{waits: map[string]chan string{}}}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	dir, err := os.MkdirTemp(s.dir, "world.")
	if err != nil {
		return d, err
	}
	d.later(func() { _ = os.RemoveAll(dir) })
	sink, err := startSink(0, d.mail.put)
	if err != nil {
		return d, err
	}
	d.later(sink.close)
	d.id, d.idHost, err = d.launch(ctx, dir, s.idserver, "idserver", fmt.Sprintf("email: {smtp: %q, tls: none, from: no-reply@load.example}\n", sink.addr))
	if err != nil {
		return d, err
	}
	d.home, d.homeHost, err = d.launch(ctx, dir, s.homeserver, "homeserver", fmt.Sprintf(
		"federation: {listen: %%[2]q}\nidentity_server: http://%s\nregistration: {flows: [[im.signet.captcha, m.login.email.identity]]}\n", d.idHost))
	return d, err
}

// launch starts a program on an empty database. more is further keys of its configuration,
// in which the second value is the address of its own name.
func (d *duo) launch(ctx context.Context, dir, program, name, more string) (s *server, host string, err error) {
	folder, err := os.MkdirTemp(dir, name)
	if err != nil {
		return nil, "", err
	}
	database, err := newDatabase(ctx, d.postgres, folder)
	if err != nil {
		return nil, "", err
	}
	d.later(database.drop)
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	named := addr
	if strings.Contains(more, "%[2]") {
		if named, err = freeAddr(); err != nil {
			return nil, "", err
		}
		more = fmt.Sprintf(strings.Replace(more, "%[2]q", "%q", 1), named)
	}
	host = local(addr)
	text := fmt.Sprintf("development: true\ndata_dir: shared\nserver_name: %s\nlisten: %s\npublic_url: http://%s\ndatabase: %q\nkey_file: %s.kek\n"+
		"metrics_listen: \"\"\nlimits: {dry_run: true}\n%s", local(named), addr, host, database.url, name, more)
	config := name + ".yaml"
	if err := os.WriteFile(dir+"/"+config, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	s, err = startServer(ctx, launch{program: program, dir: dir, config: config, addr: addr, ready: "/readyz"})
	if err == nil {
		d.later(s.end)
	}
	return s, host, err
}

// local is an address by the name that programs in development mode have.
func local(addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }
