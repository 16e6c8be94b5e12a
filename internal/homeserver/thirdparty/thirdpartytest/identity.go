// Package thirdpartytest is an identity server for tests, which does as they say and signs
// with a key of its own.
package thirdpartytest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

const pepper = "pepper"

// Identity is an identity server, by the name of Name, as idclient's Federation. It is safe for
// concurrent use.
type Identity struct {
	mu      sync.Mutex               // guards what follows
	bound   map[string]matrix.UserID // by "address medium"
	revoked map[string]bool          // keys, in base64
	lies    map[string]string        // answers by the end of a path: "404 {}", or "" for none
	once    map[string]string        // likewise, the first time
	asked   []string                 // methods and URLs
	stored  []map[string]any         // bodies of store-invite
}

// Name is the identity server's.
const Name = "id.test"

// Token is the one that it takes.
const Token = "a token for id.test"

// Key is the one by which it signs. Ephemeral is another, which its invitations have too.
var (
	Key       = key(7)
	Ephemeral = key(8)
)

func key(of byte) matrix.SigningKey {
	return matrix.SigningKey{ID: "ed25519:0", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{of}, 32))}
}

// Public is a public key as it stands in an event.
func Public(k matrix.SigningKey) string { return matrix.EncodeBase64(k.Public()) }

// New is an identity server that knows nobody.
func New() *Identity {
	return &Identity{bound: map[string]matrix.UserID{}, revoked: map[string]bool{}, lies: map[string]string{}, once: map[string]string{}}
}

// Client is what a homeserver asks it by.
func (i *Identity) Client(server matrix.ServerName, signer func(context.Context) (event.Signer, error)) *idclient.Client {
	return idclient.New(idclient.Options{Federation: i, ServerName: server, Key: func(ctx context.Context) (matrix.SigningKey, error) {
		s, err := signer(ctx)
		return s.Key, err
	}})
}

// Trusted are the identity servers of a homeserver that uses it.
func Trusted(t testing.TB) idclient.Trusted {
	t.Helper()
	trusted, err := idclient.ParseTrusted("", []string{Name})
	if err != nil {
		t.Fatal(err)
	}
	return trusted
}

// Bind says who is behind an e-mail address.
func (i *Identity) Bind(address string, user matrix.UserID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bound[address+" email"] = user
}

// Revoke ends the validity of a key.
func (i *Identity) Revoke(k matrix.SigningKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.revoked[Public(k)] = true
}

// Lie has questions whose path ends so answered by a status and a body, such as "200 {}"; by
// nothing at all for an empty text. Without an end it is the truth again.
func (i *Identity) Lie(end, answer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if end == "" {
		clear(i.lies)
		return
	}
	i.lies[end] = answer
}

// Once is Lie for the next question.
func (i *Identity) Once(end, answer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.once[end] = answer
}

// Asked are the questions since it was called last.
func (i *Identity) Asked() (asked []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	asked, i.asked = i.asked, nil
	return asked
}

// Stored are the invitations that it was given.
func (i *Identity) Stored() []map[string]any {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stored
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

// Do answers.
func (i *Identity) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	path, query, _ := strings.Cut(r.Path, "?")
	i.asked = append(i.asked, fmt.Sprintf("%s %s%s", r.Method, r.Web, path))
	if lie, lies := i.lie(path); lies {
		return told(lie)
	}
	if !strings.HasSuffix(path, "isvalid") && r.Bearer != Token {
		return answer(http.StatusUnauthorized, map[string]any{"errcode": "M_UNAUTHORIZED", "error": "who are you?"})
	}
	var body map[string]any
	_ = json.Unmarshal(r.Body, &body)
	switch path {
	case "/_matrix/identity/v2/hash_details":
		return answer(http.StatusOK, map[string]any{"algorithms": []string{"sha256"}, "lookup_pepper": pepper})
	case "/_matrix/identity/v2/lookup":
		return answer(http.StatusOK, map[string]any{"mappings": i.lookup(body)})
	case "/_matrix/identity/v2/store-invite":
		return i.store(body)
	case "/isvalid":
		q, _ := url.ParseQuery(query)
		return answer(http.StatusOK, map[string]any{"valid": !i.revoked[q.Get("public_key")]})
	}
	return answer(http.StatusNotFound, map[string]any{"errcode": "M_UNRECOGNIZED"})
}

// lie is what is said instead of the truth.
func (i *Identity) lie(path string) (lie string, lies bool) {
	for _, all := range []map[string]string{i.once, i.lies} {
		for end, lie := range all {
			if strings.HasSuffix(path, end) {
				delete(i.once, end)
				return lie, true
			}
		}
	}
	return "", false
}

func told(lie string) (fedclient.Response, error) {
	if lie == "" {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	var status int
	text, body, _ := strings.Cut(lie, " ")
	_, _ = fmt.Sscan(text, &status)
	return fedclient.Response{Status: status, Header: http.Header{}, Body: []byte(body)}, nil
}

func (i *Identity) lookup(body map[string]any) map[string]matrix.UserID {
	found := map[string]matrix.UserID{}
	for address, user := range i.bound {
		sum := sha256.Sum256([]byte(address + " " + pepper))
		hash := base64.RawURLEncoding.EncodeToString(sum[:])
		for _, asked := range body["addresses"].([]any) {
			if asked == hash {
				found[hash] = user
			}
		}
	}
	return found
}

func (i *Identity) store(body map[string]any) (fedclient.Response, error) {
	if i.bound[fmt.Sprint(body["address"], " ", body["medium"])] != "" {
		return answer(http.StatusBadRequest, map[string]any{"errcode": "M_THREEPID_IN_USE"})
	}
	i.stored = append(i.stored, body)
	const validity = "https://" + Name + "/isvalid"
	return answer(http.StatusOK, map[string]any{
		"token": fmt.Sprintf("token-%d", len(i.stored)), "display_name": "c...@e...",
		"public_keys": []map[string]string{{"public_key": Public(Key), "key_validity_url": validity}, {"public_key": Public(Ephemeral), "key_validity_url": validity}},
	})
}

func answer(status int, body map[string]any) (fedclient.Response, error) {
	b, err := json.Marshal(body)
	return fedclient.Response{Status: status, Header: http.Header{}, Body: b}, err
}
