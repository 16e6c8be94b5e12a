package verifykeys_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/remote/remotetest"
	"signet/internal/homeserver/verifykeys"
	"signet/internal/keyring"
	"signet/internal/keyring/keyringtest"
	"signet/internal/matrix"
	"signet/internal/seal/sealtest"
	"signet/internal/serverkeys/serverkeystest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	us      = matrix.ServerName("us.test")
	them    = matrix.ServerName("them.test")
	notary  = matrix.ServerName("notary.test")
	another = matrix.ServerName("another.test")
)

var (
	one       = serverkeystest.Key("ed25519:one", "one")
	two       = serverkeystest.Key("ed25519:two", "two")
	notaryKey = serverkeystest.Key("ed25519:n", "notary")
)

// world is us, another server and a notary.
type world struct {
	*testing.T
	*verifykeys.Keys
	db      *store.DB
	own     *keyring.Ring
	clock   *clocktest.Clock
	network *remotetest.Network

	mu        sync.Mutex // guards what follows
	documents [][]byte   // that the notary gives
	asked     int        // questions to the notary
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"seal", "keyring", "verifykeys"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), network: remotetest.New()}
		w.own = keyringtest.Open(t, db, sealtest.Vault(t, db, w.clock.Now), w.clock.Now, keyring.Federation)
		w.open()
		w.network.Serve(notary, http.HandlerFunc(w.notary))
		story(w)
	})
}

// open begins as after a restart.
func (w *world) open() {
	client := remote.New(remote.Options{Federation: w.network, ServerName: us, Signer: func(context.Context) (event.Signer, error) {
		return event.Signer{Server: us, Key: one}, nil
	}})
	w.Keys = verifykeys.New(verifykeys.Options{DB: w.db, ServerName: us, Own: w.own, Direct: w.network, Notaries: client,
		Trusted: []matrix.ServerName{another, notary, us}, Now: w.clock.Now})
}

// publishes has the other server publish keys from now on, valid for a day.
func (w *world) publishes(d serverkeystest.Doc) {
	w.network.Serve(them, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_matrix/key/v2/server" {
			w.Errorf("asked for %s", r.URL)
		}
		_, _ = rw.Write(w.of(them, d))
	}))
}

func (w *world) of(server matrix.ServerName, d serverkeystest.Doc) []byte {
	d.Server = server
	if d.Until.IsZero() {
		d.Until = w.clock.Now().Add(24 * time.Hour)
	}
	return d.JSON(w)
}

func (w *world) notary(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = rw.Write(w.of(notary, serverkeystest.Doc{Keys: []matrix.SigningKey{notaryKey}}))
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	answer := map[string]any{"server_keys": []jsontext.Value{}}
	for _, d := range w.documents {
		answer["server_keys"] = append(answer["server_keys"].([]jsontext.Value), d)
	}
	_ = json.MarshalWrite(rw, answer)
}

// vouches has the notary give a document, signed by keys in its name.
func (w *world) vouches(document []byte, keys ...matrix.SigningKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range keys {
		var err error
		if document, err = k.Sign(notary, document); err != nil {
			w.Fatal(err)
		}
	}
	w.documents = append(w.documents, document)
}

func (w *world) want(k matrix.SigningKey, at time.Time, want error) {
	w.Helper()
	got, err := w.VerifyKey(w.Context(), them, k.ID, at)
	if !errors.Is(err, want) || err == nil && !got.Equal(k.Public()) {
		w.Errorf("VerifyKey(%s, %s) = %x, %v, want %v", k.ID, at, got, err, want)
	}
}

