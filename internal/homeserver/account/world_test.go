package account_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/seal"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
)

const (
	server       = matrix.ServerName("hs.test")
	password     = "correct horse"
	sharedSecret = "the operators' own"
)

// world is a server with its accounts.
type world struct {
	*testing.T
	*account.Accounts
	db    *store.DB
	vault *seal.Vault
	clock *clocktest.Clock
	left  leaver
	id    *idclienttest.Server
	out   *outbox.Outbox // of the contacts that were made last
}

// leaver remembers whose accounts were deactivated, and whether to be erased.
type leaver map[matrix.UserID]bool

func (l *leaver) Leave(_ context.Context, _ *store.Tx, user matrix.UserID, erase bool) error {
	(*l)[user] = erase
	return nil
}

// each tells the story on every engine and looks through the books at its end.
func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "account", "outbox", "contact"}, func(t *testing.T, db *store.DB) {
		clock := clocktest.New()
		w := &world{T: t, db: db, vault: sealtest.Vault(t, db, clock.Now), clock: clock, left: leaver{}, id: idclienttest.New(server)}
		w.Accounts = w.open(account.Flows{{account.StageDummy}})
		w.Contacts = w.contacts()
		w.look() // so that tokens are remembered
		story(w)
		w.check()
	})
}

// contacts are those of the accounts, at an identity server that does as it should.
func (w *world) contacts() *contact.Contacts {
	w.Helper()
	trusted, err := idclient.ParseTrusted("https://id.test", nil)
	if err != nil {
		w.Fatal(err)
	}
	w.out, err = outbox.New(w.Context(), outbox.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.Fatal(err)
	}
	c, err := contact.New(w.Context(), contact.Options{
		DB: w.db, Vault: w.vault, ServerName: server, Identity: w.id.Client(w.clock.Now), Trusted: trusted, Outbox: w.out, Now: w.clock.Now, Active: w.Active,
	})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// shown is a session in which somebody has shown an address to be theirs.
func (w *world) shown(purpose idclient.Purpose, text string) idclient.Session {
	w.Helper()
	address := w.address(text)
	sid, err := w.Contacts.RequestToken(w.Context(), contact.Wish{Purpose: purpose, Address: address, ClientSecret: "s3cret"})
	if err != nil {
		w.Fatal(err)
	}
	s := idclient.Session{SID: sid, ClientSecret: "s3cret"}
	if err := w.Contacts.SubmitToken(w.Context(), address.Medium(), s, idclienttest.Code); err != nil {
		w.Fatal(err)
	}
	return s
}

func (w *world) address(text string) threepid.Address {
	w.Helper()
	address, err := threepid.ParseEmail(text)
	if err != nil {
		w.Fatal(err)
	}
	return address
}

// has gives a user an address.
func (w *world) has(user matrix.UserID, text string) {
	w.Helper()
	proof, err := w.Contacts.Prove(w.Context(), w.shown(idclient.Add, text), idclient.Add, user)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return w.Contacts.Add(w.Context(), tx, user, proof) }); err != nil {
		w.Fatal(err)
	}
}

