package thirdparty_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"sync"
	"testing"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/remote"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const (
	here  matrix.ServerName = "hs.test"
	alice matrix.UserID     = "@alice:hs.test"
	carol matrix.UserID     = "@carol:hs.test"
	erin  matrix.UserID     = "@erin:far.test"
)

var ours = event.Signer{Server: here, Key: matrix.SigningKey{ID: "ed25519:1", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}}

func signer(context.Context) (event.Signer, error) { return ours, nil }

// world is a server whose users are invited by their addresses.
type world struct {
	*testing.T
	db       *store.DB
	clock    *clocktest.Clock
	rooms    *room.Rooms
	identity *idclienttest.Server
	far      *servers
	invites  *thirdparty.Invites
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"stream", "room", "thirdparty"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, db: db, clock: clocktest.New(), identity: idclienttest.NewOfUsers(), far: &servers{}}
		committer, err := stream.Open(t.Context(), db)
		w.ok(err)
		w.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: committer, ServerName: here, Now: w.clock.Now, Signer: signer})
		w.ok(err)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- committer.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended })
		w.restart()
		story(w)
	})
}

// restart is what a process finds that comes after one that was killed.
func (w *world) restart() {
	w.invites = thirdparty.New(thirdparty.Options{DB: w.db, Rooms: w.rooms, Inviter: w.rooms, Remote: w.far, Identity: w.identity.ClientOf(here, w.clock.Now), ServerName: here,
		Exists: func(_ context.Context, user matrix.UserID) (bool, error) { return user == carol, nil }, Now: w.clock.Now})
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// fulfil fulfils what is due.
func (w *world) fulfil() {
	w.Helper()
	w.ok(w.invites.Fulfil(w.Context()))
}

// claims counts those that wait, and those that have ended.
func (w *world) claims() (waiting, ended int) {
	w.Helper()
	w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(CASE WHEN ended_ms = 0 THEN 1 END), COUNT(CASE WHEN ended_ms > 0 THEN 1 END) FROM third_party_claims`).Scan(&waiting, &ended))
	return waiting, ended
}

func (w *world) wantClaims(when string, waiting, ended int) {
	w.Helper()
	if gotWaiting, gotEnded := w.claims(); gotWaiting != waiting || gotEnded != ended {
		w.Errorf("%s: %d claims wait and %d have ended, want %d and %d", when, gotWaiting, gotEnded, waiting, ended)
	}
}

// claim is one of carol's, which she may well have.
func (w *world) claim(roomID string, sender matrix.UserID, token string) thirdparty.Claim {
	w.Helper()
	signed, err := thirdparty.ParseSigned([]byte(idclienttest.Sign(w, idclienttest.Key, carol, token, nil)))
	w.ok(err)
	return thirdparty.Claim{Room: roomID, Sender: sender, Signed: signed}
}

// servers are all other servers.
type servers struct {
	mu    sync.Mutex // guards what follows
	asked []string
	says  func(server matrix.ServerName, i remote.ThirdPartyInvite) error
}

func (s *servers) ExchangeThirdPartyInvite(_ context.Context, server matrix.ServerName, i remote.ThirdPartyInvite) error {
	s.mu.Lock()
	s.asked = append(s.asked, server.String()+" "+i.Room.String())
	says := s.says
	s.mu.Unlock()
	if says == nil {
		return fedclient.ErrUnreachable
	}
	return says(server, i)
}

// wants checks who was asked since it was called last.
func (s *servers) wants(t *testing.T, when string, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.asked)
	if got, want := strings.Join(s.asked, ", "), strings.Join(want, ", "); got != want {
		t.Errorf("%s: asked %q, want %q", when, got, want)
	}
	s.asked = nil
}
