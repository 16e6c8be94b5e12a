//go:build goolm

package endtoend

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Alice and Bob talk in an encrypted room, by mautrix-go.
func TestMautrixGo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, e engine) {
		hs := newHomeserver(t, e)
		alice, bob := newGopher(t, hs, "alice"), newGopher(t, hs, "bob")

		room := alice.creates(bob)
		bob.sees("that he is invited", func(e *event.Event) bool { return e.RoomID == room && bob.is(event.MembershipInvite, e) })
		bob.joins(room)
		alice.sees("that bob is there", func(e *event.Event) bool { return e.RoomID == room && bob.is(event.MembershipJoin, e) })

		alice.types(room)
		bob.sees("that alice types", alice.isTyping)
		asked := alice.says(room, "Can you read this?", bob)
		bob.sees("what alice says", alice.hasSaid("Can you read this?"))
		bob.reads(room, asked)
		alice.sees("that bob has read", bob.hasRead(asked))
		bob.says(room, "Every word.", alice)
		alice.sees("what bob says", bob.hasSaid("Every word."))
		hs.knowsNothing("Can you read this?", "Every word.")
	})
}

// gopher is a user at one device.
type gopher struct {
	*testing.T
	ctx    context.Context
	client *mautrix.Client
	crypto *crypto.OlmMachine
	seen   chan *event.Event // decrypted
}

// newGopher registers, logs in at a device that has keys, and syncs until the test ends.
func newGopher(t *testing.T, hs *homeserver, name string) *gopher {
	t.Helper()
	g := newcomer(t, hs.url)
	g.logIn(name)
	g.begins()
	return g
}

// newcomer is nobody yet at a homeserver.
func newcomer(t *testing.T, homeserver string) *gopher {
	t.Helper()
	g := &gopher{T: t, seen: make(chan *event.Event, 100)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	g.ctx = ctx
	g.client = g.newClient(homeserver)
	g.client.StateStore = mautrix.NewMemoryStateStore()
	return g
}

// newClient asks a server, and no other machine.
func (g *gopher) newClient(server string) *mautrix.Client {
	g.Helper()
	client, err := mautrix.NewClient(server, "", "")
	g.must(err)
	client.Client = &http.Client{Transport: &http.Transport{DialContext: dialLoopback}}
	return client
}

// begins gives keys to the device that the gopher has logged in at, and syncs.
func (g *gopher) begins() {
	g.Helper()
	g.crypto = crypto.NewOlmMachine(g.client, nil, crypto.NewMemoryStore(nil), g.client.StateStore.(crypto.StateStore))
	g.must(g.crypto.Load(g.ctx))
	g.must(g.crypto.ShareKeys(g.ctx, -1))
	g.sync()
}

// dialLoopback connects to no other machine.
func dialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is another machine", host)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func (g *gopher) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

func (g *gopher) logIn(name string) {
	g.Helper()
	_, err := g.client.RegisterDummy(g.ctx, &mautrix.ReqRegister[any]{Username: name, Password: clientPassword, InhibitLogin: true})
	g.must(err)
	_, err = g.client.Login(g.ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: name},
		Password:         clientPassword,
		StoreCredentials: true,
	})
	g.must(err)
}

// sync hands to the machine what it must know of, and keeps all events for sees.
func (g *gopher) sync() {
	ctx, cancel := context.WithCancel(g.ctx)
	syncer := g.client.Syncer.(*mautrix.DefaultSyncer)
	syncer.OnSync(g.crypto.ProcessSyncResponse)
	syncer.OnEvent(g.client.StateStoreSyncHandler)
	syncer.OnEventType(event.StateMember, g.crypto.HandleMemberEvent)
	syncer.OnEvent(g.see)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.client.SyncWithContext(ctx); ctx.Err() == nil {
			g.Errorf("syncing: %v", err)
		}
	}()
	g.Cleanup(func() { cancel(); <-ended })
}

// see decrypts what others have sent. The key has come before: it was sent before.
func (g *gopher) see(ctx context.Context, e *event.Event) {
	if e.Type == event.EventEncrypted && e.Sender != g.client.UserID {
		decrypted, err := g.crypto.DecryptMegolmEvent(ctx, e)
		if err != nil {
			g.Errorf("%s cannot decrypt %s: %v", g.client.UserID, e.ID, err)
			return
		}
		e = decrypted
	}
	g.seen <- e
}

// sees waits for an event, beginning with those that nobody has asked for.
func (g *gopher) sees(what string, is func(*event.Event) bool) {
	g.Helper()
	for {
		select {
		case e := <-g.seen:
			if is(e) {
				return
			}
		case <-g.ctx.Done():
			g.Fatalf("%s never sees %s", g.client.UserID, what)
		}
	}
}

func (g *gopher) is(membership event.Membership, e *event.Event) bool {
	return e.Type == event.StateMember && e.GetStateKey() == g.client.UserID.String() && e.Content.AsMember().Membership == membership
}

func (g *gopher) isTyping(e *event.Event) bool {
	return e.Type == event.EphemeralEventTyping && slices.Equal(e.Content.AsTyping().UserIDs, []id.UserID{g.client.UserID})
}

func (g *gopher) hasRead(asked id.EventID) func(*event.Event) bool {
	return func(e *event.Event) bool {
		if e.Type != event.EphemeralEventReceipt {
			return false
		}
		_, read := (*e.Content.AsReceipt())[asked][event.ReceiptTypeRead][g.client.UserID]
		return read
	}
}

// hasSaid is for a message that was encrypted.
func (g *gopher) hasSaid(text string) func(*event.Event) bool {
	return func(e *event.Event) bool {
		return e.Type == event.EventMessage && e.Mautrix.WasEncrypted && e.Sender == g.client.UserID && e.Content.AsMessage().Body == text
	}
}

// creates makes an encrypted room and invites others.
func (g *gopher) creates(others ...*gopher) id.RoomID {
	g.Helper()
	encryption := event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}}
	wish := &mautrix.ReqCreateRoom{Preset: "private_chat", InitialState: []*event.Event{{Type: event.StateEncryption, Content: encryption}}}
	for _, other := range others {
		wish.Invite = append(wish.Invite, other.client.UserID)
	}
	created, err := g.client.CreateRoom(g.ctx, wish)
	g.must(err)
	return created.RoomID
}

func (g *gopher) joins(room id.RoomID) {
	g.Helper()
	_, err := g.client.JoinRoomByID(g.ctx, room)
	g.must(err)
}

func (g *gopher) types(room id.RoomID) {
	g.Helper()
	_, err := g.client.UserTyping(g.ctx, room, true, 2*time.Minute)
	g.must(err)
}

func (g *gopher) reads(room id.RoomID, e id.EventID) {
	g.Helper()
	g.must(g.client.MarkRead(g.ctx, room, e))
}

// says gives the other a key and sends a message encrypted with it.
func (g *gopher) says(room id.RoomID, text string, other *gopher) id.EventID {
	g.Helper()
	g.must(g.crypto.ShareGroupSession(g.ctx, room, []id.UserID{g.client.UserID, other.client.UserID}))
	message := &event.MessageEventContent{MsgType: event.MsgText, Body: text}
	encrypted, err := g.crypto.EncryptMegolmEvent(g.ctx, room, event.EventMessage, message)
	g.must(err)
	sent, err := g.client.SendMessageEvent(g.ctx, room, event.EventEncrypted, encrypted)
	g.must(err)
	return sent.EventID
}
