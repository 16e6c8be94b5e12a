package log_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/clocktest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/log"
)

var errCrash = errors.New("crash")

// world is one log, what waits for it in the same database, and all that was ever signed.
type world struct {
	testing.TB
	db        *store.DB
	name      string
	clock     *clocktest.Clock
	log       *log.Log
	ledger    *fakeMap // of log
	guard     log.Guard
	signer    *signer
	verifier  note.Verifier
	origin    string
	guardFile string
	// ownGuards says that processes have guards of their own, and not this one.
	ownGuards bool
	// cannotMark is what the source fails with when it should mark entries as logged.
	cannotMark error

	mu    sync.Mutex        // guards the rest
	at    map[string]func() // what happens at a step
	added int
}

func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, []string{"log"}, func(t *testing.T, db *store.DB) { tell(newWorld(t, db)) })
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	if _, err := db.Exec(t.Context(), `CREATE TABLE pending (id BIGINT NOT NULL PRIMARY KEY, entry BYTEA NOT NULL, position BIGINT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, db: db, name: "users", origin: origin, clock: clocktest.New(), at: map[string]func(){}}
	w.guardFile = filepath.Join(t.TempDir(), "signed")
	w.guard = log.NewFileGuard(w.guardFile, origin)
	w.signer, w.verifier = newSigner(t, origin)
	w.signer.step, w.signer.before = w.step, w.checkBeforeSigning
	w.log = w.open()
	return w
}

func (w *world) options() log.Options {
	w.ledger = newMap(w.step)
	return log.Options{Name: w.name, Origin: w.origin, DB: w.db, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler),
		Source: source{w}, Map: w.ledger, Format: format{w.step}, Guard: guard{w.guard, w.step}, Keys: &keys{"CONFIG " + w.origin, []note.Signer{w.signer}},
		Poll: time.Millisecond}
}

// open opens the log as a process does that starts.
func (w *world) open() *log.Log { return w.openWith(w.options()) }

func (w *world) openWith(o log.Options) *log.Log {
	w.Helper()
	l, err := log.Open(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return l
}

// step is where the parts of the log that are passed in may fail.
func (w *world) step(name string) {
	w.mu.Lock()
	do := w.at[name]
	delete(w.at, name)
	w.mu.Unlock()
	if do != nil {
		do()
	}
}

// once has something done at the next time that a step is reached.
func (w *world) once(step string, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[step] = do
}

// pend commits entries that are to be logged.
func (w *world) pend(n int) {
	w.Helper()
	w.mu.Lock()
	first := w.added
	w.added += n
	w.mu.Unlock()
	err := w.db.Tx(w.Context(), func(tx *store.Tx) error {
		for id := first; id < first+n; id++ {
			if _, err := tx.Exec(w.Context(), `INSERT INTO pending (id, entry, position) VALUES ($1, $2, -1)`, id, fmt.Appendf(nil, "INSERT %d", id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Error(err)
	}
}

func (w *world) seal() int64 {
	w.Helper()
	n, err := w.log.Seal(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *world) checkpoint() log.Checkpoint {
	w.Helper()
	c, err := w.log.Checkpoint(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) entries() [][]byte {
	w.Helper()
	entries, err := w.log.Entries(w.Context(), 0, 1<<30)
	if err != nil {
		w.Fatal(err)
	}
	return entries
}

// signer signs as x/mod does and remembers what it was asked to sign.
type signer struct {
	note.Signer
	step   func(string)
	before func(tformat.Checkpoint) // looks at what must be true before a signature
	mu     sync.Mutex               // guards the rest
	signed map[uint64]string
	forks  []string
}

func newSigner(t testing.TB, name string) (*signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(randReader{}, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{Signer: s, step: func(string) {}, before: func(tformat.Checkpoint) {}, signed: map[uint64]string{}}, v
}

type randReader struct{}

func (randReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return len(p), nil
}

func (s *signer) Sign(msg []byte) ([]byte, error) {
	s.step("sign")
	var c tformat.Checkpoint
	if _, err := c.Unmarshal(msg); err != nil {
		return nil, err
	}
	s.before(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, signed := s.signed[c.Size]; signed && before != string(msg) {
		s.forks = append(s.forks, before+string(msg))
	}
	s.signed[c.Size] = string(msg)
	return s.Signer.Sign(msg)
}

// guard is a Guard with steps before and after.
type guard struct {
	log.Guard
	step func(string)
}

func (g guard) Highest(ctx context.Context) (tlog.Tree, error) {
	g.step("guard asked")
	return g.Guard.Highest(ctx)
}

func (g guard) Signed(ctx context.Context, t tlog.Tree) error {
	g.step("guard")
	err := g.Guard.Signed(ctx, t)
	g.step("guarded")
	return err
}

// memoryGuard forgets with its process.
type memoryGuard struct{ highest tlog.Tree }

func (g *memoryGuard) Highest(context.Context) (tlog.Tree, error) { return g.highest, nil }

func (g *memoryGuard) Signed(_ context.Context, t tlog.Tree) error {
	g.highest = t
	return nil
}

// source reads the table of pending entries.
type source struct{ *world }

func (s source) Next(ctx context.Context, limit int) (b log.Batch, err error) {
	s.step("next")
	rows, err := s.db.Query(ctx, `SELECT id, entry FROM pending WHERE position = -1 ORDER BY id LIMIT $1`, limit)
	if err != nil {
		return b, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		var entry []byte
		if err := rows.Scan(&id, &entry); err != nil {
			return b, err
		}
		ids, b.Entries = append(ids, id), append(b.Entries, entry)
	}
	b.Logged = func(ctx context.Context, tx *store.Tx, first int64) error {
		for i, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE pending SET position = $2 WHERE id = $1`, id, first+int64(i)); err != nil {
				return err
			}
		}
		s.step("logged")
		return s.cannotMark
	}
	return b, rows.Err()
}

