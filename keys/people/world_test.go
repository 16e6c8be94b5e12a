package people_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	tformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/log"
	"signet/keys/people"
	"signet/keys/prefixtree"
	"signet/keys/value"
	"signet/keys/vrf"
	"signet/lookup"
	"signet/verify"
	"signet/verify/verifytest"
)

const (
	alice = matrix.UserID("@alice:example.org")
	bob   = matrix.UserID("@bob:example.org")
	name  = matrix.ServerName("id.example.org")
)

// story is an identity server with its log of people's keys.
type story struct {
	testing.TB
	*verifytest.World
	server    *keys.Server
	directory *lookup.Directory
	people    *people.People
	logKey    ed25519.PrivateKey
	vrf       *vrf.PrivateKey
	folder    string
	random    io.Reader
	opened    int

	mu     sync.Mutex // guards events
	events []people.Event
}

func each(t *testing.T, tell func(s *story)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { tell(newStory(t, db)) })
}

var owners = append([]string{"keyring", "lookup", "discovery", "log", "people"}, verifytest.Owners...)

func newStory(t testing.TB, db *store.DB) *story {
	t.Helper()
	s := &story{TB: t, World: verifytest.New(t, db), folder: t.TempDir(), random: rand.Reader}
	s.server = &keys.Server{Name: name, Ring: keyringtest.Open(t, db, s.Vault, s.Clock.Now, keyring.Association)}
	s.logKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	var err error
	s.vrf, err = vrf.NewPrivateKey(bytes.Repeat([]byte{8}, vrf.SeedLen))
	s.must(err)
	s.directory, err = lookup.New(t.Context(), lookup.Options{DB: db, Vault: s.Vault, Proofs: s.Verifier, Signer: s.server, Now: s.Clock.Now})
	s.must(err)
	s.people = s.open()
	return s
}

// open is the log as a process has it that starts.
func (s *story) open() *people.People {
	s.Helper()
	p, err := people.Open(s.Context(), s.options())
	s.must(err)
	s.directory.Holders["keys"] = p
	s.directory.UserHolders["keys"] = p
	return p
}

func (s *story) options() people.Options {
	s.opened++
	guard := log.NewFileGuard(filepath.Join(s.folder, fmt.Sprint("signed", s.opened)), people.Origin(name))
	return people.Options{DB: s.DB, Vault: s.Vault, Name: name, Keys: []ed25519.PrivateKey{s.logKey}, VRF: s.vrf, Guard: guard, Signer: s.server,
		Feed: s.directory, Proofs: s.Verifier, Now: s.Clock.Now, Rand: s.random, Log: slog.New(slog.DiscardHandler), Poll: time.Millisecond,
		Told: func(_ context.Context, _ *store.Tx, e people.Event) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
			return nil
		}}
}

// reopen is the log as it is after a crash and a restart, with the guard of before, when the
// lease of the process before has ended.
func (s *story) reopen() *people.People {
	s.Helper()
	s.Clock.Advance(time.Minute)
	s.opened--
	return s.open()
}

// address is what a Holder erases.
type address = threepid.Address

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) email(text string) threepid.Address {
	s.Helper()
	a, err := threepid.ParseEmail(text)
	s.must(err)
	return a
}

func (s *story) label(text string) entry.Label {
	s.Helper()
	l, err := entry.ParseLabel(text)
	s.must(err)
	return l
}

// prove shows that user controls the address, in a session of its own.
func (s *story) prove(address string, user matrix.UserID) verify.Proof {
	s.Helper()
	s.Clock.Advance(time.Second)
	_, proof := s.Prove(s.TB, s.email(address), verify.Account(user), fmt.Sprint("secret", s.Clock.Now().UnixMilli()))
	return proof
}

func (s *story) bind(address string, user matrix.UserID) string {
	s.Helper()
	association, err := s.directory.Bind(s.Context(), s.prove(address, user), user)
	s.must(err)
	return string(association)
}

// seal logs what is pending.
func (s *story) seal() int64 {
	s.Helper()
	n, err := s.people.Tiles().Seal(s.Context())
	s.must(err)
	return n
}

// lookup asks for the newest version and verifies the proof of it, as a client does.
func (s *story) lookup(label string) people.Proof {
	s.Helper()
	return s.lookupAt(s.people, label)
}

func (s *story) lookupAt(p *people.People, label string) people.Proof {
	s.Helper()
	proof, err := p.Lookup(s.Context(), s.label(label), 0)
	s.must(err)
	s.must(s.verify(s.label(label), proof))
	return proof
}

// want looks a label up and holds what is proven against what is wanted: a version, and what
// its value has.
func (s *story) want(label string, version int, has string) {
	s.Helper()
	proof := s.lookup(label)
	if !proof.Present || int(proof.Version) != version || !bytes.Contains(proof.Value, []byte(has)) {
		s.Errorf("the newest version of %s is %t, %d, %s; want %d with %s", label, proof.Present, proof.Version, proof.Value, version, has)
	}
}

func (s *story) wantNone(label string) {
	s.Helper()
	if proof := s.lookup(label); proof.Present {
		s.Errorf("%s has version %d, %s; want none", label, proof.Version, proof.Value)
	}
}

var errClient = errors.New("the client refuses")

