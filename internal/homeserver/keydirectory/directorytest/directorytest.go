// Package directorytest is a key directory in memory, with real logs and real proofs, for tests
// of who believes one: it can be made to lie.
package directorytest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	"signet/keys/proof"
	"signet/keys/proof/prooftest"
	"signet/keys/value"
	"signet/keys/vrf"
)

// Directory is the key directory of an identity server. It is safe for concurrent use.
type Directory struct {
	testing.TB
	Name matrix.ServerName
	Now  func() time.Time
	// Fetch, if set, is told of each query for the keys of a server before it is answered, so
	// that it can log what the server says.
	Fetch func(idclient.KeyQuery)

	mu       sync.Mutex // guards what follows
	users    *prooftest.Log
	servers  *prooftest.Log
	vrf      *vrf.PrivateKey
	signing  matrix.SigningKey
	keys     map[matrix.KeyID]proof.Hash // by which it signs values, or did
	versions map[string][]version
	records  map[matrix.ServerName][]record
	fail     error
	alter    func(answer []byte) []byte
	asked    int
}

// version is what the server keeps of a version.
type version struct {
	opening    entry.Opening
	value      []byte
	commitment entry.Commitment
}

// New makes a directory whose secrets come from a seed: two of one name and seed are one server
// that shows two logs.
func New(t testing.TB, name matrix.ServerName, seed string, now func() time.Time) *Directory {
	t.Helper()
	d := &Directory{TB: t, Name: name, Now: now, keys: map[matrix.KeyID]proof.Hash{}, versions: map[string][]version{}, records: map[matrix.ServerName][]record{}}
	d.sign(matrix.SigningKey{ID: "ed25519:0", Private: secret(seed + "server")})
	var err error
	if d.vrf, err = vrf.NewPrivateKey(secret(seed + "vrf").Seed()); err != nil {
		t.Fatal(err)
	}
	d.users = prooftest.New(t, name.String()+"/users", secret(seed+"users"), base64.RawStdEncoding.EncodeToString(d.vrf.Public().Bytes()))
	d.servers = prooftest.New(t, name.String()+"/servers", secret(seed+"servers"), "")
	d.users.Seal(now())
	d.servers.Seal(now())
	return d
}

func secret(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Server is where the directory is.
func (d *Directory) Server() idclient.Server { return idclient.Server{Name: d.Name} }

// Fail has all questions end in an error from now on; nil ends that.
func (d *Directory) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

// Alter has all answers changed on their way from now on; nil ends that.
func (d *Directory) Alter(answer func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alter = answer
}

// Asked is how many questions there were.
func (d *Directory) Asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

// answer is what an honest answer becomes.
func (d *Directory) answer(honest func() []byte) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.fail != nil {
		return nil, d.fail
	}
	b := honest()
	if d.alter != nil {
		b = d.alter(b)
	}
	return b, nil
}

// Config is the trust root.
func (d *Directory) Config() proof.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config()
}

func (d *Directory) config() proof.Config {
	return proof.Config{Server: d.Name, Users: proof.NewLogConfig(d.users.State.Configs()), Servers: proof.NewLogConfig(d.servers.State.Configs()),
		VRF: proof.Hash(d.vrf.Public().Bytes()), Keys: maps.Clone(d.keys)}
}

// KeyConfig answers as idclient.Client does.
func (d *Directory) KeyConfig(context.Context, idclient.Server) ([]byte, error) {
	return d.answer(func() []byte { return d.marshal(d.config()) })
}

// LookupKeys answers as idclient.Client does.
func (d *Directory) LookupKeys(_ context.Context, _ idclient.Server, label string, lastSize int64) ([]byte, error) {
	return d.answer(func() []byte { return d.marshal(d.lookup(label, lastSize)) })
}

