package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// v3 begins the paths of the client-server API.
const v3 = "/_matrix/client/v3"

// homeConfig is the name of the homeserver's configuration, homeName the server's.
const (
	homeConfig = "homeserver.yaml"
	homeName   = "hs.load.example"
)

// target is a homeserver that is measured: ours on an empty database, or another one, of
// which nothing is known but how to reach it.
type target struct {
	settings
	dir      string
	database *database
	server   *server
	ours     bool
	startUp  time.Duration
	label    string // what this run's names begin with
	named    atomic.Int64
	roomIDs  []string // of the rooms of the initial sync
	filled   bool     // those have messages

	mu     sync.Mutex // guards people
	people []person
	undone
}

func newTarget(s settings) *target {
	return &target{settings: s, label: "load" + strings.ToLower(rand.Text()[:8])}
}

// openOurs starts our homeserver on an empty database.
func openOurs(ctx context.Context, s settings) (t *target, err error) {
	t = newTarget(s)
	t.ours = true
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if t.dir, err = os.MkdirTemp(s.dir, "world."); err != nil {
		return nil, err
	}
	t.later(func() { _ = os.RemoveAll(t.dir) })
	if t.database, err = newDatabase(ctx, s.postgres, t.dir); err != nil {
		return nil, err
	}
	t.later(t.database.drop)
	t.later(func() { t.server.end() })
	t.startUp, err = t.start(ctx)
	return t, err
}

// start starts it on a free port and returns how long that took.
func (t *target) start(ctx context.Context) (time.Duration, error) {
	addr, err := freeAddr()
	if err != nil {
		return 0, err
	}
	if err := t.configure(addr); err != nil {
		return 0, err
	}
	began := time.Now()
	t.server, err = startServer(ctx, launch{program: t.homeserver, dir: t.dir, config: homeConfig, addr: addr, ready: "/_matrix/client/versions"})
	return time.Since(began), err
}

// configure writes a configuration in which everybody may register, and budgets are
// counted but refuse nothing.
func (t *target) configure(addr string) error {
	text := fmt.Sprintf("server_name: %s\npublic_url: https://%[1]s\nlisten: %s\nmetrics_listen: \"\"\ndatabase: %q\n"+
		"federation: {listen: \"127.0.0.1:0\"}\nregistration: {flows: [[m.login.dummy]]}\nlimits: {dry_run: true}\n", homeName, addr, t.database.url)
	return os.WriteFile(filepath.Join(t.dir, homeConfig), []byte(text), 0o600)
}

// openPeer is the homeserver at BASE. It is neither started nor stopped.
func openPeer(_ context.Context, s settings) (t *target, err error) {
	t = newTarget(s)
	t.server, err = watched(s.base, s.basePID)
	return t, err
}

// by is on whose behalf a request to the target is made.
func (t *target) by(p person) caller {
	host := homeName
	if !t.ours {
		host = t.server.addr
	}
	return caller{user: p.user, token: p.token, host: host}
}

// name is one that has not been used in any run.
func (t *target) name() string { return fmt.Sprintf("%s-%d", t.label, t.named.Add(1)) }

// hammer hammers the target and observes it.
func (t *target) hammer(ctx context.Context, clients int, d time.Duration, next source) (figures, error) {
	s, err := replicas{t.server}.observe(func() ([]time.Duration, error) {
		return hammer(ctx, []string{t.server.addr}, clients, d, next)
	})
	return s.figures(), err
}

// ask makes one request and reads the answer into what is given, if anything.
func (t *target) ask(ctx context.Context, request []byte, into any) error {
	a, err := ask(ctx, t.server.addr, request)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(a.body, into)
}

// quietly is how long a server is left alone before its memory is looked at.
const quietly = 3 * time.Second

// memory is what the server has in use after a while in which nobody asks for anything.
func (t *target) memory(ctx context.Context) (figures, error) {
	s, err := replicas{t.server}.observe(func() ([]time.Duration, error) {
		select {
		case <-ctx.Done():
		case <-time.After(min(quietly, t.duration)): // what is to happen is nothing
		}
		return nil, ctx.Err()
	})
	f := s.figures()
	f.each = 0 // there were no exchanges
	return f, err
}

// started tells how long the start took, and of the server that has done nothing yet.
func (t *target) started(ctx context.Context) ([]figures, error) {
	idle, err := t.memory(ctx)
	return []figures{{p50: t.startUp, p99: t.startUp}, idle}, err
}

func (t *target) remembering(ctx context.Context) ([]figures, error) {
	f, err := t.memory(ctx)
	return []figures{f}, err
}

// restarts is how often the server is started for each kind of initial sync.
const restarts = 3

// restarting starts the server again, again and again, and makes one initial sync each time.
func (t *target) restarting(ctx context.Context) ([]figures, error) {
	if !t.ours {
		return make([]figures, 3), nil
	}
	reader, err := t.furnish(ctx)
	if err != nil {
		return nil, err
	}
	var starts sample
	var syncs []figures
	for _, filter := range []string{"", lazy} {
		var cold []figures
		for range restarts {
			t.server.end()
			took, err := t.start(ctx)
			if err != nil {
				return nil, err
			}
			starts.took = append(starts.took, took)
			f, err := t.hammer(ctx, 1, forever, t.initialSyncs(reader, filter, 1))
			if err != nil {
				return nil, err
			}
			cold = append(cold, f)
		}
		syncs = append(syncs, worst(cold))
	}
	return append([]figures{starts.figures()}, syncs...), nil
}

// worst is the medians with the longest time for that which 99 of 100 do not exceed.
func worst(runs []figures) figures {
	f := medians(runs)
	for _, r := range runs {
		f.p99 = max(f.p99, r.p99)
	}
	return f
}
