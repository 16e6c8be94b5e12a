package notary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/serverkeys"
	"signet/internal/serverkeys/serverkeystest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/entry"
	"signet/keys/notary"
)

const (
	us   = matrix.ServerName("id.example.org")
	them = matrix.ServerName("hs.example")
)

var (
	k1 = serverkeystest.Key("ed25519:k1", "one")
	k2 = serverkeystest.Key("ed25519:k2", "two")
	k3 = serverkeystest.Key("ed25519:k3", "three")
)

// world is a notary among servers that are played.
type world struct {
	*testing.T
	notary *notary.Notary
	db     *store.DB
	clock  *clocktest.Clock
	ring   *keyring.Ring

	mu      sync.Mutex // guards the rest
	servers map[matrix.ServerName]func() (int, []byte)
	asked   map[matrix.ServerName]int
}

// each tells a story on both engines, with no log.
func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "quota", "notary"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), servers: map[matrix.ServerName]func() (int, []byte){}, asked: map[matrix.ServerName]int{}}
		vault := sealtest.Vault(t, db, w.clock.Now)
		w.ring = keyringtest.Open(t, db, vault, w.clock.Now, keyring.Federation)
		budgets, err := quota.New(t.Context(), quota.Options{DB: db, Vault: vault, Budgets: notary.Budgets(false), Now: w.clock.Now})
		w.must(err)
		w.notary = notary.New(notary.Options{DB: db, Federation: w, Keys: w.ring, Name: us, Quota: budgets, Now: w.clock.Now,
			Sleep: func(ctx context.Context, d time.Duration) error { w.clock.Advance(d); return ctx.Err() }})
		tell(w)
		w.check()
	})
}

// restart is another replica, or the same after a crash: it has nothing in memory.
func (w *world) restart() { w.notary = notary.New(w.notary.Options) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Do plays the federation.
func (w *world) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[r.Server]++
	answer, ok := w.servers[r.Server]
	if !ok || r.Path != "/_matrix/key/v2/server" || r.Method != "GET" || r.Sign != nil {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	status, body := answer()
	return fedclient.Response{Status: status, Body: body}, nil
}

func (w *world) says(server matrix.ServerName, status int, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[server] = func() (int, []byte) { return status, body }
}

func (w *world) falls(server matrix.ServerName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.servers, server)
}

// publishes has a server answer with keys that are valid for so long, and returns the
// document.
func (w *world) publishes(server matrix.ServerName, life time.Duration, keys ...matrix.SigningKey) []byte {
	d := w.doc(server, life, keys...).JSON(w)
	w.says(server, 200, d)
	return d
}

func (w *world) doc(server matrix.ServerName, life time.Duration, keys ...matrix.SigningKey) serverkeystest.Doc {
	return serverkeystest.Doc{Server: server, Until: w.clock.Now().Add(life), Keys: keys, Expired: w.clock.Now()}
}

// fetches is how often a server was asked since the last call.
func (w *world) fetches(server matrix.ServerName) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.asked[server]
	delete(w.asked, server)
	return n
}

// got is one document of an answer, whose signatures hold.
type got struct {
	serverkeys.Document
	raw      []byte
	unsigned map[string]json.RawMessage
}

func (g got) ids() string {
	var all []string
	for id := range g.Verify {
		all = append(all, string(id)[len("ed25519:"):])
	}
	slices.Sort(all)
	return strings.Join(all, "+")
}

// query asks, checks the notary's and the servers' signatures, and returns the documents.
func (w *world) query(servers map[matrix.ServerName]notary.Wanted) (all []got) {
	w.Helper()
	answer, err := w.notary.Query(w.Context(), notary.Query{Servers: servers})
	w.must(err)
	defer answer.Release()
	signing, err := w.ring.Current(w.Context())
	w.must(err)
	for _, object := range answer.Objects {
		if err := matrix.Verify(us, signing.ID, signing.Public(), object); err != nil {
			w.Errorf("the notary's signature: %v in %s", err, object)
		}
		var members struct {
			ServerName matrix.ServerName          `json:"server_name"`
			Unsigned   map[string]json.RawMessage `json:"unsigned"`
		}
		w.must(json.Unmarshal(object, &members))
		d, err := serverkeys.Parse(members.ServerName, object)
		w.must(err)
		all = append(all, got{d, object, members.Unsigned})
	}
	return all
}

// ask is query for one server.
func (w *world) ask(server matrix.ServerName, wanted notary.Wanted) []got {
	w.Helper()
	return w.query(map[matrix.ServerName]notary.Wanted{server: wanted})
}

