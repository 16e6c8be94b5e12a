package directorytest

import (
	"crypto/ed25519"
	"testing"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	keylog "signet/keys/log"
	"signet/keys/logkeys"
	"signet/keys/proof"
	"signet/keys/replay"
)

// log is a log in memory.
type log struct {
	testing.TB
	origin  string
	signer  note.Signer
	vkey    string
	state   *replay.State
	hashes  []tlog.Hash
	entries [][]byte
}

// newLog has its first CONFIG, which is sealed with what comes next.
func newLog(t testing.TB, origin string, key ed25519.PrivateKey, vrf string) *log {
	t.Helper()
	contents := replay.Inserts
	if vrf == "" {
		contents = replay.Records
	}
	l := &log{TB: t, origin: origin, state: replay.New(contents, origin)}
	l.take(key)
	first, err := logkeys.First(origin, []string{l.vkey}, vrf)
	if err != nil {
		t.Fatal(err)
	}
	l.seal(time.UnixMilli(0), first.Entry().Append(nil))
	return l
}

func (l *log) take(key ed25519.PrivateKey) {
	var err error
	if l.signer, l.vkey, err = keylog.NewSigner(l.origin, key); err != nil {
		l.Fatal(err)
	}
}

func (l *log) rotate(key ed25519.PrivateKey, now time.Time) {
	before := map[string]note.Signer{l.vkey: l.signer}
	l.take(key)
	before[l.vkey] = l.signer
	configs := l.state.Configs()
	next, err := configs[len(configs)-1].Next(logkeys.Change{VKeys: []string{l.vkey}, Signers: before})
	if err != nil {
		l.Fatal(err)
	}
	l.seal(now, next.Entry().Append(nil))
}

// seal appends entries and an EPOCH.
func (l *log) seal(now time.Time, entries ...[]byte) {
	epoch, adopt, err := l.state.Seal(entries, now)
	if err != nil {
		l.Fatal(err)
	}
	for _, e := range append(entries, epoch) {
		hashes, err := tlog.StoredHashes(int64(len(l.entries)), e, l)
		if err != nil {
			l.Fatal(err)
		}
		l.hashes, l.entries = append(l.hashes, hashes...), append(l.entries, e)
	}
	adopt()
}

// ReadHashes is tlog.HashReader's.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		read[i] = l.hashes[at]
	}
	return read, nil
}

// checkpoint is of the newest tree.
func (l *log) checkpoint() []byte {
	size := int64(len(l.entries))
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		l.Fatal(err)
	}
	text := tformat.Checkpoint{Origin: l.origin, Size: uint64(size), Hash: root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(text)}, l.signer)
	if err != nil {
		l.Fatal(err)
	}
	return signed
}

// anchor is of the newest tree, for who has seen a size, 0 for none.
func (l *log) anchor(seen int64) proof.Anchor {
	epoch, _ := l.state.Newest()
	size := int64(len(l.entries))
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
	return proof.NewAnchor(l.checkpoint(), epoch.Epoch, included, consistency)
}
