package keeper_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/clocktest"
	"signet/internal/keyring"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/audit"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/format"
	"signet/keys/log/keeper"
	"signet/keys/logkeys"
	"signet/keys/prefixtree"
	"signet/keys/replay"
	"signet/keys/value"
)

const origin = "id.example.org/users"

// world is a log whose keys are in a key ring, and the replicas that have it.
type world struct {
	testing.TB
	db     *store.DB
	clock  *clocktest.Clock
	ring   *keyring.Ring // as the commands have it
	values *keyring.Ring // by which values are signed
	*replica

	opened int
	sizes  map[int64]string // each note that was seen, by its size

	mu     sync.Mutex // guards signed
	signed []matrix.KeyID
}

// replica is a process with the log.
type replica struct {
	log   *log.Log
	state *replay.State
	keys  *keeper.Keeper
	guard *guard
	clock time.Duration // how far its clock is ahead
}

func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "log"}, func(t *testing.T, db *store.DB) {
		w := &world{TB: t, db: db, clock: clocktest.New(), sizes: map[int64]string{}}
		rings, err := keyring.Open(t.Context(), keyring.Options{DB: db, Vault: sealtest.Vault(t, db, w.clock.Now), Now: w.clock.Now,
			Purposes: []keyring.Purpose{keyring.Association, keyring.UsersLog}})
		w.must(err)
		w.values, w.ring = rings[0], rings[1]
		w.replica = w.open(0)
		tell(w)
		w.check()
	})
}

// open is a process that starts, when the lease of the one before has ended.
func (w *world) open(ahead time.Duration) *replica {
	w.Helper()
	return w.openWith(ahead, w.values)
}

func (w *world) openWith(ahead time.Duration, values keeper.Values) *replica {
	w.Helper()
	w.clock.Advance(time.Minute)
	w.opened++
	now := func() time.Time { return w.clock.Now().Add(ahead) }
	r := &replica{state: replay.New(replay.Inserts, origin), keys: &keeper.Keeper{Origin: origin, VRF: "vrf", Ring: w.ring, Values: values, Now: now},
		guard: &guard{Guard: log.NewFileGuard(filepath.Join(w.TempDir(), fmt.Sprint("signed", w.opened)), origin)}, clock: ahead}
	var err error
	r.log, err = log.Open(w.Context(), log.Options{Name: "users", Origin: origin, DB: w.db, Now: now, Log: slog.New(slog.DiscardHandler), Source: source{w, r.state},
		Map: r.state, Format: format.Entries{}, Guard: r.guard, Keys: r.keys, Lease: 15 * time.Second})
	w.must(err)
	w.must(r.log.CheckConfig(w.Context()))
	return r
}

