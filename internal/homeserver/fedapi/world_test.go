package fedapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/notary"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/transaction"
	"signet/internal/homeserver/userdata"
	"signet/internal/idclient/idclienttest"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/serverkeys"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const server = matrix.ServerName("hs.test")

// world is a homeserver's server-server API behind real HTTP, with other servers that
// have keys.
type world struct {
	*testing.T
	db         *store.DB
	vault      *seal.Vault
	accounts   *account.Accounts
	keys       *keyring.Ring
	rooms      *room.Rooms
	data       *userdata.Data
	encryption *e2ee.Encryption
	clock      *clocktest.Clock
	identity   *idclienttest.Server
	api        *fedapi.API
	http       *httptest.Server
	log        *bytes.Buffer // every line, at debug level, once http is closed

	mu       sync.Mutex // guards what follows
	heard    []matrix.ServerName
	received []string // PDUs
	edus     []string
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "quota", "account", "stream", "room", "inbound", "transaction", "userdata", "e2ee", "blocklist", "thirdparty"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), log: new(bytes.Buffer)}
		w.vault = sealtest.Vault(t, db, w.clock.Now)
		log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var err error
		w.accounts, err = account.New(t.Context(), account.Options{
			DB: db, Vault: w.vault, ServerName: server, Now: w.clock.Now, Flows: account.Flows{{account.StageDummy}}, Hashers: 1, HashMemory: 64,
		})
		w.ok(err)
		w.keys = keyringtest.Open(t, db, w.vault, w.clock.Now, keyring.Federation)
		w.openRooms()
		in := inbound.New(inbound.Options{DB: db, Rooms: w.rooms, Remote: nobody{}, Keys: peerKeys{}, ServerName: server, Signer: w.signer, Now: w.clock.Now})
		w.identity = idclienttest.NewOfUsers()
		invites := thirdparty.New(thirdparty.Options{DB: db, Rooms: w.rooms, Inviter: in, Remote: nobody{}, Identity: w.identity.ClientOf(server, w.clock.Now),
			ServerName: server, Exists: w.accounts.Exists, Now: w.clock.Now})
		w.api = &fedapi.API{
			ThirdParty: invites,
			Accounts:   w.accounts, Keys: w.keys, ServerName: server, Version: "1.2.3", Now: w.clock.Now,
			ServerKeys: peerKeys{}, Peers: w,
			Inbound: in, Data: w.data, Encryption: w.encryption,
			Notary: notary.New(notary.Options{ServerName: server, Asker: published{w}, Now: w.clock.Now, Signer: w.signer,
				Own: func(ctx context.Context) ([]byte, error) {
					return serverkeys.Publish(ctx, w.keys, server, w.clock.Now())
				}}),
			Transactions: transaction.New(transaction.Options{DB: db, Receiver: w, Handler: w, Now: w.clock.Now, Log: log, Explain: fedapi.Explain}),
			Rooms:        resident.New(resident.Options{Rooms: w.rooms, ServerName: server, Signer: w.signer, Keys: peerKeys{}, Graph: in}),
		}
		handler, err := mxhttp.New(mxhttp.Options{Logger: log, Translate: fedapi.Translate}, w.api.Routes())
		w.ok(err)
		w.http = httptest.NewServer(handler)
		t.Cleanup(w.http.Close)
		story(w)
	})
}

// directory is the accounts as e2ee sees them.
type directory struct{ *account.Accounts }

func (d directory) Devices(ctx context.Context, q store.Queryer, user matrix.UserID) (devices []e2ee.KnownDevice, err error) {
	known, err := d.Known(ctx, q, user)
	for _, k := range known {
		devices = append(devices, e2ee.KnownDevice{ID: e2ee.DeviceID(k.ID), DisplayName: k.DisplayName})
	}
	return devices, err
}

// openRooms opens the rooms, and what else is in their stream, and runs it.
func (w *world) openRooms() {
	w.Helper()
	committer, err := stream.Open(w.Context(), w.db)
	w.ok(err)
	w.rooms, err = room.New(w.Context(), room.Options{DB: w.db, Stream: committer, ServerName: server, Now: w.clock.Now, Signer: w.signer})
	w.ok(err)
	w.data = userdata.New(userdata.Options{DB: w.db, Committer: committer, Now: w.clock.Now})
	w.encryption, err = e2ee.New(w.Context(), e2ee.Options{DB: w.db, Stream: committer, ServerName: server, Now: w.clock.Now, Devices: directory{w.accounts}})
	w.ok(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- committer.Run(ctx) }()
	w.Cleanup(func() { stop(); <-ended })
}

