package main

import (
	"context"
	"math"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"signet/internal/freeport"
)

const v2 = "/_matrix/identity/v2"

// How many connections there are: in a measurement, and where all that matters is that
// something gets done.
const (
	connections = 8
	joining     = 16
)

const forever = time.Duration(math.MaxInt64 / 4)

// scene is what a measurement asks for.
type scene struct {
	homeservers, accounts int
	captcha               string                // when one must be solved; empty: never
	delay                 time.Duration         // of the mail server
	open                  func(to, code string) // is told of each code, if set
	hurry                 bool                  // keep the database in memory until calm
}

// world is servers on an empty database, and what is around it.
type world struct {
	settings
	dir      string
	database *database
	config   config
	servers  replicas
	sink     *sink
	people   []person
	asked    atomic.Int64
	undone
}

// undone is what is undone at the end, the last first.
type undone []func()

func (u *undone) later(undo func()) { *u = append(*u, undo) }

func (u *undone) close() {
	for _, undo := range slices.Backward(*u) {
		undo()
	}
}

// build makes a world. close ends it, also one that was not finished.
func build(ctx context.Context, s settings, sc scene) (w *world, err error) {
	w = &world{settings: s}
	defer func() {
		if err != nil {
			w.close()
			w = nil
		}
	}()
	if w.dir, err = os.MkdirTemp(s.dir, "world."); err != nil {
		return w, err
	}
	w.later(func() { _ = os.RemoveAll(w.dir) })
	if w.sink, err = startSink(sc.delay, sc.open); err != nil {
		return w, err
	}
	w.later(w.sink.close)
	around, err := startHomeservers(w.dir, max(1, sc.homeservers))
	if err != nil {
		return w, err
	}
	w.later(around.close)
	if err := w.serve(ctx, sc, around.ca); err != nil {
		return w, err
	}
	w.people, err = around.join(ctx, w.servers.addrs(), sc.accounts)
	return w, err
}

// serve starts the servers on free ports, with an empty database.
func (w *world) serve(ctx context.Context, sc scene, ca string) (err error) {
	if w.database, err = newDatabase(ctx, w.postgres, w.dir); err != nil {
		return err
	}
	w.later(w.database.drop)
	if sc.hurry {
		if err := w.database.hurry(); err != nil {
			return err
		}
	}
	w.config = config{smtp: w.sink.addr, database: w.database.url, ca: ca, captcha: sc.captcha}
	if w.config.captcha == "" {
		w.config.captcha = "never"
	}
	w.later(func() { w.servers.end() })
	return w.start(ctx)
}

// start starts the servers, one after the other, as they are configured.
func (w *world) start(ctx context.Context) error {
	w.servers = nil
	for i := range w.replicas {
		addr, err := freeAddr()
		if err != nil {
			return err
		}
		if err := w.config.write(w.dir, i, addr); err != nil {
			return err
		}
		s, err := startServer(ctx, launch{program: w.idserver, dir: w.dir, config: configFile(i), addr: addr, ready: "/readyz"})
		if err != nil {
			return err
		}
		w.servers = append(w.servers, s)
	}
	return nil
}

// calm starts the servers again, with its database where it is to be measured.
func (w *world) calm(ctx context.Context) (err error) {
	w.servers.end()
	if err := w.database.calm(); err != nil {
		return err
	}
	w.config.database = w.database.url
	return w.start(ctx)
}

func freeAddr() (string, error) {
	port, err := freeport.Take()
	return "127.0.0.1:" + port, err
}

// measure hammers the servers for the time that was set, and observes it.
func (w *world) measure(ctx context.Context, next source) (figures, error) {
	s, err := w.servers.observe(func() ([]time.Duration, error) {
		return hammer(ctx, w.servers.addrs(), connections, w.duration, next)
	})
	return s.figures(), err
}
