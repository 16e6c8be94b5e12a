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

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/keys/entry"
	"signet/keys/log"
	"signet/keys/log/keeper/keepertest"
	"signet/keys/people"
	"signet/keys/people/feed"
	"signet/keys/proof"
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
	return people.Options{DB: s.DB, Vault: s.Vault, Name: name, Keys: keepertest.Fixed(s.logKey), VRF: s.vrf, Guard: guard, Signer: s.server,
		Feed: feed.Lookup{Directory: s.directory}, Proofs: s.Verifier, Now: s.Clock.Now, Rand: s.random, Log: slog.New(slog.DiscardHandler), Poll: time.Millisecond,
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

// proveOwner shows control of an address as on the owner's page.
func (s *story) proveOwner(address string) verify.Proof {
	s.Helper()
	s.Clock.Advance(time.Second)
	r := verify.Request{Address: s.email(address), ClientSecret: fmt.Sprint("owner", s.Clock.Now().UnixMilli()), Caller: verify.Page, Purpose: verify.Manage, SendAttempt: 1}
	sid, err := s.Verifier.Request(s.Context(), r)
	s.must(err)
	c := verify.Credentials{SID: sid, ClientSecret: r.ClientSecret}
	s.must(s.Verifier.Submit(s.Context(), c, verify.Page, s.Post.Last(s.TB).Code()))
	p, err := s.Verifier.ProveOwner(s.Context(), c)
	s.must(err)
	return p
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
func (s *story) lookup(label string) *proof.Lookup {
	s.Helper()
	return s.lookupAt(s.people, label)
}

func (s *story) lookupAt(p *people.People, label string) *proof.Lookup {
	s.Helper()
	found, err := p.Lookup(s.Context(), s.label(label), 0)
	s.must(err)
	_, err = s.verify(label, found)
	if err != nil && !errors.Is(err, proof.ErrErased) {
		s.Fatalf("the proof of %s: %v", label, err)
	}
	return found
}

// verify is a client that has seen nothing before, and gets the proof as JSON.
func (s *story) verify(label string, found *proof.Lookup) (proof.Result, error) {
	s.Helper()
	wire, err := json.Marshal(found)
	s.must(err)
	read, err := proof.Parse(wire)
	s.must(err)
	return proof.Verify(read, proof.Asked{Label: label}, s.policy(), s.Clock.Now())
}

// policy is what a client knows: the keys of the log, of the VRF and of the server.
func (s *story) policy() proof.Policy {
	s.Helper()
	vkey, err := note.NewEd25519VerifierKey(people.Origin(name), s.logKey.Public().(ed25519.PublicKey))
	s.must(err)
	verifier, err := note.NewVerifier(vkey)
	s.must(err)
	current, err := s.server.Ring.Current(s.Context())
	s.must(err)
	return proof.Policy{Origin: people.Origin(name), LogKeys: []note.Verifier{verifier}, VRF: s.vrf.Public(), Server: name,
		ServerKeys: value.ServerKeys{current.ID: current.Public()}}
}

// want looks a label up and holds what is proven against what is wanted: a version, and what
// its value has.
func (s *story) want(label string, version int, has string) {
	s.Helper()
	found := s.lookup(label)
	if !found.Present || int(found.Version) != version || !bytes.Contains(found.Value, []byte(has)) {
		s.Errorf("the newest version of %s is %t, %d, %s; want %d with %s", label, found.Present, found.Version, found.Value, version, has)
	}
}

func (s *story) wantNone(label string) {
	s.Helper()
	if found := s.lookup(label); found.Present {
		s.Errorf("%s has version %d, %s; want none", label, found.Version, found.Value)
	}
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

// history asks for all versions of a label, and verifies them as their owner does.
func (s *story) history(label string) (*proof.History, proof.Past) {
	s.Helper()
	h, err := s.people.History(s.Context(), s.label(label), people.Page{}, 0)
	s.must(err)
	read, err := proof.ParseHistory(marshal(s.TB, h))
	s.must(err)
	past, err := proof.VerifyHistory(read, proof.Asked{Label: label}, s.policy(), s.Clock.Now())
	s.must(err)
	return read, past
}

func otherVRF(t testing.TB) *vrf.PrivateKey {
	t.Helper()
	k, err := vrf.NewPrivateKey(bytes.Repeat([]byte{9}, vrf.SeedLen))
	if err != nil {
		t.Fatal(err)
	}
	return k
}
