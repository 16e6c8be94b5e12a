package fraud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify/fraud"
)

// policy serves four countries, at prices that no day's cap is a multiple of.
var policy = fraud.Policy{
	Countries:      []string{"GB", "DE", "US", "JM"},
	Prices:         map[string]fraud.Money{"GB": 40_000, "DE": 70_001},
	RiskyCountries: []string{"JM"},
}

// world is a database and two replicas on it, each with a handle of its own.
type world struct {
	*testing.T
	url   string
	db    *store.DB
	vault *seal.Vault
	clock *clocktest.Clock
	a, b  *replica

	mu   sync.Mutex // guards seen and log
	seen map[string]int
	log  bytes.Buffer
}

// replica is a guard with the handle that its transactions run on.
type replica struct {
	*fraud.Guard
	db *store.DB
}

func each(t *testing.T, p fraud.Policy, story func(w *world)) {
	t.Helper()
	storetest.EachLaidOut(t, []string{"seal", "fraud"}, func(t *testing.T, url string) {
		db := storetest.Open(t, url, nil)
		clock := clocktest.New()
		w := &world{T: t, url: url, db: db, clock: clock, vault: sealtest.Vault(t, db, clock.Now), seen: map[string]int{}}
		w.a, w.b = w.replica(p), w.replica(p)
		story(w)
		w.check()
	})
}

func (w *world) replica(p fraud.Policy) *replica {
	w.Helper()
	db := storetest.Open(w, w.url, nil)
	g, err := fraud.New(w.Context(), fraud.Options{DB: db, Vault: w.vault, Policy: p, Now: w.clock.Now,
		Log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})), Observe: w.observe})
	if err != nil {
		w.Fatal(err)
	}
	return &replica{g, db}
}

// Write keeps what is logged.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

func (w *world) observe(event fraud.Event, country string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[fmt.Sprint(event, " ", country)]++
}

// wantSeen compares what was observed since the last call.
func (w *world) wantSeen(want map[string]int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if fmt.Sprint(w.seen) != fmt.Sprint(want) {
		w.Errorf("observed %v, want %v", w.seen, want)
	}
	w.seen = map[string]int{}
}

func number(t testing.TB, digits string) threepid.Address {
	t.Helper()
	a, err := threepid.Parse("msisdn", digits)
	if err != nil {
		t.Fatalf("%s is no number: %v", digits, err)
	}
	return a
}

// block is the i-th number of a block, which its first digits name.
func block(t testing.TB, first string, i int) threepid.Address {
	t.Helper()
	return number(t, fmt.Sprintf("%s%04d", first, i))
}

// admit is Admit of one segment.
func (r *replica) admit(ctx context.Context, n threepid.Address) (fraud.Verdict, error) {
	return r.Admit(ctx, n, 1)
}

func (w *world) allow(r *replica, n threepid.Address) fraud.Verdict {
	w.Helper()
	v, err := r.admit(w.Context(), n)
	if err != nil {
		w.Fatalf("Admit to %s = %v, want it admitted", n.Country(), err)
	}
	return v
}

// refuse checks that a refusal is of that kind and leaves every table as it was.
func (w *world) refuse(r *replica, n threepid.Address, check func(error) bool) {
	w.Helper()
	before := w.dump()
	if v, err := r.admit(w.Context(), n); err == nil || !check(err) || v != (fraud.Verdict{}) {
		w.Errorf("Admit to %q = %+v, %v", n.Country(), v, err)
	}
	if after := w.dump(); before != after {
		w.Errorf("a refusal changed the tables from\n%s\nto\n%s", before, after)
	}
}

// do fails the test if one of these failed.
func (w *world) do(errs ...error) {
	w.Helper()
	if err := errors.Join(errs...); err != nil {
		w.Fatal(err)
	}
}

// send counts n messages to the first numbers of a block, each after a CAPTCHA, of whose
// codes some come back.
func (w *world) send(first string, n, validated int) {
	w.Helper()
	w.sendBy(w.a, sending{first: first, n: n, numbers: n, validated: validated, vouched: true})
}

// sending is n messages to the first so many numbers of a block, in turn, of which the
// first have their codes come back.
type sending struct {
	first                 string
	n, numbers, validated int
	vouched               bool
}

