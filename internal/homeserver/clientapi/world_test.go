package clientapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/departure"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/roomkeys"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/receipt"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/sync"
	"signet/internal/homeserver/typing"
	"signet/internal/homeserver/unread"
	"signet/internal/homeserver/userdata"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/outbox"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	v3           = "/_matrix/client/v3"
	password     = "correct horse"
	sharedSecret = "the operators' own"
)

// world is a homeserver's client API behind real HTTP.
type world struct {
	*testing.T
	db     *store.DB
	vault  *seal.Vault
	api    *clientapi.API
	server *httptest.Server
	clock  *clocktest.Clock
	ids    *idclienttest.Server
	outbox *outbox.Outbox
	log    *bytes.Buffer
	logger *slog.Logger
}

// each tells the story on every engine, at a server where anybody may register.
func each(t *testing.T, story func(w *world)) {
	eachWith(t, account.Flows{{account.StageDummy}}, story)
}

// eachWith is each at a server with those ways to register.
func eachWith(t *testing.T, flows account.Flows, story func(w *world)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { story(newWorld(t, db, flows)) })
}

var owners = []string{"seal", "quota", "account", "userdata", "stream", "e2ee", "roomkeys", "room", "receipt", "departure", "outbox", "contact"}

func newWorld(t *testing.T, db *store.DB, flows account.Flows) *world {
	t.Helper()
	return newWorldWith(t, db, func(o *account.Options) { o.Flows = flows })
}

// newWorldWith is newWorld at a server whose accounts are set up like that.
func newWorldWith(t *testing.T, db *store.DB, set func(*account.Options)) *world {
	t.Helper()
	w := &world{T: t, db: db, clock: clocktest.New(), ids: idclienttest.New("hs.test"), log: new(bytes.Buffer)}
	w.logger = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.vault = sealtest.Vault(t, db, w.clock.Now)
	committer := running(t, db)
	data := userdata.New(userdata.Options{DB: db, Committer: committer, Now: w.clock.Now})
	o := account.Options{
		DB: db, Vault: w.vault, ServerName: "hs.test", Now: w.clock.Now,
		SharedSecret: []byte(sharedSecret), Hashers: 2, HashMemory: 64,
		Leavers: []account.Leaver{data, e2ee.Leaver{}, &roomkeys.Backups{DB: db}, receipt.Leaver{}, departure.Leaver{}},
	}
	set(&o)
	accounts, err := account.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.look(accounts)
	departures, err := departure.New(t.Context(), db, committer.Visible, w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	rooms := rooms(t, committer, db, w.clock.Now)
	rooms.Erased = departures.Erased
	rooms.Invitable = func(ctx context.Context, _, user matrix.UserID) error { return data.Welcomes(ctx, user) }
	departures.Join(rooms)
	w.api = &clientapi.API{
		Accounts: accounts, Rooms: rooms, Receipts: &receipt.Receipts{DB: db, Stream: committer, Rooms: rooms, Now: w.clock.Now}, Typing: typists(committer, rooms), Encryption: w.encryption(committer, db, accounts), Backups: &roomkeys.Backups{DB: db, Active: accounts.Active}, Data: data, Departures: departures, ServerName: "hs.test", PublicURL: "https://hs.test",
		IdentityServer: "https://id.test", Federation: "hs.test:8448", Now: w.clock.Now,
		RoomVersions: clientapi.RoomVersions{Default: "12", Available: map[string]string{"11": "stable", "12": "stable"}},
	}
	w.identity(accounts)
	w.people(rooms, data, accounts)
	data.Active, w.api.Receipts.Ended = accounts.Active, accounts.Ended
	counts := unread.New(unread.Options{Rooms: rooms, Receipts: w.api.Receipts, Rules: data})
	w.api.Receipts.Moving, data.RulesChange = counts.ReceiptMoves, counts.RulesChange
	w.api.Sync = sync.New(sync.Options{Stream: committer, Rooms: rooms, Data: data, Encryption: w.api.Encryption, Receipts: w.api.Receipts, Typing: w.api.Typing, Unread: counts, Now: w.clock.Now, Log: w.logger})
	handler, err := mxhttp.New(mxhttp.Options{
		Logger: w.logger, Translate: clientapi.Translate, Page: w.api.Page, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, w.api.Routes())
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	return w
}

// look has accounts learn what other processes have ended; from then on they remember tokens.
func (w *world) look(accounts *account.Accounts) {
	w.Helper()
	if err := accounts.Look(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// wholeLog ends the server and returns all that it has logged, at debug level: a
// line is written after its request was answered.
func (w *world) wholeLog() string {
	w.server.Close()
	return w.log.String()
}

// answer is a response with its body, as text and as JSON.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (a answer) str(member string) string {
	s, _ := a.json[member].(string)
	return s
}

// do sends a request; header lines are "Name: value".
func (w *world) do(method, path, body string, header ...string) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	return read(w.T, res)
}

// read is what a response has in it.
func read(t *testing.T, res *http.Response) answer {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	if err := json.Unmarshal(text, &a.json); err != nil && !json.Valid(text) && len(text) > 0 && !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s %s answers %q, which is not JSON", res.Request.Method, res.Request.URL.Path, text)
	}
	return a
}

// want checks status and errcode; an empty code stands for none.
func (w *world) want(what string, got answer, status int, code string) {
	w.Helper()
	if got.status != status || got.str("errcode") != code {
		w.Errorf("%s = %d %s, want %d %s", what, got.status, got.text, status, code)
	}
	if code != "" && got.str("error") == "" {
		w.Errorf("%s: %s says nothing to people", what, got.text)
	}
}

// wantJSON checks the whole body of a 200.
func (w *world) wantJSON(what string, got answer, body string) {
	w.Helper()
	if got.status != http.StatusOK || got.text != body {
		w.Errorf("%s = %d %s, want 200 %s", what, got.status, got.text, body)
	}
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// joined registers a user and returns the first access token.
func (w *world) joined(name string) string {
	w.Helper()
	a := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":"`+name+`","password":"`+password+`"}`)
	w.want("registering "+name, a, 200, "")
	return a.str("access_token")
}

// byOperator is an account at a server that takes no registrations, with its access token.
func (w *world) byOperator(name string) string {
	w.Helper()
	if _, err := w.api.Accounts.CreateUser(w.Context(), account.NewUser{Name: name, Password: password}); err != nil {
		w.Fatal(err)
	}
	login, err := w.api.Accounts.Login(w.Context(), account.Credentials{Name: name, Password: password})
	if err != nil {
		w.Fatal(err)
	}
	return login.AccessToken
}

// ours is the key that signs events.
var ours = event.Signer{Server: "hs.test", Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

// running is a stream that runs until the test ends.
func running(t testing.TB, db *store.DB) *stream.Committer {
	t.Helper()
	committer, err := stream.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- committer.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return committer
}

// typists are those in rooms.
func typists(committer *stream.Committer, rooms *room.Rooms) *typing.Typing {
	t := typing.New(rooms)
	t.Join(stream.NewPassingLane(committer, t))
	return t
}

// rooms are those of a server.
func rooms(t testing.TB, committer *stream.Committer, db *store.DB, now func() time.Time) *room.Rooms {
	t.Helper()
	rooms, err := room.New(t.Context(), room.Options{DB: db, Stream: committer, ServerName: "hs.test", Now: now,
		Signer: func(context.Context) (event.Signer, error) { return ours, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return rooms
}
