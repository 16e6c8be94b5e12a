package lookup_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup"
	"signet/verify"
	"signet/verify/verifytest"
)

const (
	alice = matrix.UserID("@alice:example.org")
	bob   = matrix.UserID("@bob:example.org")
)

type story struct {
	*testing.T
	*verifytest.World
	directory *lookup.Directory
	server    *keys.Server
}

func each(t *testing.T, tell func(s *story)) {
	owners := append([]string{"keyring", "lookup", "discovery"}, verifytest.Owners...)
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		world := verifytest.New(t, db)
		ring := keyringtest.Open(t, db, world.Vault, world.Clock.Now, keyring.Association)
		server := &keys.Server{Name: "id.example.org", Ring: ring}
		tell(&story{T: t, World: world, server: server, directory: newDirectory(t, world, server)})
	})
}

func newDirectory(t *testing.T, w *verifytest.World, server *keys.Server) *lookup.Directory {
	t.Helper()
	d, err := lookup.New(t.Context(), lookup.Options{DB: w.DB, Vault: w.Vault, Proofs: w.Verifier, Signer: server, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *story) email(text string) threepid.Address {
	s.Helper()
	a, err := threepid.ParseEmail(text)
	if err != nil {
		s.Fatal(err)
	}
	return a
}

// prove shows that user controls the address, in a session of its own.
func (s *story) prove(address string, user matrix.UserID) verify.Proof {
	s.Helper()
	s.Clock.Advance(time.Second)
	secret := fmt.Sprint("secret", s.Clock.Now().UnixMilli())
	_, proof := s.Prove(s.T, s.email(address), verify.Account(user), secret)
	return proof
}

func (s *story) bind(address string, user matrix.UserID) []byte {
	s.Helper()
	association, err := s.directory.Bind(s.Context(), s.prove(address, user), user)
	if err != nil {
		s.Fatal(err)
	}
	return association
}

func (s *story) bindNumber(digits string, user matrix.UserID) {
	s.Helper()
	number, err := threepid.Parse("msisdn", digits)
	if err != nil {
		s.Fatal(err)
	}
	s.Clock.Advance(time.Second)
	_, proof := s.Prove(s.T, number, verify.Account(user), fmt.Sprint("secret", s.Clock.Now().UnixMilli()))
	if _, err := s.directory.Bind(s.Context(), proof, user); err != nil {
		s.Fatal(err)
	}
}

func (s *story) unbind(address string, user matrix.UserID) {
	s.Helper()
	if err := s.directory.Unbind(s.Context(), s.email(address), user); err != nil {
		s.Fatal(err)
	}
}

// find looks up an address as a client does, who hashes by the specification.
func (s *story) find(address string) matrix.UserID {
	s.Helper()
	return s.findAt(s.directory, address)
}

func (s *story) findAt(d *lookup.Directory, address string) matrix.UserID {
	s.Helper()
	pepper := d.Details().Pepper
	hash := clientHash(address, "email", pepper)
	answer, err := d.Lookup(s.Context(), ask(lookup.SHA256, pepper, []string{hash}))
	if err != nil {
		s.Fatal(err)
	}
	return answer.Users[hash]
}

// ask is a question for which nobody is charged.
func ask(a lookup.Algorithm, pepper string, addresses []string) lookup.Question {
	return lookup.Question{Algorithm: a, Pepper: pepper, Addresses: addresses}
}

func (s *story) wantFound(d *lookup.Directory, address string, want matrix.UserID) {
	s.Helper()
	if got := s.findAt(d, address); got != want {
		s.Errorf("%s is found to be %q, want %q", address, got, want)
	}
}

func clientHash(address, medium, pepper string) string {
	sum := rawHash(address, medium, pepper)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func rawHash(address, medium, pepper string) [sha256.Size]byte {
	return sha256.Sum256([]byte(address + " " + medium + " " + pepper))
}
