package invite_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/fedclient"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/lookup/invite"
	"signet/lookup/invite/message"
	"signet/verify/fraud"
)

var owners = []string{"seal", "keyring", "outbox", "quota", "fraud", "invite"}

// world is the invitations of a database and what surrounds them: who is bound to what,
// the post, and homeservers on this machine.
type world struct {
	testing.TB
	*invite.Invites
	db       *store.DB
	vault    *seal.Vault
	clock    *clocktest.Clock
	keys     *keys.Server
	outbox   *outbox.Outbox
	bindings *bindings
	post     *post
	log      *lockedLog
}

// each tells a story on both engines.
func each(t *testing.T, tell func(w *world)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { tell(newWorld(t, db)) })
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{TB: t, db: db, clock: clocktest.New(), bindings: &bindings{users: map[threepid.Address]matrix.UserID{}}, post: &post{}, log: &lockedLog{}}
	w.vault = sealtest.Vault(t, db, w.clock.Now)
	ring := keyringtest.Open(t, db, w.vault, w.clock.Now, keyring.Association)
	w.keys = &keys.Server{Name: "id.example.org", Ring: ring}
	w.Invites, w.outbox = w.open(func(*invite.Options) {})
	return w
}

// messages are what is written to who is invited, read once: that takes as long as many a story.
var messages = sync.OnceValues(func() (*message.Words, error) { return message.New("", "id.example.org", "id.example.org") })

// open builds one replica, changed, whose outbox nobody works on yet.
func (w *world) open(change func(*invite.Options)) (*invite.Invites, *outbox.Outbox) {
	w.Helper()
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	box, err := outbox.New(context.Background(), outbox.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Log: log})
	w.must(err)
	budgets, err := quota.New(context.Background(), quota.Options{DB: w.db, Vault: w.vault, Budgets: invite.Budgets(true), Now: w.clock.Now, Log: log})
	w.must(err)
	guard, err := fraud.New(context.Background(), fraud.Options{DB: w.db, Vault: w.vault, Policy: fraud.Policy{Countries: []string{fraud.Any}}, Now: w.clock.Now, Log: log})
	w.must(err)
	words, err := messages()
	w.must(err)
	o := invite.Options{
		DB: w.db, Vault: w.vault, Outbox: box, Quota: budgets, Bindings: w.bindings, Signer: w.keys, Words: words, Fraud: guard, Email: w.post, SMS: w.post,
		Federation: nowhere{}, Links: links, Name: w.keys.Name, ExpireAfter: 7 * 24 * time.Hour, Now: w.clock.Now, Rand: rand.Reader, Log: log,
	}
	change(&o)
	i, err := invite.New(context.Background(), o)
	w.must(err)
	return i, box
}

var links = invite.Links{
	Page: func(token, key string) string {
		return "https://id.example.org/invitation#token=" + token + "&key=" + key
	},
	Short: func(token, key string) string { return "https://id.example.org/i#" + token + key },
	Never: func(token string) string { return "https://id.example.org/invitation/never/" + token },
}

// limited puts the budgets in force.
func (w *world) limited() *world {
	w.Helper()
	q, err := quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: invite.Budgets(false), Now: w.clock.Now})
	w.must(err)
	w.Invites.Quota = q
	return w
}

// work attempts what is due at a replica, and records it.
func (w *world) work(box *outbox.Outbox) { box.AttemptDue(w.Context()) }

// then does the work that is due at a replica, after which something must be so.
func (w *world) then(box *outbox.Outbox, what string, so func() bool) {
	w.Helper()
	w.work(box)
	if !so() {
		w.Fatalf("it is not so that %s; the log says\n%s", what, w.log)
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) address(s string) threepid.Address {
	w.Helper()
	medium := "msisdn"
	if strings.Contains(s, "@") {
		medium = "email"
	}
	a, err := threepid.Parse(medium, s)
	w.must(err)
	return a
}

// asks is what bob asks for alice.
func (w *world) asks(change ...func(*invite.Request)) invite.Request {
	r := invite.Request{
		Address: w.address("alice@example.org"), Sender: "@bob:example.com", Room: "!tea:example.com", SenderName: "Bob", RoomName: "Tea at five",
		Language: locale.English,
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// invites stores what asks asks for.
func (w *world) invites(change ...func(*invite.Request)) invite.Stored {
	w.Helper()
	s, err := w.Store(w.Context(), w.asks(change...))
	w.must(err)
	return s
}

// binds does what lookup does when an address is bound.
func (w *world) binds(i *invite.Invites, address string, user matrix.UserID) {
	w.Helper()
	w.must(w.bind(i, address, user))
}

func (w *world) bind(i *invite.Invites, address string, user matrix.UserID) error {
	a := w.address(address)
	if err := w.db.Tx(context.Background(), func(tx *store.Tx) error { return i.Bound(context.Background(), tx, a, user) }); err != nil {
		return err
	}
	w.bindings.set(a, user)
	return nil
}

// states are those of a sender's invitations, the newest first.
func (w *world) states(sender matrix.UserID) (all []invite.State) {
	w.Helper()
	list, err := w.List(w.Context(), sender)
	w.must(err)
	for _, v := range list {
		all = append(all, v.State)
	}
	return all
}

func (w *world) count(table, where string) (n int) {
	w.Helper()
	w.must(w.db.QueryRow(w.Context(), "SELECT COUNT(*) FROM "+table+" WHERE "+where).Scan(&n))
	return n
}

// bindings are who is behind which address, and how often that was asked.
type bindings struct {
	mu    sync.Mutex // guards the rest
	users map[threepid.Address]matrix.UserID
	asked int
}

func (b *bindings) UserOf(_ context.Context, a threepid.Address) (matrix.UserID, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	u, ok := b.users[a]
	return u, ok, nil
}

func (b *bindings) set(a threepid.Address, u matrix.UserID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users[a] = u
}

// post keeps what is sent, or fails.
type post struct {
	mu     sync.Mutex // guards the rest
	emails []deliver.Email
	texts  []deliver.SMS
	err    error
}

func (p *post) SendEmail(_ context.Context, m deliver.Email) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.emails = append(p.emails, m)
	}
	return p.err
}

func (*post) Name() string { return "post" }

func (p *post) SendSMS(_ context.Context, m deliver.SMS) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.texts = append(p.texts, m)
	}
	return p.err
}

