package endtoend

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// trio is an identity server and two homeservers, of which each knows the others by name alone.
type trio struct {
	*pair
	other *process
}

func newTrio(t *testing.T, e engine) *trio {
	t.Helper()
	return newTrioWith(t, e, func(string, string) (string, string) {
		return "limits: {dry_run: true}\n", "" // tests ask for more messages than people do
	})
}

// newTrioWith is newTrio whose programs are told more, by the names of the homeservers.
func newTrioWith(t *testing.T, e engine, more func(one, two string) (id, hs string)) *trio {
	t.Helper()
	clients, federation := freePort(t), freePort(t)
	var moreHS string
	p := newPairWith(t, e, func(homeserver string) (moreID, _ string) {
		moreID, moreHS = more(homeserver, "localhost:"+federation)
		return moreID, moreHS
	})
	_, identity, _ := strings.Cut(strings.TrimPrefix(p.id.url, "http://"), ":")
	other := &process{T: t, dir: p.hs.dir, program: "homeserver", config: "other.yaml", url: "http://localhost:" + clients, database: e.homeserver(t)}
	write(t, filepath.Join(p.hs.dir, "other.yaml"), homeserverConfig(other.database, federation, clients, identity)+"key_file: other.kek\n"+moreHS)
	other.start()
	return &trio{p, other}
}

func onEachTrio(t *testing.T, tell func(p *trio)) {
	onEach(t, func(t *testing.T, e engine) { tell(newTrio(t, e)) })
}

// attendee is a person as their client sees the homeserver.
type attendee struct {
	*person
	hs    *process
	since string
}

func (p *trio) attendee(hs *process, name string) *attendee {
	p.Helper()
	return &attendee{person: p.joinAt(hs, name), hs: hs}
}

// do makes a request that must succeed.
func (m *attendee) do(method, path string, body map[string]any) reply {
	m.Helper()
	r := m.hs.call(method, clientV3+path, m.access, body)
	if !r.ok() {
		m.Fatalf("%s %s of %s: %+v", method, path, m.user, r)
	}
	return r
}

// await syncs until something stands in an answer.
func (m *attendee) await(what string) {
	m.Helper()
	var seen strings.Builder
	heard := func() bool {
		r := m.do("GET", "/sync?timeout=1000&since="+url.QueryEscape(m.since), nil)
		m.since = r.text("next_batch")
		said := fmt.Sprint(r.body)
		seen.WriteString(said + "\n")
		return strings.Contains(said, what)
	}
	if !comes(heard) {
		m.Fatalf("%s never hears of %q, but of:\n%s", m.user, what, seen.String())
	}
}

func (m *attendee) say(room, text string) {
	m.Helper()
	m.do("PUT", "/rooms/"+url.PathEscape(room)+"/send/m.room.message/"+url.PathEscape(text), map[string]any{"msgtype": "m.text", "body": text})
}

// proves binds the address to the account.
func (m *attendee) proves() {
	m.Helper()
	if !m.request("secret_"+m.address[:3]) || !m.submit() || !m.bind() {
		m.Fatalf("%s does not bind %s", m.user, m.address)
	}
}

// invites makes a room and invites whoever has an address.
func (p *trio) invites(m *attendee, address string) (room string) {
	p.Helper()
	room = m.do("POST", "/createRoom", map[string]any{"preset": "private_chat", "name": "Tea"}).text("room_id")
	m.do("POST", "/rooms/"+url.PathEscape(room)+"/invite", map[string]any{
		"id_server": strings.TrimPrefix(p.id.url, "http://"), "id_access_token": m.token, "medium": "email", "address": address})
	return room
}