// format knows entries that begin with the words CONFIG, INSERT and EPOCH.
type format struct{ step func(string) }

func (format) Config(entry []byte, origin string) error {
	if string(entry) != "CONFIG "+origin {
		return errors.New("no CONFIG")
	}
	return nil
}

func (f format) Epoch(entry []byte) (log.Epoch, error) {
	f.step("epoch")
	rest, found := strings.CutPrefix(string(entry), "EPOCH ")
	if !found || len(rest) != 16+sha256.Size {
		return log.Epoch{}, errors.New("no EPOCH")
	}
	return log.Epoch{Position: int64(binary.BigEndian.Uint64([]byte(rest[8:]))), Time: time.UnixMilli(int64(binary.BigEndian.Uint64([]byte(rest))))}, nil
}

// keys are those of a log that has one CONFIG.
type keys struct {
	config  string
	signers []note.Signer
}

func (k *keys) Config(_ context.Context, newest []byte, _ int64) ([]byte, error) {
	if newest != nil {
		return nil, nil
	}
	return []byte(k.config), nil
}

func (k *keys) Signers(_ context.Context, config []byte) ([]note.Signer, error) {
	if string(config) != k.config {
		return nil, fmt.Errorf("the newest CONFIG is %q", config)
	}
	return k.signers, nil
}

func (k *keys) Began(_ context.Context, first []byte) (bool, error) {
	return string(first) == k.config, nil
}

// fakeMap is a Map whose root is a hash of all entries so far, in their order.
type fakeMap struct {
	step func(string)
	// lie makes another EPOCH of the right one.
	lie func(epoch []byte) []byte

	size int64
	root [sha256.Size]byte
	seen map[string]bool
	ms   int64

	config []byte
}

func newMap(step func(string)) *fakeMap {
	return &fakeMap{step: step, seen: map[string]bool{}, lie: func(epoch []byte) []byte { return epoch }}
}

func (m *fakeMap) Size() int64 { return m.size }

func (m *fakeMap) Config() []byte { return m.config }

func (m *fakeMap) with(root [sha256.Size]byte, entry []byte) [sha256.Size]byte {
	return sha256.Sum256(append(root[:], entry...))
}

func (m *fakeMap) Seal(entries [][]byte, at time.Time) ([]byte, func(), error) {
	m.step("seal")
	root := m.root
	for _, e := range entries {
		if m.seen[string(e)] {
			return nil, nil, fmt.Errorf("%s twice", e)
		}
		root = m.with(root, e)
	}
	epoch := binary.BigEndian.AppendUint64([]byte("EPOCH "), uint64(at.UnixMilli()))
	epoch = binary.BigEndian.AppendUint64(epoch, uint64(m.size)+uint64(len(entries)))
	epoch = m.lie(append(epoch, root[:]...))
	all := append(entries[:len(entries):len(entries)], epoch)
	return epoch, func() {
		m.step("adopt")
		if err := m.Follow(all); err != nil {
			panic(err)
		}
	}, nil
}

func (m *fakeMap) Follow(entries [][]byte) error {
	for _, e := range entries {
		if !strings.HasPrefix(string(e), "EPOCH ") {
			if m.seen[string(e)] {
				return fmt.Errorf("I2: %s twice", e)
			}
			m.seen[string(e)] = true
			if strings.HasPrefix(string(e), "CONFIG ") {
				m.config = e
			}
			m.root = m.with(m.root, e)
			m.size++
			continue
		}
		ms := int64(binary.BigEndian.Uint64(e[6:]))
		if string(e[22:]) != string(m.root[:]) || ms < m.ms {
			return errors.New("I3 or I4")
		}
		m.ms = ms
		m.size++
	}
	return nil
}
