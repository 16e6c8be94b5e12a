package fedapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/userdata"
	"signet/internal/matrix"
)

// register makes an account here.
func (w *world) register(name string) {
	w.Helper()
	_, err := w.accounts.Register(w.Context(), account.Registration{Username: &name, Password: "correct horse", Auth: &account.Auth{Stage: account.StageDummy}})
	w.ok(err)
}

// foreign is a room of another server's, as far as it has to be there.
type foreign struct {
	*peer
	version event.Version
	create  *event.Event
	id      string
}

func (p *peer) room(v event.Version) *foreign {
	f := &foreign{peer: p, version: v, id: "!r:" + p.name.String()}
	content := `{"room_version":"` + v.String() + `"}`
	if v.CreatorInContent() {
		content = `{"creator":"@rita:` + p.name.String() + `","room_version":"` + v.String() + `"}`
	}
	if v.RoomIDFromCreate() {
		f.id = ""
	}
	f.create = f.event("m.room.create", "", content)
	f.id = f.create.RoomID()
	return f
}

// event is a state event of the room, whatever it cites.
func (f *foreign) event(typ, key, content string) *event.Event {
	f.Helper()
	p := event.Proto{RoomID: f.id, Type: typ, StateKey: &key, Sender: "@rita:" + f.name.String(), Content: []byte(content), OriginServerTS: 1, Depth: 1}
	if f.version.EventIDInEvent() {
		p.EventID = "$" + strings.Trim(typ+key, "@") + ":" + f.name.String()
		p.EventID = strings.ReplaceAll(p.EventID, ":hs.test", "")
	}
	e, err := f.version.Build(p, event.Signer{Server: f.name, Key: f.key})
	f.ok(err)
	return e
}

// bring sends an invitation, with state, in the second version of the call.
func (f *foreign) bring(e *event.Event, state ...*event.Event) answer {
	f.Helper()
	shown := []json.RawMessage{}
	for _, s := range state {
		shown = append(shown, s.JSON())
	}
	return f.bringAs(f.version.String(), e.ID(), e.JSON(), shown)
}

func (f *foreign) bringAs(version, eventID string, e []byte, state []json.RawMessage) answer {
	f.Helper()
	body := encode(map[string]any{"room_version": version, "event": json.RawMessage(e), "invite_room_state": state})
	return f.do("PUT", fmt.Sprintf("/_matrix/federation/v2/invite/%s/%s", f.id, url.PathEscape(eventID)), string(body))
}

func (f *foreign) invitation() *event.Event {
	return f.event("m.room.member", string(alice), `{"membership":"invite"}`)
}

// Somebody elsewhere invites Alice: her server signs that, and she sees it.
func TestInvitations(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		for _, v := range event.Versions() {
			f := w.peer(matrix.ServerName(fmt.Sprintf("v%s.test", v))).room(v)
			e := f.invitation()
			for range 2 {
				a := f.bring(e, f.create)
				signed, err := v.Parse(encode(a.json()["event"]))
				if err != nil || a.status != 200 || signed.ID() != e.ID() {
					w.Fatalf("version %s: invite = %d %s", v, a.status, a.body)
				}
				if !strings.Contains(string(signed.JSON()), `"signatures":{"hs.test":{`) {
					w.Errorf("version %s: the invitation comes back as %s", v, signed.JSON())
				}
			}
			if !w.invited(f.id) {
				w.Errorf("version %s: Alice is not invited", v)
			}
		}
	})
}

// Whoever wants no invitations gets none of other servers either, and they are told so.
func TestWhoWantsNoInvitations(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		f := w.peer(remote).room(event.Default)
		e := f.invitation()
		config := userdata.Place{User: alice}
		w.ok(w.data.SetAccountData(w.Context(), config, "m.invite_permission_config", []byte(`{"default_action":"block"}`)))
		w.wants("an invitation", f.bring(e, f.create), 403, matrix.InviteBlocked)
		if w.invited(f.id) {
			w.Error("Alice is invited")
		}
		w.ok(w.data.SetAccountData(w.Context(), config, "m.invite_permission_config", []byte(`{}`)))
		if a := f.bring(e, f.create); a.status != 200 || !w.invited(f.id) {
			w.Errorf("once she takes them: %d %s", a.status, a.body)
		}
	})
}

// invited tells whether Alice sees an invitation to a room.
func (w *world) invited(id string) bool {
	for _, s := range w.rooms.Stays(alice) {
		if s.Room.ID() == id && s.Membership == room.Invite {
			return true
		}
	}
	return false
}

