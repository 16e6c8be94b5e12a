package page_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"signet/internal/clocktest"
	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/locale"
	"signet/internal/mxhttp"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/keys"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/lookup"
	"signet/lookup/invite"
	"signet/verify"
	"signet/verify/captcha"
	"signet/verify/message"
	"signet/web/page"
)

// world is an identity server's pages on a real verifier, and its post.
type world struct {
	*testing.T
	srv       *httptest.Server
	db        *store.DB
	clock     *clocktest.Clock
	verifier  *verify.Verifier
	directory *lookup.Directory
	captcha   *captcha.Captcha
	outbox    *outbox.Outbox
	invites   *invite.Invites
	ring      *keyring.Ring
	people    *people.People
	config    proof.Config // by which histories are verified, the server's keys apart
	post      *post
	reader    locale.Language // what the person reads; English where nobody says otherwise
}

// post takes what is sent, or refuses it.
type post struct {
	mu     sync.Mutex
	emails []deliver.Email
	texts  []deliver.SMS
	err    error
	also   *deliver.Mailbox
}

func (p *post) SendEmail(ctx context.Context, m deliver.Email) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.emails = append(p.emails, m)
	if p.also != nil {
		return p.also.SendEmail(ctx, m)
	}
	return nil
}

func (p *post) SendSMS(_ context.Context, m deliver.SMS) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.texts = append(p.texts, m)
	return nil
}

func (p *post) Send(ctx context.Context, m deliver.SMS, _ []sms.Tried, _ sms.Mark) error {
	return p.SendSMS(ctx, m)
}

func (p *post) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func (p *post) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.emails) + len(p.texts)
}

var (
	digits = regexp.MustCompile(`[0-9]{4} ?[0-9]{4}`)
	mailed = regexp.MustCompile(`http://\S+`)
)

// newestMail is the newest e-mail.
func (w *world) newestMail() deliver.Email {
	w.Helper()
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	if len(w.post.emails) == 0 {
		w.Fatal("no e-mail was sent")
	}
	return w.post.emails[len(w.post.emails)-1]
}

// lastEmail is the code and the link of the newest e-mail.
func (w *world) lastEmail() (code, link string) {
	w.Helper()
	text := w.newestMail().Text
	return digits.FindString(text), mailed.FindString(text)
}

// messages are what the server writes, read once: that takes as long as many a story.
var messages = sync.OnceValues(func() (*message.Words, error) { return message.New("", "id.example.org", "127.0.0.1") })

// newWorld opens the pages as change leaves their options.
func newWorld(t *testing.T, change ...func(*page.Options)) *world {
	t.Helper()
	db := storetest.Open(t, storetest.SQLite(t), []string{"seal", "outbox", "keyring", "captcha", "quota", "verify", "fraud", "lookup", "invite", "log", "people"})
	w := &world{T: t, db: db, clock: clocktest.New(), post: new(post)}
	vault := sealtest.Vault(t, db, w.clock.Now)
	silent := slog.New(slog.DiscardHandler)
	out, err := outbox.New(t.Context(), outbox.Options{DB: db, Vault: vault, Now: w.clock.Now, Log: silent})
	w.must(err)
	words, err := messages()
	w.must(err)
	w.ring = keyringtest.Open(t, db, vault, w.clock.Now, keyring.Association)
	budgets, err := quota.New(t.Context(), quota.Options{DB: db, Vault: vault, Budgets: append(verify.Budgets(true), invite.Budgets(true)...), Now: w.clock.Now, Log: silent})
	w.must(err)
	w.captcha, err = captcha.New(t.Context(), captcha.Options{DB: db, Vault: vault, Now: w.clock.Now})
	w.must(err)
	w.verifier, err = verify.New(t.Context(), verify.Options{
		DB: db, Vault: vault, Outbox: out, Quota: budgets, Captcha: w.captcha, When: verify.Never, Email: w.post, SMS: w.post, Words: words, Now: w.clock.Now, Sleep: verify.Sleep,
		Rand: rand.Reader, Log: silent, Patience: time.Minute,
		LinkURL: func(token string) string { return w.srv.URL + page.LinkPath(token) },
		StopURL: func(token string) string { return w.srv.URL + page.StopPath(token) },
	})
	w.must(err)
	w.outbox = out
	w.openInvites(vault, budgets)
	own := &keys.Server{Name: "id.example.org", Ring: w.ring}
	w.directory, err = lookup.New(t.Context(), lookup.Options{DB: db, Vault: vault, Proofs: w.verifier, Signer: own, Now: w.clock.Now})
	w.must(err)
	w.openPeople(vault, own)
	o := page.Options{
		Name: "id.example.org", Verifier: w.verifier, Directory: w.directory, Now: w.clock.Now, Captcha: w.captcha, Invites: w.invites, Keys: w.ring,
		Log: w.people, Trust: w.trust, PublicURL: "https://id.example.org", Email: true, SMS: true,
		NextOrigins: []string{"https://app.example.org"}, Rand: rand.Reader,
	}
	for _, c := range change {
		c(&o)
	}
	w.post.also = o.Mailbox
	w.serve(o)
	return w
}