// A key is there for requests while it is in use, for events of its time for ever, and
// after a restart without asking anybody.
func TestAKeyGrowsOld(t *testing.T) {
	each(t, func(w *world) {
		begin := w.clock.Now()
		now := time.Time{}
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{one}})
		w.want(one, now, nil)
		w.want(one, begin.Add(24*time.Hour), nil)
		asked := w.network.Asked(them)
		w.want(one, begin.Add(-time.Hour), nil)
		if w.network.Asked(them) != asked {
			w.Error("a key that is known was asked for")
		}
		w.want(one, begin.Add(24*time.Hour+time.Millisecond), verifykeys.ErrUnknownKey) // nobody says so yet
		w.clock.Advance(48 * time.Hour)
		w.network.SetDown(them, true)
		w.want(one, now, fedclient.ErrUnreachable)
		w.want(one, begin.Add(time.Hour), nil)
		w.open()
		w.want(one, begin.Add(time.Hour), nil)
		w.network.SetDown(them, false)
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{two}, Old: []matrix.SigningKey{one}, Expired: begin.Add(36 * time.Hour)})
		w.want(one, now, verifykeys.ErrUnknownKey)
		w.want(two, now, nil)
		w.want(one, begin.Add(36*time.Hour-time.Millisecond), nil)
		w.want(one, begin.Add(36*time.Hour), verifykeys.ErrUnknownKey)
		w.want(one, verifykeys.Ever, nil)
	})
}

// What is at hand is what is known and in use, and to find that out nobody is asked.
func TestKeysAtHand(t *testing.T) {
	each(t, func(w *world) {
		atHand := func(what string, server matrix.ServerName, id matrix.KeyID, want bool) {
			t.Helper()
			if key, got := w.AtHand(t.Context(), server, id); got != want || got && !key.Equal(one.Public()) {
				t.Errorf("%s: at hand %v, want %v", what, got, want)
			}
		}
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{one}})
		atHand("a key that nobody has asked for", them, one.ID, false)
		if w.network.Asked(them) != 0 {
			t.Error("the server is asked")
		}
		w.want(one, time.Time{}, nil)
		atHand("a key that is known", them, one.ID, true)
		atHand("another key", them, two.ID, false)
		atHand("a name that none has", "them\x00", one.ID, false)
		atHand("an id that none has", them, "ed25519:\x00", false)
		w.clock.Advance(48 * time.Hour)
		atHand("a key that is out of use, perhaps", them, one.ID, false)
	})
}

// Whatever a server says, its key is not valid for longer than a week ahead.
func TestNoKeyIsValidForLong(t *testing.T) {
	each(t, func(w *world) {
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{one}, Until: w.clock.Now().Add(1000 * 24 * time.Hour)})
		week := w.clock.Now().Add(7 * 24 * time.Hour)
		w.want(one, week, nil)
		asked := w.network.Asked(them)
		w.want(one, week.Add(time.Millisecond), verifykeys.ErrUnknownKey)
		if w.network.Asked(them) != asked {
			w.Error("the server is asked for a key that nobody can have")
		}
	})
}

// Our own keys come from the ring, and nobody is asked for them.
func TestOwnKeys(t *testing.T) {
	each(t, func(w *world) {
		first, err := w.own.Current(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		w.clock.Advance(time.Hour)
		second, err := w.own.Rotate(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		retired := w.clock.Now()
		for _, tt := range []struct {
			id   matrix.KeyID
			at   time.Time
			want ed25519.PublicKey
		}{
			{second.ID, time.Time{}, second.Public}, {second.ID, retired, second.Public},
			{first.ID, retired.Add(-time.Millisecond), first.Public()}, {first.ID, retired, nil}, {first.ID, time.Time{}, nil}, {"ed25519:x", retired, nil},
		} {
			got, err := w.VerifyKey(w.Context(), us, tt.id, tt.at)
			if !got.Equal(tt.want) || tt.want == nil && !errors.Is(err, verifykeys.ErrUnknownKey) {
				w.Errorf("VerifyKey(%s, %s) = %x, %v, want %x", tt.id, tt.at, got, err, tt.want)
			}
		}
		if n := w.network.Asked(us); n != 0 {
			w.Errorf("we asked ourselves %d times", n)
		}
	})
}

// A server that is gone is known by notaries, whose word counts with both signatures.
func TestNotaries(t *testing.T) {
	each(t, func(w *world) {
		long := w.clock.Now().Add(-1000 * 24 * time.Hour)
		good := w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}, Until: long})
		w.vouches([]byte(`{}`), notaryKey)
		w.vouches(good)
		w.vouches(good, two)
		w.vouches(w.of(another, serverkeystest.Doc{Keys: []matrix.SigningKey{one}, Until: long}), notaryKey)
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}, By: []matrix.SigningKey{two}, Until: long}), notaryKey)
		w.want(one, long, fedclient.ErrUnreachable)
		w.vouches(good, notaryKey)
		w.want(one, long, fedclient.ErrUnreachable) // just asked
		if w.asked != 1 {
			w.Errorf("the notary was asked %d times", w.asked)
		}
		w.clock.Advance(time.Minute)
		w.want(one, long, nil)
		w.want(one, long.Add(time.Millisecond), fedclient.ErrUnreachable)
		w.want(one, time.Time{}, fedclient.ErrUnreachable)
		w.open()
		w.network.SetDown(notary, true)
		w.want(one, verifykeys.Ever, nil)
	})
}

