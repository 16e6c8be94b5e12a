package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"signet/keys/proof"
)

// These rows are of one thing that takes long, and not of many exchanges.
const (
	sealedRow = "keys, bindings sealed"
	auditRow  = "keys, audit"
)

// prepareKeys brings in all bindings, and waits until the log of people's keys has them.
func prepareKeys(ctx context.Context, s settings) (*stage, error) {
	sc := s.crowd(0)
	sc.accounts = max(leastAccounts, s.publications()/versions)
	sc.hurry = true
	w, err := build(ctx, s, sc)
	if err != nil {
		return nil, err
	}
	if err := w.bringIn(ctx, s.bindings); err != nil {
		w.close()
		return nil, fmt.Errorf("bringing in bindings: %w", err)
	}
	backlog, _, err := w.sealed(ctx, int64(s.bindings))
	if err != nil {
		w.close()
		return nil, err
	}
	d := &keyDirectory{world: w, writers: newWriters(w.people), backlog: backlog}
	return &stage{close: w.close, run: d.run}, nil
}

// keyDirectory is a world in which keys are published.
type keyDirectory struct {
	*world
	writers []*writer
	backlog figures
}

func (d *keyDirectory) run(ctx context.Context) ([]figures, error) {
	published, err := d.publish(ctx)
	if err != nil {
		return nil, err
	}
	proven, err := d.measure(ctx, d.publications(true))
	if err != nil {
		return nil, err
	}
	found, err := d.measure(ctx, d.lookups())
	if err != nil {
		return nil, err
	}
	audited, err := d.audit(ctx)
	return []figures{d.backlog, published, proven, found, audited}, err
}

// publish measures publications until all of them are in the log.
func (d *keyDirectory) publish(ctx context.Context) (figures, error) {
	before, err := d.logSize(ctx)
	if err != nil {
		return figures{}, err
	}
	f, err := d.measure(ctx, d.publications(false))
	if err != nil {
		return figures{}, err
	}
	n := int64(f.rate * d.duration.Seconds())
	_, late, err := d.sealed(ctx, before+n)
	progress("the last of them was in the log %s later", late.Round(10*time.Millisecond))
	return f, err
}

// sealed waits until the log has so many entries, and all that waits for it. It returns how
// fast that was, and how long it took.
func (w *world) sealed(ctx context.Context, least int64) (f figures, took time.Duration, err error) {
	first, err := w.logSize(ctx)
	if err != nil {
		return f, 0, err
	}
	busy, err := w.servers.busy()
	if err != nil {
		return f, 0, err
	}
	began := time.Now()
	last, since, err := w.quietLog(ctx, least)
	if err != nil {
		return f, 0, err
	}
	used, err := w.servers.busy()
	if err != nil {
		return f, 0, err
	}
	took = max(0, since.Sub(began))
	f = figures{rate: share(float64(last-first), took.Seconds()), server: share((used - busy).Seconds(), took.Seconds())}
	f.residentKB, err = w.servers.residentKB()
	return f, took, err
}

// quietLog waits until the log has so many entries and grows no more. It returns how many it
// has, and since when.
func (w *world) quietLog(ctx context.Context, least int64) (last int64, since time.Time, err error) {
	for since = time.Now(); last < least || time.Since(since) < quiet; {
		size, err := w.logSize(ctx)
		if err != nil {
			return 0, since, err
		}
		if size != last {
			last, since = size, time.Now()
		}
		select {
		case <-ctx.Done():
			return 0, since, ctx.Err()
		case <-time.After(20 * time.Millisecond): // another process has no signal to give
		}
	}
	return last, since, nil
}

// quiet is longer than the log lets anybody wait.
const quiet = time.Second

// logSize is how many entries the log's newest checkpoint has (C2SP tlog-checkpoint).
func (w *world) logSize(ctx context.Context) (size int64, err error) {
	a, err := w.ask(ctx, get(logPath+"/checkpoint", caller{}))
	if err != nil {
		return 0, err
	}
	lines := bytes.SplitN(a.body, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0, errAnswer
	}
	return strconv.ParseInt(string(lines[1]), 10, 64)
}

const (
	keysPath = "/_signet/v1/keys"
	logPath  = keysPath + "/log/users"
)

// ask makes one request.
func (w *world) ask(ctx context.Context, request []byte) (answer, error) {
	return ask(ctx, w.servers[0].addr, request)
}

// lookups ask for who is behind addresses, with the proofs.
func (d *keyDirectory) lookups() source {
	return func() (exchange, bool) {
		n := int(d.world.asked.Add(1))
		p := d.people[n%len(d.people)]
		body := append([]byte(`{"label":"binding:email:`), boundAddress(nil, int(scramble(uint64(n))%uint64(d.bindings)))...)
		by := caller{token: p.token, client: network(65 * n)}
		return exchange{request: post(keysPath+"/lookup", by, string(append(body, `"}`...)))}, true
	}
}

// audit has the program read the log from its first entry on.
func (d *keyDirectory) audit(ctx context.Context) (f figures, err error) {
	a, err := d.ask(ctx, get(keysPath+"/config", caller{}))
	if err != nil {
		return f, err
	}
	config, err := proof.ParseConfig(a.body)
	if err != nil {
		return f, err
	}
	size, err := d.logSize(ctx)
	if err != nil {
		return f, err
	}
	began := time.Now()
	out, err := exec.CommandContext(ctx, d.idserver, "audit", "http://"+d.servers[0].addr+logPath, "--key", config.Users.VKeys[0]).CombinedOutput()
	if err != nil {
		return f, fmt.Errorf("%w: %.1000s", err, out)
	}
	return figures{rate: share(float64(size), time.Since(began).Seconds())}, nil
}