func (w *world) serve(o page.Options) {
	w.Helper()
	pages, err := page.New(o)
	w.must(err)
	e, err := mxhttp.New(mxhttp.Options{Page: pages.Error}, pages.Routes())
	w.must(err)
	w.srv = httptest.NewServer(e)
	w.Cleanup(w.srv.Close)
	w.srv.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// reply is an answer, read and parsed.
type reply struct {
	*world
	*http.Response
	body string
	doc  *html.Node
}

func (w *world) do(req *http.Request) *reply {
	w.Helper()
	if req.Header.Get("Accept-Language") == "" {
		req.Header.Set("Accept-Language", w.reader.String())
	}
	res, err := w.srv.Client().Do(req)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	r := &reply{world: w, Response: res, body: string(b)}
	r.doc, err = html.Parse(strings.NewReader(r.body))
	w.must(err)
	if isPage := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"); isPage && r.body != "" && !strings.HasSuffix(req.URL.Path, "/html") {
		r.checkPage()
	}
	return r
}

func (w *world) request(method, path, body string, header ...string) *reply {
	w.Helper()
	req, err := http.NewRequest(method, w.srv.URL+path, strings.NewReader(body))
	w.must(err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}

func (w *world) get(path string) *reply {
	w.Helper()
	return w.request(http.MethodGet, strings.TrimPrefix(path, w.srv.URL), "")
}

// send posts a form as a browser does from a page of the same origin.
func (w *world) send(path string, fields url.Values) *reply {
	w.Helper()
	return w.request(http.MethodPost, strings.TrimPrefix(path, w.srv.URL), fields.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

// values makes a form of pairs.
func values(pairs ...string) url.Values {
	v := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// ask is a form of our own page for an address.
func ask(pairs ...string) url.Values { return values(append(pairs, "purpose", "verify")...) }

// press fills in the form of the page and presses its button: the first, or the one
// that has an action of its own.
func (r *reply) press(action string, pairs ...string) *reply {
	r.Helper()
	fields, boxes := make(url.Values), make(map[string]string)
	for _, input := range r.all("input") {
		if attr(input, "type") == "checkbox" {
			boxes[attr(input, "name")] = attr(input, "value")
			continue
		}
		fields.Set(attr(input, "name"), attr(input, "value"))
	}
	for i := 0; i < len(pairs); i += 2 {
		if !fields.Has(pairs[i]) && boxes[pairs[i]] == "" {
			r.Fatalf("the page has no field %q:\n%s", pairs[i], r.body)
		}
		fields.Set(pairs[i], pairs[i+1])
	}
	if action == "" {
		action = attr(r.one("form"), "action")
	}
	if action == "" {
		action = r.Request.URL.Path
	}
	return r.send(action, fields)
}

// says checks the status and that the page's text has each of the phrases.
func (r *reply) says(status int, phrases ...string) *reply {
	r.Helper()
	if r.StatusCode != status {
		r.Errorf("%s %s = %d, want %d", r.Request.Method, r.Request.URL.Path, r.StatusCode, status)
	}
	text := words(r.doc)
	for _, phrase := range phrases {
		if !strings.Contains(text, phrase) {
			r.Errorf("%s %s does not say %q:\n%s", r.Request.Method, r.Request.URL.Path, phrase, text)
		}
	}
	return r
}

// validated tells how many sessions are validated.
func (w *world) validated() (n int) {
	w.Helper()
	w.must(w.db.QueryRow(w.Context(), "SELECT COUNT(*) FROM verify_sessions WHERE validated_ms > 0").Scan(&n))
	return n
}

// asked is a session that an account opened through the API, and its credentials.
func (w *world) asked(nextLink string) verify.Credentials {
	w.Helper()
	return w.requested(verify.Request{Caller: verify.Account("@alice:example.org"), NextLink: nextLink})
}

// requested is a session with Alice's address that was opened through the API.
func (w *world) requested(r verify.Request) verify.Credentials {
	w.Helper()
	var err error
	r.Address, err = threepid.ParseEmail("alice@example.org")
	w.must(err)
	r.ClientSecret, r.SendAttempt = rand.Text(), 1
	sid, err := w.verifier.Request(w.Context(), r)
	w.must(err)
	return verify.Credentials{SID: sid, ClientSecret: r.ClientSecret}
}
