package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	tformat "github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/proof"
	"signet/keys/replay"
	"signet/keys/value"
	"signet/keys/vrf"
)

const serverName matrix.ServerName = "id.example.org"

const (
	origin = "id.example.org/users"
	alice  = "email:alice@example.com"
	bob    = "email:bob@example.com"
	nobody = "email:nobody@example.com"
)

var start = time.UnixMilli(1_763_700_000_000)

// world is a log of people in memory, and all that its server knows.
type world struct {
	testing.TB
	now       time.Time
	log       *signer
	witnesses []*signer
	vrf       *vrf.PrivateKey
	server    matrix.SigningKey

	state    *replay.State
	hashes   []tlog.Hash
	pending  [][]byte
	versions map[string][]version
}

// version is what the server keeps of a version.
type version struct {
	opening    entry.Opening
	value      []byte
	commitment entry.Commitment
	position   int64
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, now: start, state: replay.New(replay.Inserts, origin), versions: map[string][]version{}}
	w.log = newSigner(t, origin, "log", nil)
	for i := range 3 {
		w.witnesses = append(w.witnesses, newSigner(t, fmt.Sprintf("witness%d.example", i), "witness", &w.now))
	}
	w.server = matrix.SigningKey{ID: "ed25519:0", Private: secret("server")}
	var err error
	if w.vrf, err = vrf.NewPrivateKey(secret("vrf").Seed()); err != nil {
		t.Fatal(err)
	}
	config, err := entry.NewConfig([]byte(`{"origin":"` + origin + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	w.pending = append(w.pending, config.Append(nil))
	return w
}

func secret(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(name string) string {
	return base64.RawStdEncoding.EncodeToString(secret(name).Public().(ed25519.PublicKey))
}

// signer signs notes; with a clock, as a witness (C2SP tlog-cosignature).
type signer struct {
	note.Verifier
	vkey    string
	private ed25519.PrivateKey
	clock   *time.Time
}

func newSigner(t testing.TB, name, seed string, clock *time.Time) *signer {
	t.Helper()
	s := &signer{private: secret(seed + name), clock: clock}
	vkey, err := note.NewEd25519VerifierKey(name, s.private.Public().(ed25519.PublicKey))
	if err == nil && clock == nil {
		s.Verifier, err = note.NewVerifier(vkey)
	}
	if err == nil && clock != nil {
		if vkey, err = cosignature.VKeyToCosignatureV1(vkey); err == nil {
			s.Verifier, err = cosignature.NewVerifierForCosignatureV1(vkey)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.vkey = vkey
	return s
}

func (s *signer) Sign(text []byte) ([]byte, error) {
	if s.clock == nil {
		return ed25519.Sign(s.private, text), nil
	}
	at := s.clock.Unix()
	signature := binary.BigEndian.AppendUint64(nil, uint64(at))
	return append(signature, ed25519.Sign(s.private, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...), nil
}

func (w *world) label(text string) entry.Label {
	w.Helper()
	l, err := entry.ParseLabel(text)
	if err != nil {
		w.Fatal(err)
	}
	return l
}

// publish has a value logged at the next seal as the label's next version.
func (w *world) publish(label string, object []byte) {
	w.Helper()
	v := version{value: object, opening: entry.Opening{byte(len(w.versions[label])), byte(len(label)), 7}}
	v.commitment = entry.Commit(v.opening, w.label(label), uint32(len(w.versions[label])), object)
	w.insert(label, v)
}

func (w *world) insert(label string, v version) {
	w.Helper()
	next := uint32(len(w.versions[label]))
	index := entry.IndexOf(w.vrf.Output(w.label(label).VRFInput(next)))
	v.position = w.state.Size() + int64(len(w.pending))
	w.pending = append(w.pending, entry.Insert{Index: index, Commitment: v.commitment}.Append(nil))
	w.versions[label] = append(w.versions[label], v)
}

// seal appends what is pending and an EPOCH.
func (w *world) seal() {
	w.Helper()
	epoch, adopt, err := w.state.Seal(w.pending, w.now)
	if err != nil {
		w.Fatal(err)
	}
	first := w.state.Size()
	for i, e := range append(w.pending, epoch) {
		hashes, err := tlog.StoredHashes(first+int64(i), e, w.reader())
		if err != nil {
			w.Fatal(err)
		}
		w.hashes = append(w.hashes, hashes...)
	}
	adopt()
	w.pending = nil
}

func (w *world) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		read := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			read[i] = w.hashes[at]
		}
		return read, nil
	})
}

func (w *world) head() tlog.Tree { return w.headAt(w.state.Size()) }

func (w *world) headAt(size int64) tlog.Tree {
	w.Helper()
	h, err := tlog.TreeHash(size, w.reader())
	if err != nil {
		w.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: h}
}

// note is the checkpoint of a tree, signed by the log and all witnesses.
func (w *world) note(t tlog.Tree) []byte {
	signers := []note.Signer{w.log}
	for _, s := range w.witnesses {
		signers = append(signers, s)
	}
	return w.sign(string(tformat.Checkpoint{Origin: origin, Size: uint64(t.N), Hash: t.Hash[:]}.Marshal()), signers...)
}

func (w *world) sign(text string, signers ...note.Signer) []byte {
	w.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		w.Fatal(err)
	}
	return signed
}

