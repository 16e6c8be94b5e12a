package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// step is a part of what is measured of a homeserver, after the steps before it. Its rows
// have no figures yet; run gives figures for each of them.
type step struct {
	name, what string
	rows       []row
	run        func(t *target, ctx context.Context) ([]figures, error)
}

// steps are all there are, in the order in which they are made: the memory at the end is of
// a server that has done everything, and the restarts come after it. The bars and the peer's
// figures are for SQLite on a machine with two processors; the peer was sent 4 messages a
// second where ours is sent 20.
func steps(s settings) []step {
	return []step{
		{name: "start", what: "the start on an empty database to the first 200, and the memory then", run: (*target).started,
			rows: []row{{name: "start-up", peer: "0.50-0.65 s"}, {name: "idle", peer: "51 MiB"}}},
		{name: "accounts", what: "registrations and logins, by 1 client and by 8", run: (*target).accounts,
			rows: []row{{name: "register, 1 client", peer: "13.2/s"}, {name: "register, 8 clients", peer: "13.3/s"},
				{name: "login, 1 client", peer: "13.1/s"}, {name: "login, 8 clients", peer: "24.6/s"}}},
		{name: "send", what: "messages to one room, by 1 sender and by 8", run: (*target).sending,
			rows: []row{{name: "send, 1 sender", bar: "500/s", peer: "73.1/s"}, {name: "send, 8 senders", bar: "1,500/s", peer: "45.2/s"}}},
		{name: "deliver", what: "from a send to the long polls of 1 and of RECEIVERS people, at 20 messages/s", run: (*target).delivering,
			rows: []row{{name: "delivery, 1 receiver", bar: "p50 5 p99 15 ms", peer: "p50 21 p99 34 ms"},
				{name: fmt.Sprintf("delivery, %d receivers", s.receivers), bar: "p99 60 ms"}}},
		{name: "rooms", what: "ROOMS rooms created by 1 client, others by 8, and the first ones joined", run: (*target).gathering,
			rows: []row{{name: "createRoom, 1 client", bar: "150/s", peer: "p50 97 ms"}, {name: "createRoom, 8 clients"}, {name: "join", peer: "p50 26 ms"}}},
		{name: "sync", what: "initial syncs of ROOMS rooms, empty incremental ones, and /messages of 20 events", run: (*target).syncing,
			rows: []row{{name: "initial sync, warm", bar: "p50 20 ms", peer: "p50 323 ms"}, {name: "the same, lazy", peer: "p50 680 ms"},
				{name: "empty sync", peer: "p50 14.1 ms"}, {name: "messages of 20", peer: "p50 3.7 ms"}}},
		{name: "memory", what: "the memory when all that is over", run: (*target).remembering,
			rows: []row{{name: "after it all", bar: "150 MiB", peer: "314-335 MiB"}}},
		{name: "restart", what: "starts with all that in the database, each before the first initial sync", run: (*target).restarting,
			rows: []row{{name: "restart"}, {name: "initial sync, cold", bar: "p50 50 ms"}, {name: "cold, lazy"}}},
	}
}

func (a step) called() string { return a.name }

// chooseSteps is the steps of the names, in their own order.
func chooseSteps(s settings, names []string) ([]step, error) {
	chosen, err := pick(steps(s), names, "script/bench homeserver")
	return slices.DeleteFunc(steps(s), func(one step) bool {
		return !slices.ContainsFunc(chosen, func(c step) bool { return c.name == one.name })
	}), err
}

func usageHomeserver() string {
	var b strings.Builder
	b.WriteString(`script/bench homeserver [NAME...] puts load on the homeserver and prints how fast it is.

`)
	for _, one := range steps(settings{}) {
		fmt.Fprintf(&b, "  %-12s%s\n", one.name, one.what)
	}
	b.WriteString(`
COUNT (3)          runs, each with an empty database; the table shows the medians
DURATION (10s)     how long something is done again and again
ROOMS (100)        rooms of an initial sync
MESSAGES (1000)    messages whose delivery is measured
RECEIVERS (200)    people who receive each of them, after one alone
ENGINE (sqlite)    sqlite, or postgres: the server that SIGNET_TEST_POSTGRES names
BASE               http://HOST:PORT of another homeserver, measured in turn with ours
BASE_PID           its process, so that memory and processors' time are known
HOMESERVER         the program to measure, if not the one built here
TMPDIR (/tmp)      where the database is; it is removed at the end

docs/benchmarks.md tells what is measured.
`)
	return b.String()
}