// Alice invites an e-mail address. Carol, who has it, signs up at another homeserver and binds
// it; the invitation comes to her client, she accepts, and they talk. Then Alice invites her by
// it once more, and Bob, who is on Alice's server.
func TestAnInvitationAcrossHomeservers(t *testing.T) {
	onEachTrio(t, func(p *trio) {
		alice := p.attendee(p.hs, "alice")
		tea := p.invites(alice, "carol@example.org")
		state := fmt.Sprint(alice.do("GET", "/sync", nil).body)
		if !strings.Contains(state, "m.room.third_party_invite") || strings.Contains(state, "carol@") {
			p.Fatalf("the room is %s", state)
		}
		carol := p.attendee(p.other, "carol")
		carol.proves()
		carol.await("invite:map[" + tea)
		carol.do("POST", "/join/"+url.PathEscape(tea), map[string]any{})
		alice.say(tea, "welcome")
		carol.await("welcome")
		carol.say(tea, "thank you")
		alice.await("thank you")

		again := p.invites(alice, "carol@example.org") // who is known by now
		carol.await("invite:map[" + again)

		third := p.invites(alice, "bob@example.org")
		bob := p.attendee(p.hs, "bob")
		bob.proves()
		bob.await("invite:map[" + third)
		bob.do("POST", "/join/"+url.PathEscape(third), map[string]any{})
		alice.await(bob.user)
	})
}

// The inviter's homeserver is away when the address is bound, and the invitee's is killed when
// it has been told: when both are back, the invitation comes.
func TestAnInvitationThatWaits(t *testing.T) {
	onEachTrio(t, func(p *trio) {
		alice := p.attendee(p.hs, "alice")
		tea := p.invites(alice, "carol@example.org")
		carol := p.attendee(p.other, "carol")
		p.kill(p.hs)
		carol.proves()
		p.untilTried()
		p.kill(p.other)
		p.hs.start()
		p.other.start()
		carol.await("invite:map[" + tea)
		carol.do("POST", "/join/"+url.PathEscape(tea), map[string]any{})
		alice.say(tea, "welcome")
		carol.await("welcome")
	})
}

// Dora binds nothing: she has the key in her message sign that she accepts, and joins a room of
// another homeserver by that. To anybody else what she has signed is of no use.
func TestAnInvitationByItsKey(t *testing.T) {
	onEachTrio(t, func(p *trio) {
		alice := p.attendee(p.hs, "alice")
		tea := p.invites(alice, "dora@example.org")
		dora, eve := p.attendee(p.other, "dora"), p.attendee(p.other, "eve")
		token, key := p.mailedKey("dora@example.org")
		signed := p.id.call("POST", v2+"/sign-ed25519", dora.token, map[string]any{"mxid": dora.user, "token": token, "private_key": key})
		if !signed.ok() {
			p.Fatalf("sign-ed25519: %+v", signed)
		}
		path, presented := clientV3+"/join/"+url.PathEscape(tea), map[string]any{"third_party_signed": signed.body}
		if r := p.other.call("POST", path, eve.access, presented); r.status != http.StatusForbidden {
			p.Errorf("eve joins: %+v", r)
		}
		if r := p.other.call("POST", path, dora.access, presented); !r.ok() || r.text("room_id") != tea {
			p.Fatalf("dora joins: %+v\n%s\n%s", r, p.other.output.String(), p.hs.output.String())
		}
		alice.say(tea, "welcome")
		dora.await("welcome")
	})
}

// mailedKey is what the message of an invitation has: its token, and the private key.
func (p *trio) mailedKey(address string) (token, key string) {
	p.Helper()
	var found []string
	if !comes(func() bool {
		found = invitePattern.FindStringSubmatch(p.newestMailWith(invitePattern, address))
		return found != nil
	}) {
		p.Fatalf("no invitation was mailed to %s", address)
	}
	return found[1], found[2]
}

func (p *trio) kill(program *process) {
	p.Helper()
	err := program.end(syscall.SIGKILL)
	if _, killed := errors.AsType[*exec.ExitError](err); !killed {
		p.Fatalf("killed: %v\n%s", err, program.output.String())
	}
}

// untilTried waits until the other homeserver has been told of an invitation, and has tried in
// vain.
func (p *trio) untilTried() {
	p.Helper()
	db, err := openDatabase(p.other.database)
	if err != nil {
		p.Fatal(err)
	}
	defer db.Close()
	tried := func() bool {
		var n int
		if err := db.QueryRow(`SELECT COUNT(*) FROM third_party_claims WHERE attempts > 0`).Scan(&n); err != nil {
			p.Fatal(err)
		}
		return n > 0
	}
	if !comes(tried) {
		p.Fatal("the homeserver was never told")
	}
}
