package fedapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/devicelists"
	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/edu"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/inbound"
	"signet/internal/homeserver/outbound"
	others "signet/internal/homeserver/remote"
	"signet/internal/homeserver/resident"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/homeserver/thirdparty"
	"signet/internal/homeserver/transaction"
	"signet/internal/homeserver/userdata"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/seal/sealtest"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

const bob = matrix.UserID("@bob:remote.test")

// network is servers of ours that reach each other.
type network struct {
	mu       sync.Mutex // guards url
	url      map[matrix.ServerName]string
	identity *idclienttest.Server
}

// Open brings a signed request to a server, over HTTP.
func (n *network) Open(ctx context.Context, r fedclient.Request) (fedclient.Stream, error) {
	n.mu.Lock()
	url := n.url[r.Server]
	n.mu.Unlock()
	if url == "" {
		return fedclient.Stream{}, fedclient.ErrUnreachable
	}
	signed := matrix.SignedRequest{Method: r.Method, URI: r.Path, Origin: r.Sign.Server, Destination: r.Server, Content: r.Body}
	x, err := signed.Authorize(r.Sign.Key)
	if err != nil {
		return fedclient.Stream{}, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, url+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return fedclient.Stream{}, err
	}
	req.Header.Set("Authorization", x.String())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fedclient.Stream{}, errors.Join(fedclient.ErrUnreachable, err)
	}
	return fedclient.Stream{Status: res.StatusCode, Header: res.Header, Body: res.Body}, nil
}

// away takes a server off the network, or brings it back.
func (n *network) away(server matrix.ServerName, is bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if is {
		n.url[server+" away"] = n.url[server]
		delete(n.url, server)
		return
	}
	n.url[server] = n.url[server+" away"]
}

// ears are told of the EDUs that a server has dealt with.
type ears struct {
	edu.Handler
	heard chan string
}

func (e *ears) HandleEDU(ctx context.Context, origin matrix.ServerName, kind string, content jsontext.Value) error {
	err := e.Handler.HandleEDU(ctx, origin, kind, content)
	e.heard <- fmt.Sprintf("%s %s", kind, content)
	return err
}

// house is a server of ours in a network. Who comes into a room is introduced when it is told to.
type house struct {
	*testing.T
	name       matrix.ServerName
	db         *store.DB
	rooms      *room.Rooms
	stream     *stream.Committer
	inbound    *inbound.Inbound
	accounts   *account.Accounts
	encryption *e2ee.Encryption
	heard      chan string
	third      *thirdparty.Invites
	url        string
	clock      *clocktest.Clock
}