func (w *world) sendBy(r *replica, s sending) {
	w.Helper()
	now := w.clock.Now()
	for i := range s.n {
		w.do(r.Sent(w.Context(), block(w, s.first, i%s.numbers), now, s.vouched))
	}
	for i := range s.validated {
		w.do(r.Validated(w.Context(), block(w, s.first, i%s.numbers), now, s.vouched))
	}
}

// watch is a round of both replicas at once.
func (w *world) watch() {
	w.Helper()
	var both sync.WaitGroup
	for _, r := range []*replica{w.a, w.b} {
		both.Go(func() {
			if err := fraud.Watch(r.Guard, w.Context()); err != nil {
				w.Error(err)
			}
		})
	}
	both.Wait()
}

// ripen lets the codes under way die.
func (w *world) ripen() { w.clock.Advance(20 * time.Minute) }

var tables = []string{"fraud_switch", "fraud_totals", "fraud_sends", "fraud_vouched", "fraud_pauses", "fraud_alerts"}

// dump is every row of ours as text.
func (w *world) dump() string {
	w.Helper()
	return storetest.Dump(w, w.db, tables...)
}

// count reads one number.
func (w *world) count(query string) (n int64) {
	w.Helper()
	if err := w.db.QueryRow(context.Background(), query).Scan(&n); err != nil {
		w.Fatalf("%s: %v", query, err)
	}
	return n
}

// check states what holds at every moment.
func (w *world) check() {
	w.Helper()
	for law, query := range map[string]string{
		"more codes came back than were sent": `SELECT COUNT(*) FROM fraud_sends WHERE validated > sent OR validated < 0`,
		"more were vouched for than were sent": `SELECT COUNT(*) FROM (SELECT scope, slot_ms, SUM(sent) AS sent, SUM(validated) AS validated
			FROM fraud_vouched GROUP BY scope, slot_ms) v JOIN fraud_sends s ON s.scope = v.scope AND s.slot_ms = v.slot_ms
			WHERE v.sent > s.sent OR v.validated > s.validated`,
		"a vouched message was not sent":              `SELECT COUNT(*) FROM fraud_vouched v WHERE NOT EXISTS (SELECT 1 FROM fraud_sends s WHERE s.scope = v.scope AND s.slot_ms = v.slot_ms)`,
		"more vouched codes came back than were sent": `SELECT COUNT(*) FROM fraud_vouched WHERE validated > sent OR validated < 0 OR length(number) <> 64`,
		"a slot is not ten minutes":                   `SELECT COUNT(*) FROM fraud_sends WHERE slot_ms % 600000 <> 0`,
		"a day is not a UTC day":                      `SELECT COUNT(*) FROM fraud_totals WHERE start_ms % 86400000 <> 0`,
		"a total is below nothing":                    `SELECT COUNT(*) FROM fraud_totals WHERE messages < 0 OR micros < 0 OR segments < messages`,
		"a day's countries do not come to the day": `SELECT COUNT(*) FROM (SELECT start_ms,
				SUM(CASE WHEN country = '' THEN messages ELSE -messages END) AS messages, SUM(CASE WHEN country = '' THEN segments ELSE -segments END) AS segments,
				SUM(CASE WHEN country = '' THEN micros ELSE -micros END) AS micros
			FROM fraud_totals WHERE period = 'day' GROUP BY start_ms) d WHERE messages <> 0 OR segments <> 0 OR micros <> 0`,
		"the days do not come to the months": `SELECT COUNT(*) FROM (SELECT SUM(CASE WHEN period = 'day' THEN messages ELSE -messages END) AS messages,
				SUM(CASE WHEN period = 'day' THEN segments ELSE -segments END) AS segments, SUM(CASE WHEN period = 'day' THEN micros ELSE -micros END) AS micros
			FROM fraud_totals WHERE country = '') t WHERE messages <> 0 OR segments <> 0 OR micros <> 0`,
		"a scope is neither a country nor a tag":     `SELECT COUNT(*) FROM fraud_sends WHERE scope <> country AND length(scope) <> 64`,
		"a whole country is paused":                  `SELECT COUNT(*) FROM fraud_pauses WHERE scope = country AND until_ms > since_ms`,
		"blocks and countries do not have same sums": `SELECT COALESCE(SUM(CASE WHEN scope = country THEN sent ELSE -sent END), 0) FROM fraud_sends`,
	} {
		if n := w.count(query); n != 0 {
			w.Errorf("%s (%d)\n%s", law, n, w.dump())
		}
	}
}