// sign makes a value, which waits from then on, by the key that signs now.
func (w *world) sign() matrix.KeyID {
	w.Helper()
	k, err := w.values.Current(w.Context())
	if err != nil {
		w.Error(err)
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signed = append(w.signed, k.ID)
	return k.ID
}

// source has the values that are signed and not in the log.
type source struct {
	*world
	state *replay.State
}

func (s source) Next(context.Context, int) (log.Batch, error) {
	b := log.Batch{Logged: func(context.Context, *store.Tx, int64) error { return nil }}
	newest, _ := s.state.Newest()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.signed {
		if _, logged := newest.Tree.Get(prefixtree.Index(indexOf(i))); !logged {
			b.Entries = append(b.Entries, entry.Insert{Index: indexOf(i)}.Append(nil))
		}
	}
	return b, nil
}

// indexOf is the index of a value that was signed.
func indexOf(i int) entry.Index { return entry.Index(sha256.Sum256([]byte(fmt.Sprint(i)))) }

// guard is one that fails as long as it is told to: what is committed is not signed.
type guard struct {
	log.Guard
	err error
}

func (g *guard) Signed(ctx context.Context, t tlog.Tree) error {
	if g.err != nil {
		return g.err
	}
	return g.Guard.Signed(ctx, t)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// seal lets some replica do a pass, a minute later, and looks at the note.
func (w *world) seal(r *replica) int64 {
	w.Helper()
	w.clock.Advance(time.Minute)
	n, err := r.log.Seal(w.Context())
	w.must(err)
	w.look(r)
	return n
}

// look holds what is published against what was before, and against the CONFIG that it covers.
func (w *world) look(r *replica) log.Checkpoint {
	w.Helper()
	c, err := r.log.Checkpoint(w.Context())
	w.must(err)
	if before, seen := w.sizes[c.N]; seen && before != string(c.Note) {
		w.Errorf("two notes of %d entries:\n%s%s", c.N, before, c.Note)
	}
	w.sizes[c.N] = string(c.Note)
	return c
}

// check holds every note that was ever seen against the newest CONFIG that it covers: all of
// its keys have signed, and nobody else. Each value stands behind a CONFIG that names its key.
func (w *world) check() {
	w.Helper()
	entries, err := w.log.Entries(w.Context(), 0, 1<<20)
	w.must(err)
	w.checkValues(entries)
	for size, signed := range w.sizes {
		s := replay.New(replay.Inserts, origin)
		w.must(s.Follow(entries[:size]))
		configs := s.Configs()
		vkeys := configs[len(configs)-1].VKeys
		n, err := note.Open([]byte(signed), note.VerifierList(verifiers(w, vkeys)...))
		if err != nil || len(n.Sigs) != len(vkeys) || len(n.UnverifiedSigs) != 0 {
			w.Errorf("the note of %d entries should be signed by %v: %v\n%s", size, vkeys, err, signed)
		}
	}
}

func (w *world) checkValues(entries [][]byte) {
	w.Helper()
	by := map[entry.Index]matrix.KeyID{}
	for i, id := range w.signed {
		by[indexOf(i)] = id
	}
	named := value.ServerKeys{}
	for i, e := range entries {
		parsed, err := entry.Parse(e)
		w.must(err)
		switch e := parsed.(type) {
		case entry.Config:
			c, err := logkeys.Parse(e, origin)
			w.must(err)
			maps.Copy(named, c.ValueKeys())
		case entry.Insert:
			if _, is := named[by[e.Index]]; !is {
				w.Errorf("the value at %d is signed by %s, which no CONFIG before names", i, by[e.Index])
			}
			delete(by, e.Index)
		}
	}
	if len(by) > 0 {
		w.Errorf("%d values are not in the log", len(by))
	}
}

func verifiers(w *world, vkeys []string) (all []note.Verifier) {
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		w.must(err)
		all = append(all, v)
	}
	return all
}

// current is the verifier key of the ring's current key.
func (w *world) current() (id keyring.Key, vkey string) {
	w.Helper()
	keys, err := w.ring.List(w.Context())
	w.must(err)
	vkey, err = note.NewEd25519VerifierKey(origin, keys[0].Public)
	w.must(err)
	return keys[0], vkey
}

func (w *world) rotate() (old keyring.Key, vkey string) {
	w.Helper()
	old, _ = w.current()
	_, err := w.ring.Rotate(w.Context())
	w.must(err)
	_, vkey = w.current()
	return old, vkey
}

// named are the keys that each CONFIG of the log names.
func (w *world) named() (all [][]string) {
	w.Helper()
	w.must(w.log.Follow(w.Context()))
	for _, c := range w.state.Configs() {
		all = append(all, c.VKeys)
	}
	return all
}

func (w *world) wantNamed(want ...[]string) {
	w.Helper()
	if got := w.named(); !slices.EqualFunc(got, want, slices.Equal) {
		w.Errorf("the CONFIGs name %v, want %v", got, want)
	}
}

// auditor is somebody who knows a key.
func (w *world) auditor(vkey string) *audit.Auditor {
	w.Helper()
	return audit.New(audit.Options{Source: w, Origin: origin, Verifier: verifiers(w, []string{vkey})[0], Contents: replay.Inserts})
}

func (w *world) holds(a *audit.Auditor) {
	w.Helper()
	if _, err := a.Audit(w.Context()); err != nil {
		w.Errorf("an audit: %v", err)
	}
}

// Fetch makes a world the audit.Source of its log.
func (w *world) Fetch(ctx context.Context, path string) ([]byte, error) {
	if path == "checkpoint" {
		c, err := w.log.Checkpoint(ctx)
		return c.Note, err
	}
	t, err := log.ParsePath(path)
	if err != nil {
		return nil, err
	}
	b, err := w.log.Tile(ctx, t)
	if errors.Is(err, log.ErrNotFound) {
		err = audit.ErrNotFound
	}
	return b, err
}

// opens tells whether somebody who knows one key alone believes the newest checkpoint.
func (w *world) opens(vkey string) bool {
	w.Helper()
	_, err := note.Open(w.look(w.replica).Note, note.VerifierList(verifiers(w, []string{vkey})...))
	return err == nil
}

// newest is the newest CONFIG.
func (w *world) newest() logkeys.Config {
	w.Helper()
	w.must(w.log.Follow(w.Context()))
	all := w.state.Configs()
	return all[len(all)-1]
}

func (w *world) hasPrivate(of keyring.Key) bool {
	w.Helper()
	_, err := w.ring.LogKey(w.Context(), of.Public)
	if err != nil && !errors.Is(err, keyring.ErrUnknownKey) {
		w.Fatal(err)
	}
	return err == nil
}

func privateOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
}

func octetsOf(c logkeys.Config) []byte { return c.Entry().Append(nil) }