func (n *network) house(t *testing.T, name matrix.ServerName, db *store.DB, clock *clocktest.Clock) *house {
	h := &house{T: t, name: name, clock: clock, db: db, heard: make(chan string, 100)}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	signer := func(context.Context) (event.Signer, error) { return event.Signer{Server: name, Key: keyOf(name)}, nil }
	log := slog.New(slog.DiscardHandler)
	var err error
	h.stream, err = stream.Open(t.Context(), db)
	ok(err)
	client := others.New(others.Options{Federation: n, ServerName: name, Signer: signer})
	out, err := outbound.New(t.Context(), outbound.Options{DB: db, Stream: h.stream, Remote: client, Now: clock.Now, Log: log, Spread: time.Nanosecond})
	ok(err)
	h.rooms, err = room.New(t.Context(), room.Options{DB: db, Stream: h.stream, ServerName: name, Now: clock.Now, Signer: signer, Outgoing: out})
	ok(err)
	out.Rooms = h.rooms
	h.inbound = inbound.New(inbound.Options{DB: db, Rooms: h.rooms, Remote: client, Keys: peerKeys{}, ServerName: name, Signer: signer, Now: clock.Now})
	h.rooms.Historian = h.inbound
	h.accounts, err = account.New(t.Context(), account.Options{DB: db, Vault: sealtest.Vault(t, db, clock.Now), ServerName: name, Now: clock.Now, Flows: account.Flows{{account.StageDummy}}, Hashers: 1, HashMemory: 64})
	ok(err)
	lists := devicelists.New(devicelists.Options{DB: db, Remote: client, Rooms: h.rooms, Stream: h.stream, Now: clock.Now})
	h.encryption, err = e2ee.New(t.Context(), e2ee.Options{DB: db, Stream: h.stream, ServerName: name, Now: clock.Now, Devices: directory{h.accounts}, Rooms: h.rooms, Remote: lists, Outgoing: out})
	ok(err)
	h.rooms.Came = h.encryption.Came
	for _, user := range []string{"bob", "carol", "dave"} {
		_, err = h.accounts.Register(t.Context(), account.Registration{Username: &user, Password: "correct horse", Auth: &account.Auth{Stage: account.StageDummy}})
		ok(err)
	}
	h.third = thirdparty.New(thirdparty.Options{DB: db, Rooms: h.rooms, Inviter: h.inbound, Remote: client, Identity: n.identity.ClientOf(name, clock.Now),
		ServerName: name, Exists: h.accounts.Exists, Now: clock.Now, Log: log})
	handler := &ears{edu.Handler{Encryption: h.encryption, Lists: lists, Rooms: h.rooms, Doors: h.inbound}, h.heard}
	api := &fedapi.API{
		ThirdParty: h.third,
		Accounts:   h.accounts, ServerName: name, Now: clock.Now, ServerKeys: peerKeys{}, Peers: out, Inbound: h.inbound, Encryption: h.encryption,
		Data:         userdata.New(userdata.Options{DB: db, Committer: h.stream, Now: clock.Now}),
		Transactions: transaction.New(transaction.Options{DB: db, Receiver: h.inbound, Handler: handler, Now: clock.Now, Log: log, Explain: fedapi.Explain}),
		Rooms:        resident.New(resident.Options{Rooms: h.rooms, ServerName: name, Signer: signer, Keys: peerKeys{}, Graph: h.inbound}),
	}
	served, err := mxhttp.New(mxhttp.Options{Translate: fedapi.Translate}, api.Routes())
	ok(err)
	web := httptest.NewServer(served)
	n.mu.Lock()
	n.url[name], h.url = web.URL, web.URL
	n.mu.Unlock()
	ctx, stop := context.WithCancel(context.Background())
	var ends sync.WaitGroup
	for _, run := range []func(context.Context) error{h.stream.Run, out.Run, h.inbound.Run} {
		ends.Go(func() { _ = run(ctx) })
	}
	t.Cleanup(func() { web.Close(); stop(); ends.Wait() })
	return h
}

// eachPair tells a story of two servers on every engine.
func eachPair(t *testing.T, story func(a, b *house)) {
	eachNetwork(t, func(_ *network, a, b *house) { story(a, b) })
}

var houseOwners = []string{"seal", "account", "stream", "room", "inbound", "outbound", "transaction", "userdata", "e2ee", "devicelists", "thirdparty"}

