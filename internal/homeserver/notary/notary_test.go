package notary_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/notary"
	"signet/internal/matrix"
)

// world is a notary, with servers that it may ask.
type world struct {
	*testing.T
	clock  *clocktest.Clock
	notary *notary.Notary

	mu     sync.Mutex // guards what follows
	asked  map[matrix.ServerName]int
	answer func(server matrix.ServerName) (fedclient.Response, error)
}

func keyOf(server matrix.ServerName) matrix.SigningKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, server)
	return matrix.SigningKey{ID: "ed25519:k", Private: ed25519.NewKeyFromSeed(seed)}
}

func open(t *testing.T) *world {
	w := &world{T: t, clock: clocktest.New(), asked: map[matrix.ServerName]int{}}
	w.answer = func(server matrix.ServerName) (fedclient.Response, error) {
		return w.document(server, keyOf(server)), nil
	}
	w.notary = notary.New(notary.Options{
		ServerName: "notary.test", Asker: w, Now: w.clock.Now,
		Own: func(context.Context) ([]byte, error) {
			return w.document("notary.test", keyOf("notary.test")).Body, nil
		},
		Signer: func(context.Context) (event.Signer, error) {
			return event.Signer{Server: "notary.test", Key: keyOf("notary.test")}, nil
		},
	})
	return w
}

// document is what a server publishes, valid for an hour.
func (w *world) document(server matrix.ServerName, key matrix.SigningKey) fedclient.Response {
	body, err := key.SignValue(server, map[string]any{
		"server_name": server, "valid_until_ts": w.clock.Now().Add(time.Hour).UnixMilli(), "old_verify_keys": map[string]any{},
		"verify_keys": map[matrix.KeyID]any{key.ID: map[string]string{"key": matrix.EncodeBase64(key.Public())}},
	})
	if err != nil {
		w.Fatal(err)
	}
	return fedclient.Response{Status: 200, Body: body}
}

func (w *world) Do(_ context.Context, r fedclient.Request) (fedclient.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[r.Server]++
	return w.answer(r.Server)
}

// documents are those of servers, each of which both must have signed.
func (w *world) documents(until time.Time, servers ...matrix.ServerName) (n int) {
	w.Helper()
	var wanted []notary.Wanted
	for _, server := range servers {
		wanted = append(wanted, notary.Wanted{Server: server, Until: until})
	}
	documents, err := w.notary.Documents(w.Context(), wanted)
	if err != nil {
		w.Fatal(err)
	}
	for i, d := range documents {
		for _, signer := range []matrix.ServerName{servers[i], "notary.test"} {
			if err := matrix.Verify(signer, "ed25519:k", keyOf(signer).Public(), d); err != nil {
				w.Errorf("%s is not signed by %s", d, signer)
			}
		}
	}
	return len(documents)
}

func TestDocuments(t *testing.T) {
	w := open(t)
	if n := w.documents(time.Time{}, "a.test", "notary.test"); n != 2 {
		t.Errorf("%d documents, want 2", n)
	}
	w.documents(time.Time{}, "a.test")
	if w.asked["a.test"] != 1 || w.asked["notary.test"] != 0 {
		t.Errorf("asked %v, want a.test once", w.asked)
	}
	w.clock.Advance(2 * time.Minute)
	w.documents(w.clock.Now().Add(50*time.Minute), "a.test")
	if w.asked["a.test"] != 1 {
		t.Error("asked again for what is valid long enough")
	}
	for range 3 {
		w.documents(w.clock.Now().Add(2*time.Hour), "a.test")
	}
	if w.asked["a.test"] != 2 {
		t.Errorf("asked %d times, want once more for what is valid for longer, and not again at once", w.asked["a.test"])
	}
}

// A server that is gone is vouched for by what was known of it; one that lies by nothing.
func TestServersThatFail(t *testing.T) {
	w := open(t)
	w.documents(time.Time{}, "a.test")
	good := w.answer
	w.answer = func(matrix.ServerName) (fedclient.Response, error) { return fedclient.Response{}, errors.New("gone") }
	w.clock.Advance(2 * time.Hour)
	if n := w.documents(time.Time{}, "a.test"); n != 1 {
		t.Error("what was known is forgotten when the server is gone")
	}
	for range 3 {
		if n := w.documents(time.Time{}, "b.test"); n != 0 {
			t.Error("a server that was never reached has a document")
		}
	}
	if w.asked["b.test"] != 1 {
		t.Errorf("a dead server is asked %d times at once", w.asked["b.test"])
	}
	w.answer = func(server matrix.ServerName) (fedclient.Response, error) {
		return w.document("b.test", keyOf("b.test")), nil
	}
	if n := w.documents(time.Time{}, "c.test"); n != 0 {
		t.Error("another server's document is vouched for")
	}
	w.answer = func(server matrix.ServerName) (fedclient.Response, error) {
		return fedclient.Response{Status: 200, Body: []byte(`{"server_name":"d.test","verify_keys":{},"valid_until_ts":1}`)}, nil
	}
	if n := w.documents(time.Time{}, "d.test"); n != 0 {
		t.Error("a document that nobody signed is vouched for")
	}
	w.answer = good
	w.clock.Advance(2 * time.Minute)
	if n := w.documents(time.Time{}, "b.test"); n != 1 {
		t.Error("a server that came back is not asked again")
	}
}

// Many who ask at once have one question asked; nobody can ask for too many.
func TestCrowds(t *testing.T) {
	w := open(t)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { w.documents(time.Time{}, "a.test") })
	}
	wait.Wait()
	if w.asked["a.test"] != 1 {
		t.Errorf("asked %d times", w.asked["a.test"])
	}
	var servers []matrix.ServerName
	for i := range 50 {
		servers = append(servers, matrix.ServerName(fmt.Sprintf("s%d.test", i)))
	}
	if n := w.documents(time.Time{}, servers...); n != notary.MaxServers {
		t.Errorf("%d documents, want %d", n, notary.MaxServers)
	}
	for i := range 3000 {
		w.documents(time.Time{}, matrix.ServerName(fmt.Sprintf("t%d.test", i)))
	}
	if w.documents(time.Time{}, "t2999.test"); w.asked["t2999.test"] != 1 {
		t.Error("the last document is not kept")
	}
}
