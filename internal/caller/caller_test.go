package caller_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const alice = matrix.UserID("@alice:example.org")

// homeserver is example.org as the gate sees it: it answers what it is told to,
// and signs with its key.
type homeserver struct {
	status int
	body   string
	down   error
	key    matrix.SigningKey
	asked  []fedclient.Request
	keys   int // how often a key was asked for
}

func (h *homeserver) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	h.asked = append(h.asked, r)
	return fedclient.Response{Status: h.status, Body: []byte(h.body)}, h.down
}

func (h *homeserver) VerifyKey(_ context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error) {
	h.keys++
	if h.down != nil {
		return nil, h.down
	}
	if server.WithoutPort() != "example.org" || id != h.key.ID {
		return nil, fedclient.ErrUnknownKey
	}
	return h.key.Public(), nil
}

func (h *homeserver) KeyAtHand(matrix.ServerName, matrix.KeyID) (ed25519.PublicKey, error) {
	return nil, fedclient.ErrNotAtHand
}

var owners = []string{"seal", "quota", "caller"}

type story struct {
	*testing.T
	*caller.Gate
	db         *store.DB
	clock      *clocktest.Clock
	homeserver *homeserver
}

func each(t *testing.T, tell func(s *story)) {
	storetest.Each(t, owners, func(t *testing.T, db *store.DB) { tell(newStory(t, db)) })
}

