package verify_test

import (
	"context"
	"errors"
	"testing"

	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/verifytest"
)

const alice, mallory = verify.Caller("account @alice:example.org"), verify.Caller("account @mallory:example.org")

// story is a test's world with words for what people do.
type story struct {
	*testing.T
	*verifytest.World
	asked int // requests, for a secret of its own each
}

func each(t *testing.T, tell func(s *story)) {
	storetest.Each(t, verifytest.Owners, func(t *testing.T, db *store.DB) {
		tell(&story{T: t, World: verifytest.New(t, db)})
	})
}

func email(t testing.TB, text string) threepid.Address {
	t.Helper()
	a, err := threepid.ParseEmail(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func phone(t testing.TB) threepid.Address { return number(t, "+12015550123") }

func number(t testing.TB, text string) threepid.Address {
	t.Helper()
	a, err := threepid.ParsePhone(text, "US")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *story) request(attempt int64) (verify.Credentials, error) {
	sid, err := s.Request(s.Context(), verify.Request{
		Address: email(s.T, "alice@example.org"), ClientSecret: "secret", Caller: alice, SendAttempt: attempt,
	})
	return verify.Credentials{SID: sid, ClientSecret: "secret"}, err
}

func (s *story) mustRequest(attempt int64) verify.Credentials {
	s.Helper()
	c, err := s.request(attempt)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *story) submit(c verify.Credentials, code string, want error) {
	s.Helper()
	if err := s.Submit(s.Context(), c, alice, code); !errors.Is(err, want) {
		s.Errorf("Submit = %v, want %v", err, want)
	}
}

// other is a code that is not the right one.
func other(code string) string {
	flipped := []byte(code)
	flipped[0] = '0' + (flipped[0]-'0'+1)%10
	return string(flipped)
}

// run starts the workers of the outbox, which take up what was not sent.
func run(s *story) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Outbox.Run(ctx) }()
	s.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
}

// key is the outbox key of the only message there is.
func (s *story) key() (key string) {
	s.Helper()
	if err := s.DB.QueryRow(s.Context(), "SELECT idempotency_key FROM outbox_jobs").Scan(&key); err != nil {
		s.Fatal(err)
	}
	return key
}

// dump is a table, which is not empty, as text.
func dump(t *testing.T, db *store.DB, table string) string {
	t.Helper()
	all := storetest.Dump(t, db, table)
	if all == "" {
		t.Fatalf("%s is empty", table)
	}
	return all
}