func (w *world) signer(ctx context.Context) (event.Signer, error) {
	key, err := w.keys.Current(ctx)
	return event.Signer{Server: server, Key: key}, err
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) Heard(server matrix.ServerName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, server)
}

// peer is another server.
type peer struct {
	*world
	name matrix.ServerName
	key  matrix.SigningKey
}

// The other servers of the tests.
const (
	remote = matrix.ServerName("remote.test")
	third  = matrix.ServerName("third.test:8448")
)

// keyOf is the key by which a server of the tests signs.
func keyOf(name matrix.ServerName) matrix.SigningKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return matrix.SigningKey{ID: "ed25519:k", Private: ed25519.NewKeyFromSeed(seed)}
}

func (w *world) peer(name matrix.ServerName) *peer { return &peer{w, name, keyOf(name)} }

// peerKeys are the keys of all servers of the tests.
type peerKeys struct{}

var errNoKey = errors.New("no such key")

func (peerKeys) VerifyKey(_ context.Context, server matrix.ServerName, id matrix.KeyID, _ time.Time) (ed25519.PublicKey, error) {
	if id != "ed25519:k" || server == "gone.test" {
		return nil, errNoKey
	}
	return keyOf(server).Public(), nil
}

func (peerKeys) AtHand(context.Context, matrix.ServerName, matrix.KeyID) (ed25519.PublicKey, bool) {
	return nil, false
}

// answer is what the server says.
type answer struct {
	status int
	body   []byte
}

// json is the answer as Go sees it.
func (a answer) json() (v map[string]any) {
	_ = json.Unmarshal(a.body, &v)
	return v
}

func (a answer) code() matrix.ErrCode {
	code, _ := a.json()["errcode"].(string)
	return matrix.ErrCode(code)
}

// request is a call that a peer makes, as it may be changed on its way.
type request struct {
	method, uri, body string
	destination       matrix.ServerName
	tamper            func(*http.Request)
}

// do makes a signed call.
func (p *peer) do(method, uri, body string) answer {
	p.Helper()
	return p.send(request{method: method, uri: uri, body: body, destination: server})
}

func (p *peer) get(uri string) answer {
	p.Helper()
	return p.do("GET", uri, "")
}

func (p *peer) getf(uri string, args ...any) answer {
	p.Helper()
	return p.get(fmt.Sprintf(uri, args...))
}

func (p *peer) send(r request) answer {
	p.Helper()
	signed := matrix.SignedRequest{Method: r.method, URI: r.uri, Origin: p.name, Destination: r.destination}
	if r.body != "" {
		signed.Content = []byte(r.body)
	}
	x, err := signed.Authorize(p.key)
	p.ok(err)
	req, err := http.NewRequest(r.method, p.http.URL+r.uri, strings.NewReader(r.body))
	p.ok(err)
	req.Header.Set("Authorization", x.String())
	if r.tamper != nil {
		r.tamper(req)
	}
	return p.read(http.DefaultClient.Do(req))
}

func (w *world) read(res *http.Response, err error) answer {
	w.Helper()
	w.ok(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.ok(err)
	return answer{res.StatusCode, body}
}

// wants checks status and errcode of an answer.
func (w *world) wants(what string, a answer, status int, code matrix.ErrCode) {
	w.Helper()
	if a.status != status || a.code() != code {
		w.Errorf("%s = %d %.300s, want %d %s", what, a.status, a.body, status, code)
	}
}

func (w *world) get(path string) (status int, body []byte) {
	w.Helper()
	a := w.read(http.Get(w.http.URL + path))
	return a.status, a.body
}

// want checks status and errcode of a call that nobody has signed.
func (w *world) want(path string, status int, code matrix.ErrCode) {
	w.Helper()
	got, body := w.get(path)
	w.wants("GET "+path, answer{got, body}, status, code)
}

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

func encode(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

// texts is a list of text in an answer.
func texts(v any) (all []string) {
	list, _ := v.([]any)
	for _, one := range list {
		all = append(all, one.(string))
	}
	return all
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func contains(text, part string) bool { return strings.Contains(text, part) }