func newStory(t *testing.T, db *store.DB) *story {
	clock := clocktest.New()
	h := &homeserver{status: http.StatusOK, body: `{"sub":"@alice:example.org"}`,
		key: matrix.SigningKey{ID: "ed25519:a", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}}
	vault, log := sealtest.Vault(t, db, clock.Now), slog.New(slog.DiscardHandler)
	budgets, err := quota.New(t.Context(), quota.Options{DB: db, Vault: vault, Budgets: caller.Budgets(false), Now: clock.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := caller.New(t.Context(), caller.Options{
		DB: db, Vault: vault, Quota: budgets, Federation: h, Name: "id.example.org",
		Now: clock.Now, Log: log,
		Terms: caller.Terms{
			"privacy": {Version: "1", Languages: map[string]caller.Translation{"en": {URL: "https://x/p-1-en"}, "fr": {URL: "https://x/p-1-fr"}}},
			"terms":   {Version: "2", Languages: map[string]caller.Translation{"en": {URL: "https://x/t-2-en"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &story{T: t, Gate: gate, db: db, clock: clock, homeserver: h}
}

func (s *story) register() string {
	s.Helper()
	token, err := s.Register(s.Context(), openID)
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// count is how many rows a table has.
func (s *story) count(table string) (n int) {
	s.Helper()
	if err := s.db.QueryRow(s.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

func (s *story) sweep() {
	s.Helper()
	if err := s.Gate.Sweep(s.Context()); err != nil {
		s.Fatal(err)
	}
}

var openID = caller.OpenID{AccessToken: "a&b=c", TokenType: "Bearer", Homeserver: "example.org"}

func (s *story) account(token string, want error) {
	s.Helper()
	if user, err := s.Account(s.Context(), token); !errors.Is(err, want) || err == nil && user != alice {
		s.Errorf("Account = %q, %v; want %v", user, err, want)
	}
}

func TestAnOpenIDTokenBecomesAnAccount(t *testing.T) {
	each(t, func(s *story) {
		token := s.register()
		s.account(token, nil)
		r := s.homeserver.asked[0]
		u, err := url.Parse(r.Path)
		if err != nil || r.Server != "example.org" || u.Path != "/_matrix/federation/v1/openid/userinfo" || u.Query().Get("access_token") != "a&b=c" {
			s.Errorf("asked %s for %s", r.Server, r.Path)
		}
		var dump string
		if err := s.db.QueryRow(s.Context(), "SELECT token_mac FROM caller_tokens").Scan(&dump); err != nil || strings.Contains(dump, token) {
			s.Errorf("the token stands in the database, %v", err)
		}
		if err := s.Logout(s.Context(), token); err != nil {
			s.Error(err)
		}
		s.account(token, caller.ErrUnknownToken)
		if err := s.Logout(s.Context(), token); !errors.Is(err, caller.ErrUnknownToken) {
			s.Errorf("the second Logout = %v", err)
		}
	})
}

func TestAHomeserverThatRefusesLiesOrIsDown(t *testing.T) {
	each(t, func(s *story) {
		for _, c := range []struct {
			homeserver
			want error
		}{
			{homeserver{status: 401, body: `{"errcode":"M_UNKNOWN_TOKEN"}`}, caller.ErrOpenIDRefused},
			{homeserver{status: 404, body: "no"}, caller.ErrOpenIDRefused},
			{homeserver{status: 500, body: "{}"}, caller.ErrHomeserverDown},
			{homeserver{status: 302}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `{"sub":"@alice:other.example"}`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `{"sub":"@alice:example.org:8448"}`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `{"sub":"alice"}`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `{"sub":["@alice:example.org"]}`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `{}`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: `<html>`}, caller.ErrOpenIDForged},
			{homeserver{status: 200, body: ``}, caller.ErrOpenIDForged},
			{homeserver{down: fedclient.ErrUnreachable}, caller.ErrHomeserverDown},
			{homeserver{down: fedclient.ErrForbiddenAddress}, caller.ErrHomeserverDown},
			{homeserver{down: fedclient.ErrTooLarge}, caller.ErrOpenIDForged},
		} {
			*s.homeserver = c.homeserver
			if _, err := s.Register(s.Context(), openID); !errors.Is(err, c.want) {
				s.Errorf("%d %s %v: Register = %v, want %v", c.status, c.body, c.down, err, c.want)
			}
		}
		wrong := openID
		wrong.TokenType = "MAC"
		if _, err := s.Register(s.Context(), wrong); !errors.Is(err, caller.ErrTokenType) {
			s.Errorf("another token_type = %v", err)
		}
		var rows int
		if err := s.db.QueryRow(s.Context(), "SELECT COUNT(*) FROM caller_tokens").Scan(&rows); err != nil || rows != 0 {
			s.Errorf("%d tokens, %v; want none", rows, err)
		}
	})
}

// A token lives as long as it is used once in 30 days.
func TestATokenEndsWhenItIsNotUsed(t *testing.T) {
	each(t, func(s *story) {
		token := s.register()
		for range 3 {
			s.clock.Advance(29 * 24 * time.Hour)
			s.account(token, nil)
		}
		s.clock.Advance(30 * 24 * time.Hour)
		s.account(token, caller.ErrUnknownToken)
		if err := s.Logout(s.Context(), token); !errors.Is(err, caller.ErrUnknownToken) {
			s.Errorf("Logout of an ended token = %v, want %v", err, caller.ErrUnknownToken)
		}
		if tokens, err := s.Tokens(s.Context(), alice); err != nil || len(tokens) != 0 {
			s.Errorf("Tokens = %v, %v; want none", tokens, err)
		}
	})
}

func TestTokensAreListedAndRevoked(t *testing.T) {
	each(t, func(s *story) {
		first := s.register()
		s.clock.Advance(time.Hour)
		second := s.register()
		tokens, err := s.Tokens(s.Context(), alice)
		if err != nil || len(tokens) != 2 || !tokens[0].Created.Equal(s.clock.Now()) {
			s.Errorf("Tokens = %v, %v; want two, the newest first", tokens, err)
		}
		if n, err := s.Revoke(s.Context(), alice); err != nil || n != 2 {
			s.Errorf("Revoke = %d, %v; want 2", n, err)
		}
		s.account(first, caller.ErrUnknownToken)
		s.account(second, caller.ErrUnknownToken)
	})
}

// Any one language of a document stands for it; documents may be accepted in
// several calls; with an unknown URL nothing is recorded.
func TestTerms(t *testing.T) {
	each(t, func(s *story) {
		check := func(want error) {
			s.Helper()
			if err := s.CheckTerms(s.Context(), alice); !errors.Is(err, want) {
				s.Errorf("CheckTerms = %v, want %v", err, want)
			}
		}
		accept := func(want error, urls ...string) {
			s.Helper()
			if err := s.Accept(s.Context(), alice, urls); !errors.Is(err, want) {
				s.Errorf("Accept(%v) = %v, want %v", urls, err, want)
			}
		}
		check(caller.ErrTermsNotSigned)
		accept(caller.ErrUnknownTerms, "https://x/p-1-en", "https://x/t-2-en", "https://x/t-1-en")
		check(caller.ErrTermsNotSigned)
		accept(nil, "https://x/p-1-fr")
		check(caller.ErrTermsNotSigned)
		accept(nil)
		accept(nil, "https://x/t-2-en", "https://x/p-1-fr")
		check(nil)
		if err := s.CheckTerms(s.Context(), "@bob:example.org"); !errors.Is(err, caller.ErrTermsNotSigned) {
			s.Errorf("another user's CheckTerms = %v", err)
		}
	})
}