// verify is a client of our own: the steps 2 to 7 of the order of verification, by what it
// knows, the log's key and the VRF's.
func (s *story) verify(l entry.Label, p people.Proof) error {
	vkey, err := note.NewEd25519VerifierKey(people.Origin(name), s.logKey.Public().(ed25519.PublicKey))
	s.must(err)
	verifier, err := note.NewVerifier(vkey)
	s.must(err)
	n, err := note.Open(p.Checkpoint, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	var c tformat.Checkpoint
	if _, err := c.Unmarshal([]byte(n.Text)); err != nil {
		return err
	}
	size := int64(c.Size)
	if p.Epoch.Position != size-1 {
		return fmt.Errorf("%w: EPOCH of %d in a log of %d", errClient, p.Epoch.Position, size)
	}
	if err := tlog.CheckRecord(p.EpochProof, size, tlog.Hash(c.Hash), size-1, tlog.RecordHash(p.Epoch.Append(nil))); err != nil {
		return err
	}
	if err := s.verifyLadder(l, p); err != nil || !p.Present || p.Opening == nil {
		return err
	}
	v, err := value.Parse(p.Value)
	if err != nil {
		return err
	}
	if _, gone := v.(*value.Tombstone); gone {
		return v.About(l, p.Version)
	}
	current, err := s.server.Ring.Current(s.Context())
	s.must(err)
	return errors.Join(v.About(l, p.Version), v.CheckServer(name, value.ServerKeys{current.ID: current.Public()}))
}

func (s *story) verifyLadder(l entry.Label, p people.Proof) error {
	var rungs []ladder.Rung
	root := prefixtree.Hash(p.Epoch.MapRoot)
	for _, r := range p.Ladder {
		output, err := s.vrf.Public().Verify(l.VRFInput(r.Version), r.Proof[:])
		if err != nil {
			return err
		}
		index := entry.IndexOf(output)
		there := r.Map.Kind == prefixtree.Inclusion
		rungs = append(rungs, ladder.Rung{Version: r.Version, Present: there})
		if !there {
			if err := r.Map.VerifyNonInclusion(root, prefixtree.Index(index)); err != nil {
				return err
			}
			continue
		}
		if err := r.Map.VerifyInclusion(root, prefixtree.Leaf{Index: prefixtree.Index(index), Commitment: prefixtree.Commitment(r.Commitment)}); err != nil {
			return err
		}
		if r.Version == p.Version && p.Opening != nil && entry.Commit(*p.Opening, l, r.Version, p.Value) != r.Commitment {
			return fmt.Errorf("%w: the commitment does not open", errClient)
		}
	}
	if !p.Present {
		return ladder.CheckNone(rungs)
	}
	return ladder.Check(p.Version, rungs)
}

// check re-reads every row and holds it against the log.
func (s *story) check() {
	s.Helper()
	entries := s.entries()
	rows, err := s.DB.Query(s.Context(), `SELECT v.label_tag, v.version, v.position, v.queued_ms, l.next_version FROM people_versions v
		JOIN people_labels l ON l.label_tag = v.label_tag ORDER BY v.label_tag, v.version`)
	s.must(err)
	defer rows.Close()
	next, placed := map[string]int64{}, map[int64]bool{0: true}
	last, queued := map[string]int64{}, map[string]int64{}
	end := map[string]int64{}
	for rows.Next() {
		var t []byte
		var version, position, ms, of int64
		s.must(rows.Scan(&t, &version, &position, &ms, &of))
		l := string(t)
		if version != next[l] || ms < queued[l] || position != 0 && position <= last[l] || position == 0 && last[l] < 0 {
			s.Errorf("version %d at %d, queued at %d, comes after %d at %d, queued at %d", version, position, ms, next[l]-1, last[l], queued[l])
		}
		next[l], last[l], queued[l], end[l] = version+1, position, ms, of
		if position == 0 {
			last[l] = 1 << 60 // none after it may be logged
			continue
		}
		if placed[position] || position >= int64(len(entries)) || entries[position][0] != 0x01 {
			s.Errorf("no INSERT of its own is at %d", position)
		}
		placed[position] = true
	}
	for l, n := range next {
		if end[l] != n {
			s.Errorf("a label has %d versions and says %d", n, end[l])
		}
	}
	for i, e := range entries {
		if e[0] == 0x01 && !placed[int64(i)] {
			s.Errorf("the INSERT at %d is of no version", i)
		}
	}
}

// entries are those of the log, which are replayed.
func (s *story) entries() [][]byte {
	s.Helper()
	entries, err := s.people.Tiles().Entries(s.Context(), 0, 1<<30)
	s.must(err)
	return entries
}

func sum(value []byte) [sha256.Size]byte { return sha256.Sum256(value) }

// verifyHistory verifies that each version is in the map, and opens.
func (s *story) verifyHistory(h people.History) {
	s.Helper()
	proof := people.Proof{Checkpoint: h.Checkpoint, Epoch: h.Epoch, EpochProof: h.EpochProof, Present: true, Version: uint32(len(h.Versions) - 1), Ladder: h.Ladder}
	l := s.label(aliceLabel)
	s.must(s.verify(l, proof))
	for _, v := range h.Versions {
		output, err := s.vrf.Public().Verify(l.VRFInput(v.Version), v.Proof[:])
		s.must(err)
		leaf := prefixtree.Leaf{Index: prefixtree.Index(entry.IndexOf(output)), Commitment: prefixtree.Commitment(v.Commitment)}
		s.must(v.Map.VerifyInclusion(prefixtree.Hash(h.Epoch.MapRoot), leaf))
		if v.Opening != nil && entry.Commit(*v.Opening, l, v.Version, v.Value) != v.Commitment {
			s.Errorf("version %d does not open", v.Version)
		}
	}
}
