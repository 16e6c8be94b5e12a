// Package prooftest is a log of keys in memory, with real proofs, for tests of who verifies them.
package prooftest

import (
	"crypto/ed25519"
	"encoding/binary"
	"testing"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	keylog "signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/proof"
	"signet/keys/replay"
	"signet/keys/value"
)

// Log is a log in memory. It is for one goroutine at a time.
type Log struct {
	testing.TB
	State   *replay.State
	origin  string
	signer  note.Signer
	vkey    string
	hashes  []tlog.Hash
	entries [][]byte
}

// New makes a log, of which its first CONFIG is sealed. The VRF's key is in base64, empty for a
// log of records.
func New(t testing.TB, origin string, key ed25519.PrivateKey, vrf string) *Log {
	t.Helper()
	contents := replay.Inserts
	if vrf == "" {
		contents = replay.Records
	}
	l := &Log{TB: t, origin: origin, State: replay.New(contents, origin)}
	l.take(key)
	first, err := logkeys.First(origin, []string{l.vkey}, vrf, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Seal(time.UnixMilli(0), first.Entry().Append(nil))
	return l
}

func (l *Log) take(key ed25519.PrivateKey) {
	var err error
	if l.signer, l.vkey, err = keylog.NewSigner(l.origin, key); err != nil {
		l.Fatal(err)
	}
}

// Rotate has another key sign from now on, for which the one before vouches.
func (l *Log) Rotate(key ed25519.PrivateKey, now time.Time) {
	signers := map[string]note.Signer{l.vkey: l.signer}
	l.take(key)
	signers[l.vkey] = l.signer
	l.change(logkeys.Change{VKeys: []string{l.vkey}, Signers: signers}, now)
}

// Name has a CONFIG name keys by which the server signs values from now on.
func (l *Log) Name(values value.ServerKeys, now time.Time) {
	l.change(logkeys.Change{VKeys: []string{l.vkey}, Values: values, Signers: map[string]note.Signer{l.vkey: l.signer}}, now)
}

func (l *Log) change(c logkeys.Change, now time.Time) {
	configs := l.State.Configs()
	next, err := configs[len(configs)-1].Next(c)
	if err != nil {
		l.Fatal(err)
	}
	l.Seal(now, next.Entry().Append(nil))
}

// Seal appends entries and an EPOCH, and returns the position of the first.
func (l *Log) Seal(now time.Time, entries ...[]byte) (first int64) {
	first = l.Size()
	epoch, adopt, err := l.State.Seal(entries, now)
	if err != nil {
		l.Fatal(err)
	}
	for _, e := range append(entries, epoch) {
		hashes, err := tlog.StoredHashes(l.Size(), e, l)
		if err != nil {
			l.Fatal(err)
		}
		l.hashes, l.entries = append(l.hashes, hashes...), append(l.entries, e)
	}
	adopt()
	return first
}

// Size is how many entries there are.
func (l *Log) Size() int64 { return int64(len(l.entries)) }

// ReadHashes is tlog.HashReader's.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(l.hashes)) {
			return nil, proof.ErrMissing
		}
		read[i] = l.hashes[at]
	}
	return read, nil
}

// Tree is that of the first entries.
func (l *Log) Tree(size int64) tlog.Tree {
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		l.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: root}
}

// Checkpoint is of the newest tree.
func (l *Log) Checkpoint() []byte { return l.CheckpointOf(l.Tree(l.Size())) }

// CheckpointOf is of any tree, one of another log too.
func (l *Log) CheckpointOf(t tlog.Tree) []byte {
	text := tformat.Checkpoint{Origin: l.origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, l.signer)
	if err != nil {
		l.Fatal(err)
	}
	return signed
}

// Anchor is of the newest tree, for who has seen a size, 0 for none.
func (l *Log) Anchor(seen int64) proof.Anchor {
	epoch, _ := l.State.Newest()
	size := l.Size()
	included, err := tlog.ProveRecord(size, size-1, l)
	if err != nil {
		l.Fatal(err)
	}
	var consistency tlog.TreeProof
	if 0 < seen && seen < size {
		if consistency, err = tlog.ProveTree(size, seen, l); err != nil {
			l.Fatal(err)
		}
	}
	return proof.NewAnchor(l.Checkpoint(), epoch.Epoch, included, consistency)
}

// Prove is the C2SP tlog-proof that an entry stands at a position of the newest tree.
func (l *Log) Prove(position int64) []byte {
	path, err := tlog.ProveRecord(l.Size(), position, l)
	if err != nil {
		l.Fatal(err)
	}
	return keylog.FormatProof(position, path, l.entries[position], l.Checkpoint())
}

// Tile is what stands under a path of C2SP tlog-tiles.
func (l *Log) Tile(path string) ([]byte, error) {
	t, err := keylog.ParsePath(path)
	if err != nil {
		return nil, err
	}
	if t.L >= 0 {
		return tlog.ReadTileData(t, l)
	}
	if t.N*256+int64(t.W) > l.Size() {
		return nil, proof.ErrMissing
	}
	var b []byte
	for _, e := range l.entries[t.N*256 : t.N*256+int64(t.W)] {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b, nil
}