func (d *Directory) lookup(label string, seen int64) *proof.Lookup {
	epoch, _ := d.users.State.Newest()
	rung := func(v uint32) proof.Rung {
		pi, output := d.vrf.Prove(d.label(label).VRFInput(v))
		var c entry.Commitment
		if int(v) < len(d.versions[label]) {
			c = d.versions[label][v].commitment
		}
		return proof.NewRung(v, pi, epoch.Tree.Prove(prefixtree.Index(entry.IndexOf(output))), c)
	}
	newest := len(d.versions[label]) - 1
	if newest < 0 {
		return proof.NewAbsence(d.users.Anchor(seen), rung(0))
	}
	var rungs []proof.Rung
	for _, v := range ladder.Versions(uint32(newest)) {
		rungs = append(rungs, rung(v))
	}
	v := d.versions[label][newest]
	return proof.NewLookup(d.users.Anchor(seen), uint32(newest), rungs, v.opening, v.value)
}

func (d *Directory) label(text string) entry.Label {
	l, err := entry.ParseLabel(text)
	if err != nil {
		d.Fatal(err)
	}
	return l
}

func (d *Directory) marshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		d.Fatal(err)
	}
	return b
}

// Publish logs and seals a value as the label's next version.
func (d *Directory) Publish(label string, object []byte) {
	d.Helper()
	canonical, err := value.Canonical(object)
	if err != nil {
		d.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	next := uint32(len(d.versions[label]))
	v := version{value: canonical, opening: entry.Opening{byte(next), byte(len(label)), 7}}
	v.commitment = entry.Commit(v.opening, d.label(label), next, canonical)
	index := entry.IndexOf(d.vrf.Output(d.label(label).VRFInput(next)))
	d.versions[label] = append(d.versions[label], v)
	d.users.Seal(d.Now(), entry.Insert{Index: index, Commitment: v.commitment}.Append(nil))
}

// Person publishes the keys of a user: a master key made of a name, which signs itself.
func (d *Directory) Person(user matrix.UserID, key string) {
	d.Helper()
	d.PersonUntil(user, key, time.Time{})
}

// PersonUntil is Person with keys that hold until a time, if that is not zero.
func (d *Directory) PersonUntil(user matrix.UserID, key string, until time.Time) {
	d.Helper()
	label := "mxid:" + user.String()
	d.mu.Lock()
	before, signing := d.versions[label], d.signing
	d.mu.Unlock()
	o := map[string]any{"type": "im.signet.keys.user.v1", "label": label, "version": len(before), "mxid": user,
		"keys": map[string]any{"ed25519:master": Public(key)}, "not_before": d.Now().Add(-time.Hour).UnixMilli()}
	if !until.IsZero() {
		o["not_after"] = until.UnixMilli()
	}
	if n := len(before); n > 0 {
		sum := sha256.Sum256(before[n-1].value)
		o["prev"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	self := base64.RawStdEncoding.EncodeToString(ed25519.Sign(secret(key), d.marshal(o)))
	o["auth"] = map[string]any{"how": "token", "ts": d.Now().UnixMilli()}
	o["signatures"] = map[string]any{"self": map[string]any{"ed25519:master": self}}
	signed, err := signing.Sign(d.Name, d.marshal(o))
	if err != nil {
		d.Fatal(err)
	}
	d.Publish(label, signed)
}

// Key is the public key of a name.
func Key(key string) string { return string(secret(key).Public().(ed25519.PublicKey)) }

// Public is Key in base64.
func Public(key string) string { return base64.RawStdEncoding.EncodeToString([]byte(Key(key))) }

// Seal seals both logs, as an identity server does now and then.
func (d *Directory) Seal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users.Seal(d.Now())
	d.servers.Seal(d.Now())
}

// Rotate has both logs signed by other keys: the keys before vouch for them, and sign no more.
func (d *Directory) Rotate(seed string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users.Rotate(secret(seed+"users"), d.Now())
	d.servers.Rotate(secret(seed+"servers"), d.Now())
}

// SignBy has values be signed by another key from now on, which the trust root has, and for which
// nobody vouches.
func (d *Directory) SignBy(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sign(matrix.SigningKey{ID: matrix.KeyID("ed25519:" + name), Private: secret(name + "server")})
}

func (d *Directory) sign(key matrix.SigningKey) {
	d.signing, d.keys[key.ID] = key, proof.Hash(key.Public())
}

// RotateValues has values be signed by another key from now on, which a CONFIG names.
func (d *Directory) RotateValues(name string) {
	d.SignBy(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users.Name(value.ServerKeys{d.signing.ID: d.signing.Public()}, d.Now())
}
