// Package audittest makes logs for tests of those who read them: honest ones, and any other.
// It makes the tiles with golang.org/x/mod/sumdb/tlog and the root with
// transparency-dev/merkle, and with nothing that it is to test.
package audittest

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/audit"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/replay"
)

// Log is a log of people's keys. Its Entries may be changed into what none should have.
type Log struct {
	testing.TB
	Origin  string
	VKey    string // verifier key of Signer
	Signer  note.Signer
	Beside  []note.Signer // sign checkpoints, too
	Entries [][]byte

	state  *replay.State
	random *rand.ChaCha8
	now    time.Time
}

// New is a log that has nothing but its CONFIG, in no epoch yet.
func New(tb testing.TB, origin string) *Log {
	tb.Helper()
	l := &Log{TB: tb, Origin: origin, state: replay.New(replay.Inserts, origin), random: rand.NewChaCha8([32]byte{1}), now: time.UnixMilli(1_700_000_000_000)}
	l.Signer, l.VKey = NewKey(tb, origin, 1)
	return l
}

// NewKey is a key of that name, another for each seed.
func NewKey(tb testing.TB, name string, seed byte) (s note.Signer, vkey string) {
	skey, vkey, err := note.GenerateKey(rand.NewChaCha8([32]byte{seed}), name)
	if err != nil {
		tb.Fatal(err)
	}
	if s, err = note.NewSigner(skey); err != nil {
		tb.Fatal(err)
	}
	return s, vkey
}

// Config is the CONFIG of a log of that origin.
func Config(tb testing.TB, origin string) []byte {
	c, err := entry.NewConfig([]byte(`{"origin":"` + origin + `"}`))
	if err != nil {
		tb.Fatal(err)
	}
	return c.Append(nil)
}

// Insert is an INSERT of random octets.
func (l *Log) Insert() []byte {
	e := make([]byte, entry.InsertLen)
	l.random.Read(e)
	e[0] = 1
	return e
}

// Epoch appends that many INSERTs and the EPOCH after them, a second later.
func (l *Log) Epoch(inserts int) {
	l.Helper()
	var entries [][]byte
	if len(l.Entries) == 0 {
		entries = append(entries, Config(l, l.Origin))
	}
	for range inserts {
		entries = append(entries, l.Insert())
	}
	l.Seal(entries...)
}

// Seal appends entries and the EPOCH after them, a second later.
func (l *Log) Seal(entries ...[]byte) {
	l.Helper()
	l.now = l.now.Add(time.Second)
	epoch, adopt, err := l.state.Seal(entries, l.now)
	if err != nil {
		l.Fatal(err)
	}
	adopt()
	l.Entries = append(append(l.Entries, entries...), epoch)
}

// Force appends entries that have no place in the log, and an EPOCH as if they were not there.
func (l *Log) Force(entries ...[]byte) {
	l.Helper()
	last, err := entry.Parse(l.Entries[len(l.Entries)-1])
	if err != nil {
		l.Fatal(err)
	}
	l.Entries = append(l.Entries, entries...)
	epoch := last.(entry.Epoch)
	epoch.Position = int64(len(l.Entries))
	l.Entries = append(l.Entries, epoch.Append(nil))
}

// Verifier is of the log's signature.
func (l *Log) Verifier() note.Verifier {
	v, err := note.NewVerifier(l.VKey)
	if err != nil {
		l.Fatal(err)
	}
	return v
}

// Sign signs a checkpoint.
func (l *Log) Sign(origin string, size int, root []byte) []byte {
	signed, err := note.Sign(&note.Note{Text: string(tformat.Checkpoint{Origin: origin, Size: uint64(size), Hash: root}.Marshal())}, append([]note.Signer{l.Signer}, l.Beside...)...)
	if err != nil {
		l.Fatal(err)
	}
	return signed
}

// Root is the root of a tree of entries.
func Root(tb testing.TB, entries [][]byte) []byte {
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, e := range entries {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(e), nil); err != nil {
			tb.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// Site is what a server has, by path.
type Site map[string][]byte

// Publish is a site of all entries.
func (l *Log) Publish() Site {
	l.Helper()
	s := Site{"checkpoint": l.Sign(l.Origin, len(l.Entries), Root(l, l.Entries))}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (hashes []tlog.Hash, err error) {
		for _, i := range indexes {
			hashes = append(hashes, stored[i])
		}
		return hashes, nil
	})
	for i, e := range l.Entries {
		hashes, err := tlog.StoredHashes(int64(i), e, reader)
		if err != nil {
			l.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	for _, t := range tlog.NewTiles(8, 0, int64(len(l.Entries))) {
		data, err := tlog.ReadTileData(t, reader)
		if err != nil {
			l.Fatal(err)
		}
		s[log.Path(t)] = data
		if t.L == 0 {
			t.L = -1
			s[log.Path(t)] = Bundle(l.Entries[t.N*256 : t.N*256+int64(t.W)])
		}
	}
	return s
}

// Bundle is a bundle of entries (C2SP tlog-tiles, "Log Entries").
func Bundle(entries [][]byte) (b []byte) {
	for _, e := range entries {
		b = binary.BigEndian.AppendUint16(b, uint16(len(e)))
		b = append(b, e...)
	}
	return b
}

// Fetch makes a site an audit.Source.
func (s Site) Fetch(_ context.Context, path string) ([]byte, error) {
	body, found := s[path]
	if !found {
		return nil, audit.ErrNotFound
	}
	return body, nil
}

// ServeHTTP makes a site a server.
func (s Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, found := s[strings.TrimPrefix(r.URL.Path, "/")]
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Write(body)
}

// Write puts a site into a directory.
func (s Site) Write(tb testing.TB, dir string) {
	tb.Helper()
	for path, body := range s {
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, body, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

// Flip is a copy of b with one bit changed.
func Flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 1
	return b
}
