package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/quota"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys"
	"signet/keys/notary"
	"signet/keys/people"
	"signet/lookup"
	"signet/lookup/discovery"
	"signet/lookup/invite"
	"signet/lookup/invite/message"
	"signet/lookup/notice"
	noticewords "signet/lookup/notice/words"
	"signet/migrations"
	"signet/verify"
	"signet/verify/verifytest"
	"signet/web/api"
)

const v2 = "/_matrix/identity/v2"

// world is an identity server over real HTTP, with a federation that is played.
type world struct {
	testing.TB
	*verifytest.World
	api        *api.API
	server     *httptest.Server
	federation *federation
	gate       *caller.Gate
	invites    *invite.Invites
	people     *people.People
	ring       *keyring.Ring
	notary     *notary.Notary
	signing    *keyring.Ring // for the federation
	log        *bytes.Buffer
}

// federation plays every homeserver: the OpenID token of a user is the user's id,
// and each server signs with the same key.
type federation struct {
	key   matrix.SigningKey
	asked atomic.Int64 // for keys

	mu        sync.Mutex // guards documents
	documents map[matrix.ServerName][]byte
}

// publish has a server answer with that document when it is asked for its keys.
func (f *federation) publish(server matrix.ServerName, document []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.documents == nil {
		f.documents = map[matrix.ServerName][]byte{}
	}
	f.documents[server] = document
}

func (f *federation) document(server matrix.ServerName) (fedclient.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.documents[server] == nil {
		return fedclient.Response{}, fedclient.ErrUnreachable
	}
	return fedclient.Response{Status: 200, Body: f.documents[server]}, nil
}

func (f *federation) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	if r.Path == "/_matrix/key/v2/server" {
		return f.document(r.Server)
	}
	switch r.Server {
	case "down.example":
		return fedclient.Response{}, fedclient.ErrUnreachable
	case "refusing.example":
		return fedclient.Response{Status: 401, Body: []byte(`{"errcode":"M_UNKNOWN_TOKEN"}`)}, nil
	case "lying.example":
		return fedclient.Response{Status: 200, Body: []byte(`{"sub":"@root:example.org"}`)}, nil
	}
	_, token, _ := strings.Cut(r.Path, "access_token=")
	return fedclient.Response{Status: 200, Body: []byte(`{"sub":"@` + token + `:` + r.Server.String() + `"}`)}, nil
}

func (f *federation) VerifyKey(_ context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error) {
	f.asked.Add(1)
	if server == "down.example" {
		return nil, fedclient.ErrUnreachable
	}
	if id != f.key.ID {
		return nil, fedclient.ErrUnknownKey
	}
	return f.key.Public(), nil
}

func (f *federation) KeyAtHand(matrix.ServerName, matrix.KeyID) (ed25519.PublicKey, error) {
	return nil, fedclient.ErrNotAtHand
}

var inviteLinks = invite.Links{
	Page: func(token, key string) string {
		return "https://id.example.org/invitation#token=" + token + "&key=" + key
	},
	Short: func(token, key string) string { return "https://id.example.org/i#" + token + key },
	Never: func(token string) string { return "https://id.example.org/invitation/never/" + token },
}

var homeserverKey = matrix.SigningKey{ID: "ed25519:hs", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}

func each(t *testing.T, terms caller.Terms, tell func(w *world)) {
	storetest.Each(t, migrations.IDServer, func(t *testing.T, db *store.DB) { tell(newWorld(t, db, terms)) })
}

// eachLimited is each with limits in place of the built-in ones.
func eachLimited(t *testing.T, limits map[string]int, tell func(w *world)) {
	storetest.Each(t, migrations.IDServer, func(t *testing.T, db *store.DB) { tell(newLimited(t, db, nil, limits)) })
}

// noticeTexts are what owners are told, read once: that takes as long as many a story.
var noticeTexts = sync.OnceValues(func() (*noticewords.Words, error) { return noticewords.New("", "id.example.org") })

// messages are what is written to who is invited, read once: that takes as long as many a story.
var messages = sync.OnceValues(func() (*message.Words, error) { return message.New("", "id.example.org", "id.example.org") })

func newWorld(t testing.TB, db *store.DB, terms caller.Terms) *world {
	return newLimited(t, db, terms, nil)
}

