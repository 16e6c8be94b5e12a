// Package verifytest builds a verifier on a test's database, with a clock set by
// hand and a post office that keeps what was sent.
package verifytest

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/deliver"
	"signet/internal/deliver/sms"
	"signet/internal/outbox"
	"signet/internal/quota"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/captcha"
	"signet/verify/fraud"
	"signet/verify/message"
)

// Owners are the tables that a World needs.
var Owners = []string{"seal", "outbox", "quota", "verify", "captcha", "fraud"}

// LinkPrefix stands before the token in a mailed link, StopPrefix before that of the
// link by which somebody says that it was not they.
const (
	LinkPrefix = "https://id.example.org/_signet/verify/"
	StopPrefix = "https://id.example.org/n/"
)

// World is a verifier and what surrounds it. Its budgets are in dry run, it asks for no
// CAPTCHA, knows every homeserver and sends text messages everywhere, unless told
// otherwise.
type World struct {
	*verify.Verifier
	DB     *store.DB
	Vault  *seal.Vault
	Clock  *clocktest.Clock
	Outbox *outbox.Outbox
	Post   *Post
	// Slept is how long each decoy took.
	Slept []time.Duration
}

// New builds a World on db, which has the tables of Owners.
func New(t testing.TB, db *store.DB) *World {
	t.Helper()
	return NewLogging(t, db, slog.New(slog.DiscardHandler))
}

// NewLogging is New with a log.
func NewLogging(t testing.TB, db *store.DB, log *slog.Logger) *World {
	t.Helper()
	clock := clocktest.New()
	return build(t, db, sealtest.Vault(t, db, clock.Now), clock, &Post{}, log)
}

// Replica builds another verifier on another connection to the same database, with
// the vault, clock and post of w.
func (w *World) Replica(t testing.TB, db *store.DB) *World {
	t.Helper()
	return build(t, db, w.Vault, w.Clock, w.Post, slog.New(slog.DiscardHandler))
}

// texts are what the server says, read once: that takes as long as many a story.
var texts = sync.OnceValues(func() (*message.Words, error) { return message.New("", "id.example.org", "id.example.org") })

