package api_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"signet/internal/caller"
	"signet/internal/fedclient"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/keys/value"
)

// asAnybody brings signed questions of a homeserver to this server, and those of anybody.
type asAnybody struct{ *world }

func (a asAnybody) Do(ctx context.Context, r fedclient.Request) (fedclient.Response, error) {
	if r.Sign != nil {
		return asHomeserver(a).Do(ctx, r)
	}
	answered := a.do(r.Method, r.Path, "", string(r.Body))
	return fedclient.Response{Status: answered.status, Header: http.Header{}, Body: answered.raw}, nil
}

// Our homeserver and this server understand each other about people's keys: it takes the trust
// root, and verifies what it looks up, version after version.
func TestOurHomeserverReadsTheDirectory(t *testing.T) {
	each(t, caller.Terms{}, func(w *world) {
		at, err := idclient.ParseServer("id.example.org")
		if err != nil {
			w.Fatal(err)
		}
		c := idclient.New(idclient.Options{Federation: asAnybody{w}, ServerName: "hs.example", Now: w.Clock.Now, Rand: rand.Reader,
			Key: func(context.Context) (matrix.SigningKey, error) { return homeserverKey, nil }})
		d := keydirectory.New(keydirectory.Options{DB: storetest.Open(w, storetest.SQLite(w), []string{"keydirectory"}), Asker: c, At: at, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)})
		const label = "mxid:@alice:example.org"
		alice, key := w.register("alice"), ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
		w.seal()
		if found, err := d.Lookup(w.Context(), label); err != nil || found.Present {
			w.Fatalf("nobody: %+v, %v", found.Result, err)
		}
		w.keysAsk("/publish", alice, object("value", w.publication(label, key)), http.StatusAccepted)
		w.seal()
		found, err := d.Lookup(w.Context(), label)
		if err != nil {
			w.Fatal(err)
		}
		if user, is := found.Value.(*value.User); !is || user.Label.String() != label {
			w.Errorf("alice has %+v", found.Result)
		}
		if err := d.Refresh(w.Context()); err != nil {
			w.Error(err)
		}
		w.publishKeys("a.example", theirKey)
		if _, err := d.ServerKeys(w.Context(), idclient.KeyQuery{Server: "a.example"}); !errors.Is(err, keydirectory.ErrNoDirectory) {
			w.Errorf("without a log of servers: %v", err)
		}
		if alarms, err := d.Alarms(w.Context(), false); err != nil || len(alarms) != 0 {
			w.Errorf("%+v, %v", alarms, err)
		}
	})
}