// Servers of rooms of the first versions may use the first version of the call.
func TestInvitationsOfTheFirstVersion(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		f := w.peer(remote).room(event.V1)
		e := f.invitation()
		path := fmt.Sprintf("/_matrix/federation/v1/invite/%s/%s", f.id, url.PathEscape(e.ID()))
		body := strings.TrimSuffix(string(e.JSON()), "}") + `,"unsigned":{"invite_room_state":[{"type":"m.room.name","state_key":"","sender":"@rita:remote.test","content":{"name":"tea"}}]}}`
		a := f.do("PUT", path, body)
		signed, err := event.V1.Parse(encode(answer{body: f.second(a)}.json()["event"]))
		if err != nil || signed.ID() != e.ID() || !w.invited(f.id) {
			w.Errorf("invite = %d %s", a.status, a.body)
		}
	})
}

func TestWhatIsNoInvitation(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		w.register("bob")
		f := w.peer(remote).room(event.V11)
		good := f.invitation()
		for what, e := range map[string]*event.Event{
			"a join":            f.event("m.room.member", string(alice), `{"membership":"join"}`),
			"a message":         f.event("m.room.message", string(alice), `{"membership":"invite"}`),
			"of somebody else":  f.event("m.room.member", string(victor), `{"membership":"invite"}`),
			"of no user at all": f.event("m.room.member", "alice", `{"membership":"invite"}`),
		} {
			w.wants(what, f.bring(e), 400, matrix.InvalidParam)
		}
		w.wants("of nobody", f.bring(f.event("m.room.member", "@nobody:hs.test", `{"membership":"invite"}`)), 403, matrix.Forbidden)
		forged := &foreign{peer: &peer{w, remote, keyOf(third)}, version: event.V11, id: f.id}
		w.wants("signed by another key", f.bring(forged.invitation()), 400, matrix.InvalidParam)
		theirs := w.peer(third).room(event.V11)
		w.wants("by a user of another server", f.bringAs("11", theirs.invitation().ID(), theirs.invitation().JSON(), nil), 400, matrix.InvalidParam)
		w.wants("of another id", f.bringAs("11", "$other", good.JSON(), nil), 400, matrix.InvalidParam)
		unknown := f.bringAs("org.example.future", good.ID(), good.JSON(), nil)
		w.wants("to a room of a version that nobody knows", unknown, 400, "M_INCOMPATIBLE_ROOM_VERSION")
		if unknown.json()["room_version"] != "org.example.future" {
			w.Errorf("it is told %s", unknown.body)
		}
		w.wants("without a version", f.bringAs("", good.ID(), good.JSON(), nil), 400, "M_INCOMPATIBLE_ROOM_VERSION")
		w.wants("with a float", f.bringAs("11", good.ID(), []byte(strings.Replace(string(good.JSON()), `"depth":1`, `"depth":1.5`, 1)), nil), 400, matrix.BadJSON)
		w.wants("as text", f.bringAs("11", good.ID(), []byte(`"x"`), nil), 400, matrix.BadJSON)
		w.wants("as nothing", f.do("PUT", "/_matrix/federation/v2/invite/"+f.id+"/$x", `{}`), 400, "M_INCOMPATIBLE_ROOM_VERSION")
		if len(w.rooms.Stays(alice)) > 0 {
			w.Errorf("Alice sees %v", w.rooms.Stays(alice))
		}
	})
}

// Since room version 12 an invitation shows which room it is for, and is not believed
// otherwise.
func TestWhatAnInvitationShows(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		f, other := w.peer(remote).room(event.V12), w.peer(third).room(event.V12)
		e := f.invitation()
		w.wants("nothing", f.bring(e), 400, matrix.InvalidParam)
		w.wants("another room", f.bring(e, other.create), 400, matrix.InvalidParam)
		w.wants("another room too", f.bring(e, f.create, other.create), 400, matrix.InvalidParam)
		w.wants("no events", f.bringAs("12", e.ID(), e.JSON(), []json.RawMessage{[]byte(`{"type":"m.room.create","state_key":"","content":{}}`)}), 400, matrix.InvalidParam)
		forged := &foreign{peer: &peer{w, remote, keyOf(third)}, version: event.V12, id: f.id}
		w.wants("a forged name", f.bring(e, f.create, forged.event("m.room.name", "", `{"name":"x"}`)), 400, matrix.InvalidParam)
		if len(w.rooms.Stays(alice)) > 0 {
			w.Errorf("Alice sees %v", w.rooms.Stays(alice))
		}
		w.wants("the room", f.bring(e, f.create, f.event("m.room.name", "", `{"name":"x"}`)), 200, "")
	})
}

// A server that a room's ACLs turn away cannot invite into it.
func TestInvitationsAndServerACLs(t *testing.T) {
	each(t, func(w *world) {
		w.register("bob")
		id := w.create(room.Creation{Preset: room.PublicChat, Version: "11"})
		w.join(id, rita)
		w.set(id, "m.room.server_acl", `{"allow":["*"],"deny":["remote.test"]}`)
		f := &foreign{peer: w.peer(remote), version: event.V11, id: id}
		w.wants("invite", f.bring(f.event("m.room.member", "@bob:hs.test", `{"membership":"invite"}`)), 403, matrix.Forbidden)
	})
}