// want asks for one server, and wants documents with these keys, as in "k1 k2+k3".
func (w *world) want(when string, server matrix.ServerName, wanted notary.Wanted, want string) {
	w.Helper()
	var ids []string
	for _, g := range w.ask(server, wanted) {
		ids = append(ids, g.ids())
	}
	if got := strings.Join(ids, " "); got != want {
		w.Errorf("%s: keys %q, want %q", when, got, want)
	}
}

func of(id matrix.KeyID, until time.Time) notary.Wanted {
	return notary.Wanted{Keys: map[matrix.KeyID]time.Time{id: until}}
}

// record is a record as it stands in the log.
type record struct {
	Type       string            `json:"type"`
	ServerName matrix.ServerName `json:"server_name"`
	Keys       json.RawMessage   `json:"keys"`
	SHA256     string            `json:"sha256"`
	Prev       string            `json:"prev"`
	HeldUntil  int64             `json:"held_until"`
	KeyID      matrix.KeyID      `json:"key_id"`
	Known      string            `json:"known"`
	Was        string            `json:"was"`
	Is         string            `json:"is"`
	Reason     string            `json:"reason"`
	Rules      []notary.Rule     `json:"rules"`
	Seen       struct {
		MS int64 `json:"ms"`
	} `json:"seen"`
	raw []byte
}

// pending is what is to be logged; nothing is.
func (w *world) pending() (all []record) {
	w.Helper()
	entries, _, err := w.notary.Next(w.Context(), 1000)
	w.must(err)
	for _, e := range entries {
		all = append(all, parseRecord(w, e))
	}
	return all
}

func parseRecord(t testing.TB, octets []byte) (r record) {
	t.Helper()
	parsed, err := entry.Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	r.raw = parsed.(entry.Record).JSON()
	if err := json.Unmarshal(r.raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// check states what always holds: every object has its record, a key points to an object that
// has it, records of a kind are numbered without a gap and in the order of their times.
func (w *world) check() {
	w.Helper()
	for what, query := range map[string]string{
		"objects without a record": `SELECT COUNT(*) FROM notary_objects o WHERE NOT EXISTS (SELECT 1 FROM notary_records r
			WHERE r.kind = 'im.signet.keys.server_keys.v1' AND r.server = o.server AND r.n = o.n)`,
		"keys of objects that are not trusted": `SELECT COUNT(*) FROM notary_keys k WHERE NOT EXISTS (SELECT 1 FROM notary_objects o
			WHERE o.server = k.server AND o.n = k.n AND o.trusted)`,
		"servers whose newest object is not trusted": `SELECT COUNT(*) FROM notary_servers s WHERE s.current_n <> 0 AND NOT EXISTS (
			SELECT 1 FROM notary_objects o WHERE o.server = s.server AND o.n = s.current_n AND o.trusted)`,
		"servers that hold what is trusted": `SELECT COUNT(*) FROM notary_servers s WHERE s.held_n <> 0 AND NOT EXISTS (
			SELECT 1 FROM notary_objects o WHERE o.server = s.server AND o.n = s.held_n AND NOT o.trusted)`,
		"records before the one before": `SELECT COUNT(*) FROM notary_records a JOIN notary_records b ON a.kind = b.kind AND a.server = b.server
			AND a.n = b.n + 1 WHERE a.ms < b.ms OR a.position <> 0 AND (b.position = 0 OR a.position < b.position)`,
	} {
		if n := w.count(query); n != 0 {
			w.Errorf("%d %s", n, what)
		}
	}
}

func (w *world) count(query string) (n int) {
	w.Helper()
	w.must(w.db.QueryRow(w.Context(), query).Scan(&n))
	return n
}

// testLog is a log that somebody else keeps: entries have positions, and proofs once they are
// published.
type testLog struct {
	entries   [][]byte
	published int64
}

var errUnpublished = errors.New("no checkpoint covers it")

func (l *testLog) Prove(_ context.Context, position int64, record []byte) (jsontext.Value, error) {
	if position >= l.published {
		return nil, errUnpublished
	}
	if !bytes.HasSuffix(l.entries[position], record) || len(l.entries[position]) != len(record)+1 {
		return nil, fmt.Errorf("%s stands at %d", l.entries[position], position)
	}
	return jsontext.Value(fmt.Sprintf(`{"index":%d}`, position)), nil
}

// sequence logs what is pending, after a first entry as every log has it.
func (w *world) sequence(l *testLog) {
	w.Helper()
	if len(l.entries) == 0 {
		l.entries = append(l.entries, []byte("config"))
	}
	entries, logged, err := w.notary.Next(w.Context(), 1000)
	w.must(err)
	w.must(w.db.Tx(w.Context(), func(tx *store.Tx) error { return logged(w.Context(), tx, int64(len(l.entries))) }))
	l.entries = append(l.entries, entries...)
}

func isPrefixOfUnsigned(raw []byte) bool { return bytes.Contains(raw, []byte(`"unsigned"`)) }
