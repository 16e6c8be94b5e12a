package account_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"signet/internal/clocktest"
	"signet/internal/homeserver/account"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/migrations"
)

// A database with the tables of the first day goes on: whoever was logged in is so
// still, and a session that belongs to no request opens nothing.
func TestAnUpgradeLogsNobodyOut(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		const first = "account/0001_accounts.sql"
		text, err := fs.ReadFile(migrations.FS, first)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Migrate(t.Context(), migrations.FS, "seal"),
			db.Migrate(t.Context(), fstest.MapFS{first: {Data: text}}, "account")); err != nil {
			t.Fatal(err)
		}
		clock := clocktest.New()
		vault := sealtest.Vault(t, db, clock.Now)
		mac := func(purpose, token string) []byte {
			m, err := vault.MAC(t.Context(), purpose)
			if err != nil {
				t.Fatal(err)
			}
			return m.Of(token)
		}
		for _, row := range [][]any{
			{`INSERT INTO account_users VALUES ('@alice:hs.test', 'x', 1)`},
			{`INSERT INTO account_devices VALUES ('@alice:hs.test', 'PHONE', 'Phone', $1, 1)`, mac("account access tokens", "token")},
			{`INSERT INTO account_uia VALUES ($1, $2)`, mac("account uia sessions", "session"), clock.Now().UnixMilli() + 1000},
		} {
			if _, err := db.Exec(t.Context(), row[0].(string), row[1:]...); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Migrate(t.Context(), migrations.FS, "account"); err != nil {
			t.Fatal(err)
		}
		accounts, err := account.New(t.Context(), account.Options{
			DB: db, Vault: vault, ServerName: server, Now: clock.Now, Flows: account.Flows{{account.StageDummy}}, Hashers: 1, HashMemory: 64,
		})
		if err != nil {
			t.Fatal(err)
		}
		phone := account.Device{User: "@alice:hs.test", ID: "PHONE"}
		if got, err := accounts.Authenticate(t.Context(), "token"); err != nil || got != phone {
			t.Errorf("Authenticate = %v, %v; want %v", got, err, phone)
		}
		if info, err := accounts.DeviceInfo(t.Context(), phone); err != nil || info.DisplayName != "Phone" {
			t.Errorf("DeviceInfo = %+v, %v", info, err)
		}
		r := wish("bob")
		r.Auth.Session = "session"
		if _, err := accounts.Register(t.Context(), r); !errors.Is(err, account.ErrUIASession) {
			t.Errorf("a session of before = %v, want %v", err, account.ErrUIASession)
		}
	})
}