// eachNetwork is eachPair with the network, to which others may be added.
func eachNetwork(t *testing.T, story func(n *network, a, b *house)) {
	storetest.EachPair(t, houseOwners, func(t *testing.T, first, second *store.DB) {
		n, clock := &network{url: map[matrix.ServerName]string{}, identity: idclienttest.NewOfUsers()}, clocktest.New()
		story(n, n.house(t, server, first, clock), n.house(t, remote, second, clock))
	})
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) say(id string, user matrix.UserID, text string) {
	h.Helper()
	_, err := h.rooms.Send(h.Context(), room.Sending{Room: id, Sender: user, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q,"msgtype":"m.text"}`, text)})
	h.ok(err)
}

// reads are the messages that a user reads in a room, the latest first.
func (h *house) reads(id string, user matrix.UserID) (texts []string) {
	h.Helper()
	page, err := h.rooms.Messages(h.Context(), user, room.Query{Room: id, Back: true, Limit: 100})
	h.ok(err)
	for _, e := range page.Events {
		if text, isText := e.Field("body").Text(); isText {
			texts = append(texts, text)
		}
	}
	return texts
}

// waitFor waits until a user reads something in a room.
func (h *house) waitFor(id string, user matrix.UserID, text string) {
	h.Helper()
	h.until(user, func() bool { return slices.Contains(h.reads(id, user), text) })
}

// until waits until something is so, which the user is woken for.
func (h *house) until(user matrix.UserID, is func() bool) {
	h.Helper()
	for {
		wait := h.stream.Notifier().Wait(user)
		if is() {
			wait.Stop()
			return
		}
		select {
		case <-wait.Woken():
		case <-time.After(5 * time.Minute):
			h.Fatalf("%s waits in vain", user)
		}
		wait.Stop()
	}
}

func (h *house) membership(id string, user matrix.UserID) string {
	h.Helper()
	r, err := h.rooms.Room(id)
	if err != nil {
		return ""
	}
	is, err := h.rooms.MembershipNow(h.Context(), r, user)
	h.ok(err)
	return is
}

// shows checks of what type that is by which an invited user may know a room.
func (h *house) shows(id string, user matrix.UserID, types ...string) {
	h.Helper()
	state, err := h.rooms.Stripped(h.Context(), h.rooms.Outside(id), user)
	h.ok(err)
	var shown []string
	for _, e := range state {
		shown = append(shown, e.Type())
	}
	if slices.Sort(shown); !slices.Equal(shown, types) {
		h.Errorf("%s is shown %q of %s, want %q", user, shown, id, types)
	}
}

// Two servers talk in a room, of each version: one comes in, both speak, the history from
// before is read, one leaves.
func TestTwoServers(t *testing.T) {
	eachPair(t, func(a, b *house) {
		for _, v := range []string{"1", "3", "10", "12"} {
			id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PublicChat, Version: v})
			a.ok(err)
			a.say(id, alice, "before")
			via := []matrix.ServerName{a.name}
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: bob}, Via: via}))
			if a.membership(id, bob) != room.Join || b.membership(id, bob) != room.Join || b.membership(id, alice) != room.Join {
				t.Fatalf("version %s: after the join Bob is %q and %q", v, a.membership(id, bob), b.membership(id, bob))
			}
			b.waitFor(id, bob, "before")
			a.say(id, alice, "hello")
			b.waitFor(id, bob, "hello")
			b.say(id, bob, "hello yourself")
			a.waitFor(id, alice, "hello yourself")
			a.ok(a.rooms.Kick(a.Context(), room.Membership{Room: id, Sender: alice, Target: bob}))
			b.until(bob, func() bool { return b.membership(id, bob) == room.Leave })
			if err := b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: bob}, Via: via}); err != nil {
				t.Fatalf("version %s: coming back = %v", v, err)
			}
			b.waitFor(id, bob, "hello")
			b.ok(b.rooms.Leave(b.Context(), room.Membership{Room: id, Sender: bob}))
			a.until(alice, func() bool { return a.membership(id, bob) == room.Leave })
		}
	})
}

// Into a room that is not open one comes by invitation, or by a room that one is in.
func TestTwoServersAndClosedRooms(t *testing.T) {
	eachPair(t, func(a, b *house) {
		via := []matrix.ServerName{a.name}
		for _, v := range []string{"1", "9", "12"} {
			id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, Version: v, Name: "tea"})
			a.ok(err)
			if err := b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: carol}, Via: via}); err == nil {
				t.Fatalf("version %s: Carol joins uninvited", v)
			}
			a.ok(a.inbound.Invite(a.Context(), room.Membership{Room: id, Sender: alice, Target: carol}))
			b.shows(id, carol, "m.room.create", "m.room.join_rules", "m.room.member", "m.room.member", "m.room.name")
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: id, Sender: carol}, Via: via}))
			a.say(id, alice, "welcome")
			b.waitFor(id, carol, "welcome")
			if v == "1" {
				continue
			}
			inner, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, Version: v, InitialState: []room.StateEvent{{
				Type: "m.room.join_rules", Content: fmt.Appendf(nil, `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q}]}`, id)}}})
			a.ok(err)
			if err := b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: inner, Sender: bob}, Via: via}); err == nil {
				t.Errorf("version %s: Bob joins without being in the room outside", v)
			}
			b.ok(b.inbound.Join(b.Context(), inbound.Wish{Membership: room.Membership{Room: inner, Sender: carol}, Via: via}))
			a.say(inner, alice, "inside")
			b.waitFor(inner, carol, "inside")
		}
	})
}

// Who is invited may decline, and who knocks may think better of it.
func TestTwoServersAndNo(t *testing.T) {
	eachPair(t, func(a, b *house) {
		wish := inbound.Wish{Via: []matrix.ServerName{a.name}}
		wish.Sender = carol
		id, err := a.rooms.Create(a.Context(), room.Creation{Creator: alice, Preset: room.PrivateChat, InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: []byte(`{"join_rule":"knock"}`)}}})
		a.ok(err)
		wish.Room = id
		a.ok(a.inbound.Invite(a.Context(), room.Membership{Room: id, Sender: alice, Target: carol}))
		b.ok(b.inbound.Leave(b.Context(), wish))
		if a.membership(id, carol) != room.Leave {
			t.Errorf("who declined is %q", a.membership(id, carol))
		}
		b.ok(b.inbound.Knock(b.Context(), wish))
		if a.membership(id, carol) != room.Knock {
			t.Errorf("who knocks is %q", a.membership(id, carol))
		}
		b.ok(b.inbound.Leave(b.Context(), wish))
		if a.membership(id, carol) != room.Leave {
			t.Errorf("who knocks no more is %q", a.membership(id, carol))
		}
	})
}