// anchor is of the newest head, for who has seen a size, 0 for none.
func (w *world) anchor(seen int64) proof.Anchor {
	w.Helper()
	epoch, _ := w.state.Newest()
	size := w.state.Size()
	included, err := tlog.ProveRecord(size, size-1, w.reader())
	if err != nil {
		w.Fatal(err)
	}
	var consistency tlog.TreeProof
	if 0 < seen && seen < size {
		if consistency, err = tlog.ProveTree(size, seen, w.reader()); err != nil {
			w.Fatal(err)
		}
	}
	return proof.NewAnchor(w.note(w.head()), epoch.Epoch, included, consistency)
}

func (w *world) rung(label string, v uint32) proof.Rung {
	w.Helper()
	pi, output := w.vrf.Prove(w.label(label).VRFInput(v))
	epoch, _ := w.state.Newest()
	var c entry.Commitment
	if int(v) < len(w.versions[label]) {
		c = w.versions[label][v].commitment
	}
	return proof.NewRung(v, pi, epoch.Tree.Prove(prefixtree.Index(entry.IndexOf(output))), c)
}

// claim proves that a version is the newest, which it need not be.
func (w *world) claim(label string, n uint32, seen int64) *proof.Lookup {
	w.Helper()
	var rungs []proof.Rung
	for _, v := range ladder.Versions(n) {
		rungs = append(rungs, w.rung(label, v))
	}
	v := w.versions[label][n]
	return proof.NewLookup(w.anchor(seen), n, rungs, v.opening, v.value)
}

// lookup is what an honest server answers.
func (w *world) lookup(label string, seen int64) *proof.Lookup {
	w.Helper()
	if len(w.versions[label]) == 0 {
		return proof.NewAbsence(w.anchor(seen), w.rung(label, 0))
	}
	return w.claim(label, uint32(len(w.versions[label])-1), seen)
}

func (w *world) policy() proof.Policy {
	p := proof.Policy{Origin: origin, LogKeys: []note.Verifier{w.log}, Needed: 3, VRF: w.vrf.Public(), Server: serverName,
		ServerKeys: value.ServerKeys{w.server.ID: w.server.Public()}}
	for _, s := range w.witnesses {
		p.Witnesses = append(p.Witnesses, s.Verifier)
	}
	return p
}

// object is JSON in the making.
type object map[string]any

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// person is the next value of a label: a master key of that name, signed by itself, by the
// named one before it if that is not empty, and by the server.
func (w *world) person(label, key, before string) []byte {
	w.Helper()
	return w.edited(label, key, before, func(object) {})
}

// edited is person with a change before anybody signs.
func (w *world) edited(label, key, before string, edit func(object)) []byte {
	w.Helper()
	n := len(w.versions[label])
	o := object{"type": "im.signet.keys.user.v1", "label": label, "version": n, "mxid": "@alice:example.com",
		"keys":       object{"ed25519:master": publicOf(key), "ed25519:self_signing": publicOf(key + "2"), "curve25519:PHONE": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"not_before": start.Add(-time.Hour).UnixMilli(), "not_after": start.Add(24 * time.Hour).UnixMilli()}
	if n > 0 {
		sum := sha256.Sum256(w.versions[label][n-1].value)
		o["prev"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	edit(o)
	text := marshal(w, o)
	by := func(name string) string {
		return base64.RawStdEncoding.EncodeToString(ed25519.Sign(secret(name), text))
	}
	signatures := object{"self": object{"ed25519:master": by(key), "ed25519:self_signing": by(key + "2")}}
	o["auth"] = object{"how": "session", "ts": start.UnixMilli()}
	if before != "" {
		signatures["prev"] = object{"ed25519:master": by(before)}
		o["auth"] = object{"how": "prev-key", "ts": start.UnixMilli()}
	}
	o["signatures"] = signatures
	signed, err := w.server.Sign(serverName, marshal(w, o))
	if err != nil {
		w.Fatal(err)
	}
	return signed
}

// populated is a log of three epochs in which alice has three versions, bob one, and
// nobody none. The head after the first epoch is returned too.
func populated(t testing.TB) (*world, tlog.Tree) {
	t.Helper()
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(bob, w.person(bob, "b0", ""))
	w.seal()
	seen := w.head()
	w.publish(alice, w.person(alice, "a1", "a0"))
	for i := range 9 {
		stranger := fmt.Sprintf("email:stranger%d@example.com", i)
		w.publish(stranger, w.person(stranger, stranger, ""))
	}
	w.seal()
	w.publish(alice, w.person(alice, "a2", "a1"))
	w.seal()
	return w, seen
}

// clone is a deep copy, by way of the wire.
func clone(t testing.TB, l *proof.Lookup) *proof.Lookup {
	t.Helper()
	c, err := proof.Parse(marshal(t, l))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
