package idclienttest

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Name is a server's, and Token one that it may take.
const (
	Name  = "id.test"
	Token = "a token for id.test"
)

// Key is the one by which a server signs. Ephemeral is another, which its invitations have too.
var (
	Key       = key(7)
	Ephemeral = key(8)
)

func key(of byte) matrix.SigningKey {
	return matrix.SigningKey{ID: "ed25519:0", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{of}, 32))}
}

// Public is a public key as it stands in an event.
func Public(k matrix.SigningKey) string { return matrix.EncodeBase64(k.Public()) }

// NewOfUsers is a server that is asked with Token alone, by whichever homeserver.
func NewOfUsers() *Server {
	s := New("")
	s.Token = Token
	return s
}

// Trusted are the identity servers of a homeserver that uses the one of that Name.
func Trusted(t testing.TB) idclient.Trusted {
	t.Helper()
	trusted, err := idclient.ParseTrusted("", []string{Name})
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}

// Bind says who is behind an e-mail address at the server of that Name.
func (s *Server) Bind(address string, user matrix.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Bound[Name+" email "+address] = user.String()
}

// Revoke ends the validity of a key.
func (s *Server) Revoke(k matrix.SigningKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[Public(k)] = true
}

// Stored are the invitations that it was given.
func (s *Server) Stored() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored
}

// Questions are those that were asked since it was called last.
func (s *Server) Questions() (asked []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, s.Asked = s.Asked, nil
	return asked
}

// Sign signs that an invitation is a user's, with members more, as {"sender":"@a:b"}.
func Sign(t testing.TB, k matrix.SigningKey, user matrix.UserID, token string, more map[string]any) string {
	t.Helper()
	said := map[string]any{"mxid": user, "token": token}
	for name, value := range more {
		said[name] = value
	}
	signed, err := k.SignValue(Name, said)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// store keeps an invitation for who has no account.
func (s *Server) store(server string) fedclient.Response {
	if s.Bound[fmt.Sprint(server, " ", s.Last["medium"], " ", s.Last["address"])] != "" {
		return Refusal(http.StatusBadRequest, matrix.ThreepidInUse)
	}
	s.stored = append(s.stored, s.Last)
	validity := "https://" + server + validPath
	return OK(map[string]any{
		"token": fmt.Sprintf("token-%d", len(s.stored)), "display_name": "c...@e...",
		"public_keys": []map[string]string{{"public_key": Public(Key), "key_validity_url": validity}, {"public_key": Public(Ephemeral), "key_validity_url": validity}},
	})
}

// validPath is where anybody asks whether a key is valid.
const validPath = "/isvalid"

func (s *Server) valid(query string) (fedclient.Response, error) {
	q, err := url.ParseQuery(query)
	return OK(map[string]any{"valid": !s.revoked[q.Get("public_key")]}), err
}
