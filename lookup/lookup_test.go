package lookup_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/keyring"
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
	owners := append([]string{"keyring", "lookup"}, verifytest.Owners...)
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) {
		world := verifytest.New(t, db)
		ring, err := keyring.Open(t.Context(), db, world.Vault, world.Clock.Now)
		if err != nil {
			t.Fatal(err)
		}
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

// find looks up an address as a client does, who hashes by the specification.
func (s *story) find(address string) matrix.UserID {
	s.Helper()
	hash := clientHash(address, "email", s.directory.Details().Pepper)
	users, err := s.directory.Lookup(s.Context(), lookup.SHA256, s.directory.Details().Pepper, []string{hash})
	if err != nil {
		s.Fatal(err)
	}
	return users[hash]
}

func clientHash(address, medium, pepper string) string {
	sum := sha256.Sum256([]byte(address + " " + medium + " " + pepper))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestABoundAddressIsFound(t *testing.T) {
	each(t, func(s *story) {
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("before the bind it is %q", got)
		}
		s.bind("Alice@Example.ORG", alice)
		if got := s.find("alice@example.org"); got != alice {
			s.Errorf("found %q, want %q", got, alice)
		}
		if err := s.directory.Unbind(s.Context(), s.email("alice@example.org"), bob); err != nil {
			s.Fatal(err)
		}
		if got := s.find("alice@example.org"); got != alice {
			s.Errorf("after unbinding somebody else it is %q", got)
		}
		for range 2 {
			if err := s.directory.Unbind(s.Context(), s.email("alice@example.org"), alice); err != nil {
				s.Fatal(err)
			}
		}
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("after the unbind it is %q", got)
		}
	})
}

func TestTheAssociationIsSigned(t *testing.T) {
	each(t, func(s *story) {
		association := s.bind("alice@example.org", alice)
		var got struct {
			lookup.Association
			Signatures map[matrix.ServerName]map[matrix.KeyID]string `json:"signatures"`
		}
		if err := json.Unmarshal(association, &got); err != nil {
			s.Fatal(err)
		}
		now := s.Clock.Now().UnixMilli()
		want := lookup.Association{Address: "alice@example.org", Medium: "email", MXID: alice, NotBefore: now, NotAfter: now + 100*365*24*3600*1000, TS: now}
		if got.Association != want {
			s.Errorf("association = %+v, want %+v", got.Association, want)
		}
		for id := range got.Signatures["id.example.org"] {
			key, err := s.server.Public(s.Context(), id)
			if err != nil {
				s.Fatal(err)
			}
			if err := matrix.Verify("id.example.org", id, key, association); err != nil {
				s.Errorf("the signature by %s: %v", id, err)
			}
			forged := []byte(strings.Replace(string(association), "alice@", "mallory@", 1))
			if matrix.Verify("id.example.org", id, key, forged) == nil {
				s.Error("a changed association verifies")
			}
		}
		if len(got.Signatures["id.example.org"]) != 1 {
			s.Errorf("signatures = %v", got.Signatures)
		}
	})
}

// A number or mailbox that has a new owner: only the new one is found.
func TestANewOwnerReplacesTheOld(t *testing.T) {
	each(t, func(s *story) {
		s.bind("shared@example.org", alice)
		s.bind("shared@example.org", bob)
		if got := s.find("shared@example.org"); got != bob {
			s.Errorf("found %q, want %q", got, bob)
		}
		var rows int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM lookup_bindings").Scan(&rows); err != nil || rows != 1 {
			s.Errorf("%d rows, %v; want 1", rows, err)
		}
	})
}

// A session is spent by one bind. The same bind again is the same answer, because
// its first may have been lost; anything else with it is refused.
func TestAProofBindsOnce(t *testing.T) {
	each(t, func(s *story) {
		proof := s.prove("alice@example.org", alice)
		first, err := s.directory.Bind(s.Context(), proof, alice)
		if err != nil {
			s.Fatal(err)
		}
		s.Clock.Advance(time.Minute)
		if again, err := s.directory.Bind(s.Context(), proof, alice); err != nil || string(again) != string(first) {
			s.Errorf("the same bind again = %s, %v", again, err)
		}
		if _, err := s.directory.Bind(s.Context(), proof, bob); !errors.Is(err, verify.ErrSpent) {
			s.Errorf("binding somebody else with it = %v, want %v", err, verify.ErrSpent)
		}
		if err := s.directory.Unbind(s.Context(), proof.Address(), alice); err != nil {
			s.Fatal(err)
		}
		if _, err := s.directory.Bind(s.Context(), proof, alice); !errors.Is(err, verify.ErrSpent) {
			s.Errorf("binding again after an unbind = %v, want %v", err, verify.ErrSpent)
		}
		if got := s.find("alice@example.org"); got != "" {
			s.Errorf("found %q after the unbind", got)
		}
	})
}