func build(t testing.TB, db *store.DB, vault *seal.Vault, clock *clocktest.Clock, post *Post, log *slog.Logger) *World {
	t.Helper()
	ctx := context.Background()
	box, err := outbox.New(ctx, outbox.Options{DB: db, Vault: vault, Now: clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	words, err := texts()
	if err != nil {
		t.Fatal(err)
	}
	challenges, err := captcha.New(ctx, captcha.Options{DB: db, Vault: vault, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w := &World{DB: db, Vault: vault, Clock: clock, Outbox: box, Post: post}
	w.Verifier, err = verify.New(ctx, verify.Options{
		DB: db, Vault: vault, Outbox: box, Quota: w.budgets(t, true), Captcha: challenges, When: verify.Never,
		Fraud: w.guard(t, fraud.Policy{Countries: []string{fraud.Any}}), Email: post, SMS: post, Words: words,
		Now: clock.Now, Sleep: w.sleep, Rand: io.Reader(rand.Reader), Log: log, Patience: time.Minute,
		LinkURL: func(token string) string { return LinkPrefix + token },
		StopURL: func(token string) string { return StopPrefix + token },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) sleep(_ context.Context, d time.Duration) error {
	w.Slept = append(w.Slept, d)
	return nil
}

func (w *World) budgets(t testing.TB, dryRun bool) *quota.Quota {
	t.Helper()
	q, err := quota.New(context.Background(), quota.Options{DB: w.DB, Vault: w.Vault, Budgets: verify.Budgets(dryRun),
		Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (w *World) guard(t testing.TB, p fraud.Policy) *fraud.Guard {
	t.Helper()
	g, err := fraud.New(context.Background(), fraud.Options{DB: w.DB, Vault: w.Vault, Policy: p, Now: w.Clock.Now,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Limited is w with its budgets in force.
func (w *World) Limited(t testing.TB) *World {
	t.Helper()
	w.Verifier.Quota = w.budgets(t, false)
	return w
}

// Sending is w with a policy for text messages.
func (w *World) Sending(t testing.TB, p fraud.Policy) *World {
	t.Helper()
	w.Verifier.Fraud = w.guard(t, p)
	return w
}

// Prove opens a session for the caller, validates it with the code that was sent,
// and returns its credentials and proof.
func (w *World) Prove(t testing.TB, address threepid.Address, caller verify.Caller, secret string) (verify.Credentials, verify.Proof) {
	t.Helper()
	ctx := context.Background()
	sid, err := w.Request(ctx, verify.Request{Address: address, ClientSecret: secret, Caller: caller, SendAttempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := verify.Credentials{SID: sid, ClientSecret: secret}
	if err := w.Submit(ctx, c, caller, w.Post.Last(t).Code()); err != nil {
		t.Fatal(err)
	}
	proof, err := w.Verifier.Prove(ctx, c, caller)
	if err != nil {
		t.Fatal(err)
	}
	return c, proof
}

// Post is a sender that keeps every message, or fails as it is told to.
type Post struct {
	mu    sync.Mutex // guards the rest
	tried []Message
	sent  []Message
	err   error
	delay func()
}

// Message is a message that was sent.
type Message struct {
	To   threepid.Address
	Text string
}

// SendEmail keeps an e-mail.
func (p *Post) SendEmail(_ context.Context, m deliver.Email) error {
	return p.keep(Message{m.To, m.Text})
}

// Name is Post's as a provider of text messages.
func (p *Post) Name() string { return "post" }

// SendSMS keeps a text message.
func (p *Post) SendSMS(_ context.Context, m deliver.SMS) error {
	return p.keep(Message{m.To, m.Text})
}

// Send keeps a text message, as a chain of one provider.
func (p *Post) Send(ctx context.Context, m deliver.SMS, tried []sms.Tried, mark sms.Mark) error {
	chain, err := sms.NewChain(sms.ChainOptions{Providers: []sms.Provider{p}})
	if err != nil {
		return err
	}
	return chain.Send(ctx, m, tried, mark)
}

func (p *Post) keep(m Message) error {
	p.mu.Lock()
	p.tried = append(p.tried, m)
	delay := p.delay
	p.mu.Unlock()
	if delay != nil {
		delay()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.sent = append(p.sent, m)
	}
	return p.err
}

// Fail makes every message from now on fail with err; nil ends it.
func (p *Post) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// Delay runs before every message from now on; nil ends it.
func (p *Post) Delay(delay func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// Tried is all messages, sent or not, the oldest first.
func (p *Post) Tried() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.tried...)
}

// Wait waits for a message that a worker sends, and returns the newest.
func (p *Post) Wait(t testing.TB) Message {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(p.Sent()) == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	return p.Last(t)
}

// Sent is all messages that were taken, the oldest first.
func (p *Post) Sent() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.sent...)
}

// Last is the newest message.
func (p *Post) Last(t testing.TB) Message {
	t.Helper()
	sent := p.Sent()
	if len(sent) == 0 {
		t.Fatal("no message was sent")
	}
	return sent[len(sent)-1]
}

var (
	code = regexp.MustCompile(`\b(\d{4} ?\d{4}|\d{6})\b`)
	link = regexp.MustCompile(regexp.QuoteMeta(LinkPrefix) + `(\w+)`)
	stop = regexp.MustCompile(regexp.QuoteMeta(StopPrefix) + `(\w+)`)
)

// Code is the code that the message tells.
func (m Message) Code() string { return strings.ReplaceAll(code.FindString(m.Text), " ", "") }

// Link is the token of the link that the message tells.
func (m Message) Link() string { return token(link, m.Text) }

// Stop is the token of the link for those who it was not.
func (m Message) Stop() string { return token(stop, m.Text) }

func token(link *regexp.Regexp, text string) string {
	if found := link.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}