func (p *post) Send(ctx context.Context, m deliver.SMS, tried []sms.Tried, mark sms.Mark) error {
	chain, err := sms.NewChain(sms.ChainOptions{Providers: []sms.Provider{p}})
	if err != nil {
		return err
	}
	return chain.Send(ctx, m, tried, mark)
}

func (p *post) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *post) mails() []deliver.Email {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]deliver.Email(nil), p.emails...)
}

func (p *post) sms() []deliver.SMS {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]deliver.SMS(nil), p.texts...)
}

// nowhere reaches no server.
type nowhere struct{}

func (nowhere) Do(context.Context, fedclient.Request) (fedclient.Response, error) {
	return fedclient.Response{}, fedclient.ErrUnreachable
}

// homeserver is one on this machine that is told of bound addresses.
type homeserver struct {
	*httptest.Server
	mu       sync.Mutex // guards the rest
	methods  []string   // of all calls, in order
	bodies   [][]byte   // of those that were taken
	statuses map[string]int
}

// homeserver starts one that answers the methods so; 200 where none is given.
func (w *world) homeserver(statuses map[string]int) *homeserver {
	w.Helper()
	h := &homeserver{statuses: statuses}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	h.StartTLS()
	w.Cleanup(h.Close)
	return h
}

func (h *homeserver) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.methods = append(h.methods, r.Method)
	status, set := h.statuses[r.Method]
	if !set {
		status = http.StatusOK
	}
	if r.URL.Path != "/_matrix/federation/v1/3pid/onbind" || r.Header.Get("Content-Type") != "application/json" {
		status = http.StatusBadRequest
	}
	if status == http.StatusOK {
		h.bodies = append(h.bodies, body)
	}
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "{}")
}

func (h *homeserver) answer(method string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.statuses == nil {
		h.statuses = map[string]int{}
	}
	h.statuses[method] = status
}

func (h *homeserver) taken() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([][]byte(nil), h.bodies...)
}

func (h *homeserver) called() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.methods...)
}

// user is an account there.
func (h *homeserver) user(local string) matrix.UserID {
	return matrix.UserID("@" + local + ":" + strings.TrimPrefix(h.URL, "https://"))
}

// federation is a real client that reaches those homeservers and nothing beyond
// loopback.
func (w *world) federation(servers ...*homeserver) *fedclient.Client {
	pool := x509.NewCertPool()
	for _, h := range servers {
		pool.AddCert(h.Certificate())
	}
	return fedclient.New(fedclient.Options{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: pool, Now: w.clock.Now,
		Dial: func(ctx context.Context, network string, addr netip.AddrPort) (net.Conn, error) {
			if !addr.Addr().IsLoopback() {
				w.Errorf("%v was to be dialled", addr)
			}
			return new(net.Dialer).DialContext(ctx, network, addr.String())
		},
	})
}

// onbind is what a homeserver reads.
type onbind struct {
	Address, Medium, MXID string
	Invites               []struct {
		Address, Medium, MXID, Sender string
		RoomID                        string          `json:"room_id"`
		Signed                        json.RawMessage `json:"signed"`
	}
}

// reads takes the body of a call apart and checks its signatures.
func (w *world) reads(body []byte) (o onbind) {
	w.Helper()
	w.must(json.Unmarshal(body, &o))
	key, err := w.keys.Ring.Current(w.Context())
	w.must(err)
	for _, i := range o.Invites {
		if err := matrix.Verify("id.example.org", key.ID, key.Public(), i.Signed); err != nil {
			w.Errorf("the signature of %s: %v", i.Signed, err)
		}
	}
	return o
}

// lockedLog is a log that many write.
type lockedLog struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