// look learns what other processes have ended.
func (w *world) look() {
	w.Helper()
	if err := w.Look(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// open opens the accounts with those ways to register, as another process on the same
// database would.
func (w *world) open(flows account.Flows) *account.Accounts {
	w.Helper()
	a, err := account.New(w.Context(), w.options(flows))
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *world) options(flows account.Flows) account.Options {
	return account.Options{
		DB: w.db, Vault: w.vault, ServerName: server, Now: w.clock.Now,
		Flows: flows, SharedSecret: []byte(sharedSecret), Leavers: []account.Leaver{&w.left}, Hashers: 2, HashMemory: 64,
	}
}

// check re-reads every row: each device has an active user, each token a device, each
// pair of tokens at most one that was made from it.
func (w *world) check() {
	w.Helper()
	for what, query := range map[string]string{
		"devices of nobody": `SELECT COUNT(*) FROM account_devices WHERE user_id NOT IN (SELECT user_id FROM account_users WHERE deactivated_ms = 0)`,
		"tokens of no device": `SELECT COUNT(*) FROM account_tokens t WHERE NOT EXISTS
			(SELECT 1 FROM account_devices d WHERE d.user_id = t.user_id AND d.device_id = t.device_id)`,
		"devices without tokens": `SELECT COUNT(*) FROM account_devices d WHERE NOT EXISTS
			(SELECT 1 FROM account_tokens t WHERE d.user_id = t.user_id AND d.device_id = t.device_id)`,
		"tokens made from none":       `SELECT COUNT(*) FROM account_tokens WHERE parent_mac NOT IN (SELECT token_mac FROM account_tokens)`,
		"pairs with rivals":           `SELECT COUNT(*) FROM (SELECT 1 AS n FROM account_tokens WHERE parent_mac IS NOT NULL GROUP BY parent_mac HAVING COUNT(*) > 1) AS rivals`,
		"sessions of nobody":          `SELECT COUNT(*) FROM account_uia WHERE user_id <> '' AND user_id NOT IN (SELECT user_id FROM account_users WHERE deactivated_ms = 0)`,
		"login tokens of nobody":      `SELECT COUNT(*) FROM account_login_tokens WHERE user_id NOT IN (SELECT user_id FROM account_users WHERE deactivated_ms = 0)`,
		"tokens used too often":       `SELECT COUNT(*) FROM account_registration_tokens WHERE use_limit > 0 AND used > use_limit`,
		"passwords of ended accounts": `SELECT COUNT(*) FROM account_users WHERE deactivated_ms > 0 AND password_hash <> ''`,
		"OpenID tokens of no device": `SELECT COUNT(*) FROM account_openid o WHERE NOT EXISTS
			(SELECT 1 FROM account_devices d WHERE d.user_id = o.user_id AND d.device_id = o.device_id)`,
		"passwords that are not hashed": `SELECT COUNT(*) FROM account_users WHERE deactivated_ms = 0 AND SUBSTR(password_hash, 1, 28) <> '$argon2id$v=19$m=64,t=2,p=1$'`,
	} {
		if n := w.count(query); n != 0 {
			w.Errorf("%d %s", n, what)
		}
	}
}

func (w *world) count(query string) (n int) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), query).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

var tables = []string{"account_users", "account_devices", "account_tokens", "account_uia", "account_openid", "account_attempts", "account_registration_tokens", "account_terms", "account_login_tokens"}

// dump is everything that the database holds, as text.
func (w *world) dump() string {
	w.Helper()
	return storetest.Dump(w.T, w.db, append([]string{"seal_secrets"}, tables...)...)
}

// rows counts what stands in all tables.
func (w *world) rows() map[string]int {
	w.Helper()
	counts := map[string]int{}
	for _, table := range tables {
		counts[table] = w.count("SELECT COUNT(*) FROM " + table)
	}
	return counts
}

// wish is a registration that lacks nothing.
func wish(name string) account.Registration {
	return account.Registration{Username: &name, Password: password, Auth: &account.Auth{Stage: account.StageDummy}}
}

// joined registers a user and returns the first device's login.
func (w *world) joined(name string) account.Login {
	w.Helper()
	login, err := w.Register(w.Context(), wish(name))
	if err != nil {
		w.Fatalf("registering %q: %v", name, err)
	}
	return login
}

// session asks for one.
func (w *world) session() string {
	w.Helper()
	_, err := w.Register(w.Context(), account.Registration{})
	challenge, ok := errors.AsType[account.Challenge](err)
	if !ok {
		w.Fatalf("a bare registration = %v, want a challenge", err)
	}
	return challenge.Session
}

// crowd runs n calls at the same moment and counts what came of them.
func crowd(n int, call func(i int) error) (errs []error) {
	var start, done sync.WaitGroup
	errs = make([]error, n)
	start.Add(1)
	for i := range n {
		done.Go(func() {
			start.Wait()
			errs[i] = call(i)
		})
	}
	start.Done()
	done.Wait()
	return errs
}

// counted is how many of the errors are want; nil counts successes.
func counted(errs []error, want error) int {
	return len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return !errors.Is(err, want) }))
}
