package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

func TestRegistrationTokens(t *testing.T) {
	each(t, func(w *world) {
		hour, made := w.clock.Now().Add(time.Hour), w.clock.Now()
		for _, t := range []account.RegistrationToken{{Token: "ever"}, {Token: "twice", Limit: 2}, {Token: "hour", Expires: hour}} {
			if _, err := w.CreateRegistrationToken(w.Context(), t); err != nil {
				w.Fatal(err)
			}
			w.clock.Advance(time.Millisecond)
		}
		own, err := w.CreateRegistrationToken(w.Context(), account.RegistrationToken{})
		if err != nil || len(own.Token) < 16 {
			w.Fatalf("a token of the server's choice = %+v, %v", own, err)
		}
		all, err := w.RegistrationTokens(w.Context())
		if err != nil || len(all) != 4 || !all[0].Created.Equal(made) || all[1].Token != "twice" || all[1].Limit != 2 || !all[2].Expires.Equal(hour) {
			w.Errorf("RegistrationTokens = %+v, %v", all, err)
		}
		valid := func(want bool, tokens ...string) {
			w.Helper()
			for _, token := range tokens {
				if got, err := w.RegistrationTokenValid(w.Context(), token); err != nil || got != want {
					w.Errorf("RegistrationTokenValid(%q) = %v, %v; want %v", token, got, err, want)
				}
			}
		}
		valid(true, "ever", "twice", "hour", own.Token)
		valid(false, "", "unknown", "Ever", strings.Repeat("x", 10_000))
		w.clock.Advance(time.Hour)
		valid(false, "hour")
		if err := w.RevokeRegistrationToken(w.Context(), "ever"); err != nil {
			w.Error(err)
		}
		valid(false, "ever")
		valid(true, "twice")
		if err := w.RevokeRegistrationToken(w.Context(), "ever"); !errors.Is(err, account.ErrTokenUnknown) {
			w.Errorf("revoking it again = %v, want %v", err, account.ErrTokenUnknown)
		}
		if strings.Contains(w.dump(), "twice") {
			w.Error("a registration token stands in the database in clear")
		}
	})
}

func TestRegistrationTokensRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, test := range []struct {
			token account.RegistrationToken
			want  error
		}{
			{account.RegistrationToken{Token: "a b"}, account.ErrTokenForm},
			{account.RegistrationToken{Token: "é"}, account.ErrTokenForm},
			{account.RegistrationToken{Token: "a\n"}, account.ErrTokenForm},
			{account.RegistrationToken{Token: strings.Repeat("x", 65)}, account.ErrTokenForm},
			{account.RegistrationToken{Token: strings.Repeat("x", 64)}, nil},
			{account.RegistrationToken{Token: strings.Repeat("x", 64)}, account.ErrTokenTaken},
			{account.RegistrationToken{Limit: -1}, account.ErrTokenLimit},
		} {
			if _, err := w.CreateRegistrationToken(w.Context(), test.token); !errors.Is(err, test.want) {
				w.Errorf("CreateRegistrationToken(%+v) = %v, want %v", test.token, err, test.want)
			}
		}
		if n := w.rows()["account_registration_tokens"]; n != 1 {
			w.Errorf("%d tokens, want one", n)
		}
	})
}

// Eight people have a token that is for two, and all have passed its stage.
func TestATokenMakesNoMoreThanItsAccounts(t *testing.T) {
	const n = 8
	each(t, func(w *world) {
		token := w.regToken(2)
		w.Accounts = w.open(account.Flows{{account.StageRegistrationToken}})
		errs := crowd(n, func(i int) error {
			r := wish(fmt.Sprint("user", i))
			r.Auth = &account.Auth{Stage: account.StageRegistrationToken, Token: token}
			_, err := w.Register(w.Context(), r)
			return err
		})
		if made, refused := counted(errs, nil), counted(errs, account.ErrRegistrationToken); made != 2 || refused != n-2 {
			w.Errorf("%d accounts were made and %d refused: %v", made, refused, errors.Join(errs...))
		}
	})
}

// The token ends between its stage and the account: the client begins again.
func TestATokenEndsMeanwhile(t *testing.T) {
	each(t, func(w *world) {
		token := w.regToken(1)
		w.Accounts = w.open(account.Flows{{account.StageRegistrationToken, account.StageDummy}})
		r := wish("alice")
		r.Auth = &account.Auth{Stage: account.StageRegistrationToken, Token: token}
		_, err := w.Register(w.Context(), r)
		session := w.challenge(err).Session
		if err := w.RevokeRegistrationToken(w.Context(), token); err != nil {
			w.Fatal(err)
		}
		r.Auth = &account.Auth{Stage: account.StageDummy, Session: session}
		_, err = w.Register(w.Context(), r)
		if got := w.challenge(err); !errors.Is(got.Reason, account.ErrRegistrationToken) || got.Session == session || len(got.Completed) != 0 {
			w.Errorf("the challenge is %+v, want a new session", got)
		}
		if users := w.rows()["account_users"]; users != 0 {
			w.Errorf("%d users, want none", users)
		}
	})
}