func newLimited(t testing.TB, db *store.DB, terms caller.Terms, limits map[string]int) *world {
	t.Helper()
	w := &world{TB: t, federation: &federation{key: homeserverKey}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.World = verifytest.NewLogging(t, db, log)
	limited, err := quota.Override(slices.Concat(caller.Budgets(false), discovery.Budgets(false), invite.Budgets(false), notice.Budgets(false), notary.Budgets(false), people.Budgets(false)), limits)
	if err != nil {
		t.Fatal(err)
	}
	budgets, err := quota.New(t.Context(), quota.Options{DB: db, Vault: w.Vault, Budgets: limited, Now: w.Clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w.gate, err = caller.New(t.Context(), caller.Options{DB: db, Vault: w.Vault, Quota: budgets, Federation: w.federation,
		Name: "id.example.org", Terms: terms, Now: w.Clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	rings, err := keyring.Open(t.Context(), keyring.Options{DB: db, Vault: w.Vault, Now: w.Clock.Now, Purposes: keyring.IDServer})
	if err != nil {
		t.Fatal(err)
	}
	w.ring, w.signing = rings.For(keyring.Association), rings.For(keyring.Federation)
	w.notary = notary.New(notary.Options{DB: db, Federation: w.federation, Keys: w.signing, Name: "id.example.org", Quota: budgets,
		Blocked: w.blocked, Now: w.Clock.Now, Sleep: verify.Sleep, Log: log})
	w.gate.Told = append(w.gate.Told, func(ctx context.Context, tx *store.Tx, c caller.BlockChange) error {
		return notary.RecordPolicy(ctx, tx, c.Server, api.PolicyRules(c), c.At)
	})
	own := &keys.Server{Name: "id.example.org", Ring: w.ring}
	directory, err := lookup.New(t.Context(), lookup.Options{DB: db, Vault: w.Vault, Proofs: w.Verifier, Signer: own, Quota: budgets,
		UserHolders: map[string]lookup.UserHolder{"account": w.gate}, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	words, err := messages()
	if err != nil {
		t.Fatal(err)
	}
	w.invites, err = invite.New(t.Context(), invite.Options{DB: db, Vault: w.Vault, Outbox: w.Outbox, Quota: budgets, Bindings: directory, Federation: w.federation,
		Signer: own, Words: words, Owners: w.Verifier, Fraud: w.Verifier.Fraud, Email: w.Post, SMS: w.Post, Links: inviteLinks, Name: own.Name,
		ExpireAfter: 7 * 24 * time.Hour, Now: w.Clock.Now, Rand: rand.Reader, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	notices, err := noticeTexts()
	if err != nil {
		t.Fatal(err)
	}
	told := notice.New(notice.Options{Directory: directory, Outbox: w.Outbox, Quota: budgets, Owners: w.Verifier, Words: notices, Email: w.Post, SMS: w.Post, Fraud: w.Verifier.Fraud,
		Language: locale.German, Now: w.Clock.Now})
	w.people = w.openPeople(rings, own, directory, budgets)
	w.api = &api.API{Gate: w.gate, Verifier: w.Verifier, Directory: directory, Invites: w.invites, Notices: told, Keys: own, Notary: w.notary, Logged: w.notary, People: w.people, PublicURL: "https://id.example.org",
		ChallengeURL: func(id string) string { return "https://id.example.org/_signet/captcha/" + id }}
	handler, err := mxhttp.New(mxhttp.Options{Logger: log, Translate: w.api.Translate}, w.api.Routes())
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) blocked(ctx context.Context, server matrix.ServerName) (matrix.ServerName, bool, error) {
	b, blocked, err := w.gate.BlockOf(ctx, server)
	return b.Server, blocked, err
}

// answer is what came back, with the JSON object taken apart.
type answer struct {
	status int
	body   map[string]any
	raw    []byte
}

func (a answer) text(member string) string { s, _ := a.body[member].(string); return s }

// do sends a request as is. A token of "" sends none.
func (w *world) do(method, path, token, body string, headers ...string) answer {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode}
	if a.raw, err = io.ReadAll(response.Body); err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal(a.raw, &a.body); err != nil && method != http.MethodHead {
		w.Errorf("%s %s answers no JSON object: %.200q", method, path, a.raw)
	}
	return a
}

// ask is do for a call that must succeed.
func (w *world) ask(method, path, token, body string) answer {
	w.Helper()
	a := w.do(method, v2+path, token, body)
	if a.status != http.StatusOK {
		w.Fatalf("%s %s = %d %s", method, path, a.status, a.raw)
	}
	return a
}

// refuse is do for a call that must fail so.
func (w *world) refuse(method, path, token, body string, status int, code matrix.ErrCode) answer {
	w.Helper()
	a := w.do(method, v2+path, token, body)
	if a.status != status || a.text("errcode") != string(code) || a.text("error") == "" {
		w.Errorf("%s %s %.100s = %d %.300s, want %d %s", method, path, body, a.status, a.raw, status, code)
	}
	return a
}

// register returns the token of a user of example.org.
func (w *world) register(local string) string {
	w.Helper()
	return w.ask("POST", "/account/register", "", openID(local, "example.org")).text("token")
}

func openID(token, server string) string {
	return object("access_token", token, "token_type", "Bearer", "matrix_server_name", server, "expires_in", 3600)
}

// object writes a JSON object of names and values.
func object(members ...any) string {
	m := map[string]any{}
	for i := 0; i < len(members); i += 2 {
		m[members[i].(string)] = members[i+1]
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// session opens a session for an e-mail address and returns its credentials as
// members for object.
func (w *world) session(token, address string) []any {
	w.Helper()
	secret := "s_" + strings.NewReplacer("@", "_").Replace(address)
	a := w.ask("POST", "/validate/email/requestToken", token, object("email", address, "client_secret", secret, "send_attempt", 1))
	return []any{"sid", a.text("sid"), "client_secret", secret}
}

// validated is session, with the mailed code submitted.
func (w *world) validated(token, address string) []any {
	w.Helper()
	s := w.session(token, address)
	a := w.ask("POST", "/validate/email/submitToken", token, object(append(s, "token", w.Post.Last(w.TB).Code())...))
	if a.body["success"] != true {
		w.Errorf("submitToken = %s", a.raw)
	}
	return s
}

// find looks up an address as a client does.
func (w *world) find(token, address, medium string) string {
	w.Helper()
	details := w.ask("GET", "/hash_details", token, "")
	sum := sha256.Sum256([]byte(address + " " + medium + " " + details.text("lookup_pepper")))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	found := w.ask("POST", "/lookup", token, object("algorithm", "sha256", "pepper", details.text("lookup_pepper"), "addresses", []string{hash}))
	user, _ := found.body["mappings"].(map[string]any)[hash].(string)
	return user
}
