package account_test

import (
	"testing"
	"time"

	"signet/internal/homeserver/account"
	"signet/internal/seal/sealtest"
	"signet/internal/store/storetest"
)

// BenchmarkAuthenticate is what every request of a client begins with.
func BenchmarkAuthenticate(b *testing.B) {
	db := storetest.Open(b, storetest.SQLite(b), []string{"seal", "account"})
	accounts, err := account.New(b.Context(), account.Options{DB: db, Vault: sealtest.Vault(b, db, time.Now), ServerName: server, Now: time.Now, Hashers: 1})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := accounts.CreateUser(b.Context(), account.NewUser{Name: "alice", Password: password}); err != nil {
		b.Fatal(err)
	}
	login, err := accounts.Login(b.Context(), account.Credentials{Name: "alice", Password: password})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := accounts.Authenticate(b.Context(), login.AccessToken); err != nil {
			b.Fatal(err)
		}
	}
}