// A notary that is behind does not bring a key back which its server has given up, nor
// puts another in its place.
func TestANotaryIsBehind(t *testing.T) {
	each(t, func(w *world) {
		expired := w.clock.Now()
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}}), notaryKey)
		w.clock.Advance(time.Hour)
		w.publishes(serverkeystest.Doc{Keys: []matrix.SigningKey{two}, Old: []matrix.SigningKey{one}, Expired: expired})
		w.want(two, time.Time{}, nil)
		w.want(one, time.Time{}, verifykeys.ErrUnknownKey)
		w.want(one, expired, verifykeys.ErrUnknownKey)
		w.clock.Advance(time.Minute)
		w.vouches(w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{serverkeystest.Key("ed25519:one", "other")}}), notaryKey)
		w.want(one, expired, verifykeys.ErrUnknownKey)
		w.want(one, expired.Add(-time.Millisecond), nil)
	})
}

// Hundreds who need the same key at once make one question of it.
func TestQuestionsAreCoalesced(t *testing.T) {
	each(t, func(w *world) {
		release := make(chan struct{})
		document := w.of(them, serverkeystest.Doc{Keys: []matrix.SigningKey{one}})
		w.network.Serve(them, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			<-release
			_, _ = rw.Write(document)
		}))
		var all sync.WaitGroup
		begun := make(chan struct{}, 100)
		for range 100 {
			all.Go(func() {
				begun <- struct{}{}
				w.want(one, time.Time{}, nil)
			})
		}
		for range 100 {
			<-begun
		}
		left, leave := context.WithCancel(w.Context())
		leave()
		if _, err := w.VerifyKey(left, them, two.ID, time.Time{}); !errors.Is(err, context.Canceled) {
			w.Errorf("who has left gets %v", err)
		}
		close(release)
		all.Wait()
		if n := w.network.Asked(them); n < 1 || n > 2 {
			w.Errorf("asked %d times", n)
		}
	})
}

// Names that nobody could have are not asked for.
func TestNamesOfNobody(t *testing.T) {
	each(t, func(w *world) {
		for _, server := range []matrix.ServerName{"", "UPPER.test", "a b", "x:99999", matrix.ServerName(strings.Repeat("a", 300))} {
			if _, err := w.VerifyKey(w.Context(), server, one.ID, time.Time{}); !errors.Is(err, verifykeys.ErrUnknownKey) {
				w.Errorf("VerifyKey(%q) = %v", server, err)
			}
		}
		for _, id := range []matrix.KeyID{"", "ed25519:", "rsa:1", "ed25519:a b"} {
			if _, err := w.VerifyKey(w.Context(), them, id, time.Time{}); !errors.Is(err, verifykeys.ErrUnknownKey) {
				w.Errorf("VerifyKey(%q) = %v", id, err)
			}
		}
		if n := w.network.Asked(them); n != 0 {
			w.Errorf("asked %d times", n)
		}
	})
}