func TestManyBindOneAddressAtTheSameMoment(t *testing.T) {
	each(t, func(s *story) {
		users := []matrix.UserID{"@a:x.org", "@b:x.org", "@c:x.org", "@d:x.org", "@e:x.org", "@f:x.org"}
		var wg sync.WaitGroup
		for _, user := range users {
			proof := s.prove("shared@example.org", user)
			wg.Go(func() {
				if _, err := s.directory.Bind(context.Background(), proof, user); err != nil {
					s.Error(err)
				}
			})
		}
		wg.Wait()
		var rows int
		if err := s.DB.QueryRow(s.Context(), "SELECT COUNT(*) FROM lookup_bindings").Scan(&rows); err != nil || rows != 1 {
			s.Errorf("%d rows, %v; want 1", rows, err)
		}
		if s.find("shared@example.org") == "" {
			s.Error("nobody is found")
		}
	})
}

func TestReplicasShareThePepper(t *testing.T) {
	each(t, func(s *story) {
		second := newDirectory(s.T, s.Replica(s.T, s.DB), s.server)
		if a, b := s.directory.Details().Pepper, second.Details().Pepper; a != b || len(a) != 32 {
			s.Errorf("peppers %q and %q, want one of 32 characters", a, b)
		}
	})
}

func TestManyHashesAtOnce(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		s.bind("bob@example.org", bob)
		pepper := s.directory.Details().Pepper
		for _, others := range []int{0, 1, 14, 15, 126, 511, 600, 2000} {
			asked := []string{clientHash("alice@example.org", "email", pepper)}
			for i := range others {
				asked = append(asked, clientHash(fmt.Sprintf("nobody%d@example.org", i), "email", pepper))
			}
			asked = append(asked, clientHash("bob@example.org", "email", pepper))
			users, err := s.directory.Lookup(s.Context(), lookup.SHA256, pepper, asked)
			if err != nil || len(users) != 2 || users[asked[0]] != alice || users[asked[len(asked)-1]] != bob {
				s.Errorf("of %d: %v, %v", len(asked), users, err)
			}
		}
	})
}

func TestLookupRefuses(t *testing.T) {
	each(t, func(s *story) {
		pepper := s.directory.Details().Pepper
		var wrong lookup.WrongPepper
		if _, err := s.directory.Lookup(s.Context(), lookup.SHA256, "old", nil); !errors.As(err, &wrong) || wrong.Pepper != pepper {
			s.Errorf("another pepper = %v", err)
		}
		if _, err := s.directory.Lookup(s.Context(), "none", pepper, nil); !errors.Is(err, lookup.ErrAlgorithm) {
			s.Errorf("none = %v, want %v", err, lookup.ErrAlgorithm)
		}
		if _, err := s.directory.Lookup(s.Context(), lookup.SHA256, pepper, make([]string, 10_001)); !errors.Is(err, lookup.ErrTooMany) {
			s.Errorf("10,001 = %v, want %v", err, lookup.ErrTooMany)
		}
		for _, odd := range [][]string{nil, {""}, {"alice@example.org email"}, {strings.Repeat("x", 10_000)}, {"same", "same"}} {
			if users, err := s.directory.Lookup(s.Context(), lookup.SHA256, pepper, odd); err != nil || len(users) != 0 {
				s.Errorf("Lookup(%.40q) = %v, %v; want nobody", odd, users, err)
			}
		}
	})
}

// The table holds neither the address nor the hash by which clients ask.
func TestTheTableCannotBeSearched(t *testing.T) {
	each(t, func(s *story) {
		s.bind("alice@example.org", alice)
		var index, sealed, tag []byte
		err := s.DB.QueryRow(s.Context(), "SELECT address_index, address_sealed, lookup_tag FROM lookup_bindings").Scan(&index, &sealed, &tag)
		if err != nil {
			s.Fatal(err)
		}
		sum := sha256.Sum256([]byte("alice@example.org email " + s.directory.Details().Pepper))
		for _, column := range [][]byte{index, sealed, tag} {
			for _, secret := range []string{"alice", string(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:])} {
				if strings.Contains(string(column), secret) {
					s.Errorf("a column holds %q", secret)
				}
			}
		}
	})
}
