package fedapi_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

// all are the versions that rooms may be told to have.
const all = "?ver=1&ver=2&ver=3&ver=4&ver=5&ver=6&ver=7&ver=8&ver=9&ver=10&ver=11&ver=12"

// proposal is a template, and the version of its room.
func (p *peer) proposal(what, roomID string, user matrix.UserID) (event.Version, map[string]any) {
	p.Helper()
	a := p.getf(fed+"/make_%s/%s/%s%s", what, roomID, url.PathEscape(string(user)), all)
	version, _ := a.json()["room_version"].(string)
	v, err := event.ParseVersion(version)
	template, _ := a.json()["event"].(map[string]any)
	if a.status != 200 || err != nil || template == nil {
		p.Fatalf("make_%s = %d %s", what, a.status, a.body)
	}
	return v, template
}

// sign makes an event of a template, as the server of its user does.
func (p *peer) sign(v event.Version, template map[string]any) *event.Event {
	p.Helper()
	e, err := p.hash(v, template).Sign(event.Signer{Server: p.name, Key: p.key})
	p.ok(err)
	return e
}

func (p *peer) hash(v event.Version, template map[string]any) *event.Event {
	p.Helper()
	t := maps.Clone(template)
	if v.EventIDInEvent() && t["event_id"] == nil {
		t["event_id"] = "$" + fmt.Sprintf("%x", sha256.Sum256(encode(template)))[:20] + ":" + p.name.String()
	}
	canonical, err := event.Canonical(encode(t), true)
	p.ok(err)
	sum := sha256.Sum256(canonical)
	t["signatures"] = map[string]any{}
	t["hashes"] = map[string]string{"sha256": matrix.EncodeBase64(sum[:])}
	e, err := v.Parse(encode(t))
	p.ok(err)
	if e.Redacted() {
		p.Fatalf("%s has another hash", encode(t))
	}
	return e
}

// put sends a signed membership.
func (p *peer) put(what, roomID string, e *event.Event) answer {
	p.Helper()
	return p.do("PUT", fmt.Sprintf("/_matrix/federation/%s/%s/%s", what, roomID, url.PathEscape(e.ID())), string(e.JSON()))
}

// Where senders choose ids, one that an event of another room has is none.
func TestAJoinByTheIDOfAnother(t *testing.T) {
	each(t, func(w *world) {
		p, open := w.peer(remote), room.Creation{Preset: room.PublicChat, Version: event.V1.String()}
		first, second := w.create(open), w.create(open)
		v, template := p.proposal("join", first, rita)
		joined := p.sign(v, template)
		w.wants("the first", p.put("v2/send_join", first, joined), 200, "")
		v, template = p.proposal("join", second, rita)
		template["event_id"] = joined.ID()
		w.wants("by the same id", p.put("v2/send_join", second, p.sign(v, template)), 400, matrix.InvalidParam)
	})
}

func TestTemplates(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range event.Versions() {
			id := w.create(room.Creation{Preset: room.PublicChat, Version: v.String()})
			p := w.peer(remote)
			version, template := p.proposal("join", id, rita)
			content, _ := template["content"].(map[string]any)
			if version != v || template["room_id"] != id || template["type"] != "m.room.member" || template["sender"] != string(rita) ||
				template["state_key"] != string(rita) || template["origin"] != string(server) || len(content) != 1 || content["membership"] != "join" {
				w.Errorf("version %s: make_join = %v", v, template)
			}
			for _, ours := range []string{"hashes", "signatures", "event_id", "unsigned"} {
				if template[ours] != nil {
					w.Errorf("version %s: the template has %s", v, ours)
				}
			}
			e := p.sign(version, template)
			last := w.held(id, e.PrevEvents()[0])
			if len(e.PrevEvents()) != 1 || e.Depth() != last.Depth()+1 || len(e.AuthEvents()) == 0 {
				w.Errorf("version %s: the template follows %v and cites %v", v, e.PrevEvents(), e.AuthEvents())
			}
		}
	})
}

func TestWhoGetsNoTemplate(t *testing.T) {
	each(t, func(w *world) {
		open := w.create(room.Creation{Preset: room.PublicChat, Version: "11"})
		private := w.create(room.Creation{Preset: room.PrivateChat, Version: "11"})
		p := w.peer(remote)
		make := func(what, id string, user matrix.UserID, versions string) answer {
			return p.getf(fed+"/make_%s/%s/%s%s", what, id, url.PathEscape(string(user)), versions)
		}
		a := make("join", open, rita, "?ver=1&ver=9")
		w.wants("a server without the version", a, 400, "M_INCOMPATIBLE_ROOM_VERSION")
		if a.json()["room_version"] != "11" {
			w.Errorf("it is told %s", a.body)
		}
		w.wants("a server that says no version", make("join", open, rita, ""), 400, "M_INCOMPATIBLE_ROOM_VERSION")
		w.wants("a knock without the version", make("knock", open, rita, "?ver=1"), 400, "M_INCOMPATIBLE_ROOM_VERSION")
		w.wants("somebody else's user", make("join", open, victor, all), 403, matrix.Forbidden)
		w.wants("a user of ours", make("join", open, alice, all), 403, matrix.Forbidden)
		w.wants("nobody", make("join", open, "rita", all), 403, matrix.Forbidden)
		w.wants("who was not invited", make("join", private, rita, all), 403, matrix.Forbidden)
		w.wants("who may not knock", make("knock", private, rita, all), 403, matrix.Forbidden)
		w.wants("who is not there and leaves", make("leave", private, rita, ""), 403, matrix.Forbidden)
		w.wants("a room that is not there", make("join", "!nothing:hs.test", rita, all), 404, matrix.NotFound)
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: open, Sender: alice, Target: rita}))
		w.wants("the banned", make("join", open, rita, all), 403, matrix.Forbidden)
		w.set(open, "m.room.server_acl", `{"allow":["*"],"deny":["remote.test"]}`)
		for _, what := range []string{"join", "knock", "leave"} {
			w.wants("a server that the ACLs turn away", make(what, open, "@rolf:remote.test", all), 403, matrix.Forbidden)
		}
		left := w.create(room.Creation{Preset: room.PublicChat})
		w.join(left, victor)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: left, Sender: alice}))
		w.wants("a room that we have left", make("join", left, rita, all), 404, matrix.NotFound)
	})
}

// Each thing that a server may change in a template before it signs is refused, and the
// room does not see it.
func TestForgedMemberships(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat, Version: "11"})
		other := w.create(room.Creation{Preset: room.PublicChat, Version: "11"})
		p := w.peer(remote)
		version, template := p.proposal("join", id, rita)
		for what, change := range map[string]func(map[string]any){
			"another membership": func(t map[string]any) { t["content"] = map[string]any{"membership": "leave"} },
			"no membership":      func(t map[string]any) { t["content"] = map[string]any{} },
			"another type":       func(t map[string]any) { t["type"] = "m.room.message" },
			"no state event":     func(t map[string]any) { delete(t, "state_key") },
			"another's place":    func(t map[string]any) { t["state_key"] = string(victor) },
			"another room":       func(t map[string]any) { t["room_id"] = other },
		} {
			changed := maps.Clone(template)
			change(changed)
			e := p.sign(version, changed)
			for _, send := range []string{"v1/send_join", "v2/send_join"} {
				w.wants(what, p.put(send, id, e), 400, matrix.InvalidParam)
			}
		}
		victors := maps.Clone(template)
		victors["sender"], victors["state_key"] = string(victor), string(victor)
		w.wants("another server's user", p.put("v2/send_join", id, p.sign(version, victors)), 403, matrix.Forbidden)
		w.wants("no signature", p.put("v2/send_join", id, p.hash(version, template)), 400, matrix.InvalidParam)
		forged, err := p.hash(version, template).Sign(event.Signer{Server: remote, Key: keyOf(third)})
		w.ok(err)
		w.wants("another key", p.put("v2/send_join", id, forged), 400, matrix.InvalidParam)
		good := p.sign(version, template)
		w.wants("another id in the path", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$other", string(good.JSON())), 400, matrix.InvalidParam)
		w.wants("another room in the path", p.put("v2/send_join", other, good), 400, matrix.InvalidParam)
		w.wants("as a leave", p.put("v2/send_leave", id, good), 400, matrix.InvalidParam)
		w.wants("as a knock", p.put("v1/send_knock", id, good), 400, matrix.InvalidParam)
		late := strings.Replace(string(good.JSON()), `"membership":"join"`, `"displayname":"Eve","membership":"join"`, 1)
		w.wants("content that came after the hash", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/"+url.PathEscape(good.ID()), late), 400, matrix.InvalidParam)
		w.wants("a float", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$x", `{"a":1.5}`), 400, matrix.BadJSON)
		w.wants("no event", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$x", `{}`), 400, matrix.BadJSON)
		w.wants("no object", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$x", `[]`), 400, matrix.NotJSON)
		w.wants("an event of 70 KB", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$x", `{"a":"`+strings.Repeat("a", 70_000)+`"}`), 413, matrix.TooLarge)
		w.wants("a body of 300 KB", p.do("PUT", "/_matrix/federation/v2/send_join/"+id+"/$x", `{"a":"`+strings.Repeat("a", 300_000)+`"}`), 413, matrix.TooLarge)
		w.wantMembership(id, rita, "")
	})
}

// Into a restricted room others come by the word of a member of this server, which signs
// that it is given: only where it is true.
func TestRestrictedRooms(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range []string{"8", "10", "11", "12"} {
			club := w.create(room.Creation{Preset: room.PublicChat})
			restricted := room.Creation{Preset: room.PrivateChat, Version: v}
			restricted.InitialState = []room.StateEvent{{Type: "m.room.join_rules", Content: fmt.Appendf(nil, `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q}]}`, club)}}
			id := w.create(restricted)
			p := w.peer(remote)
			path := fmt.Sprintf(fed+"/make_join/%s/%s%s", id, url.PathEscape(string(rita)), all)
			w.wants("who is not in the club", p.get(path), 403, matrix.Forbidden)
			w.join(club, rita)
			version, template := p.proposal("join", id, rita)
			if granter := template["content"].(map[string]any)["join_authorised_via_users_server"]; granter != string(alice) {
				w.Fatalf("the template says that %v lets the user in", granter)
			}
			forged := maps.Clone(template)
			forged["content"] = map[string]any{"membership": "join", "join_authorised_via_users_server": string(victor)}
			w.wants("by the word of another server that has not signed", p.put("v2/send_join", id, p.sign(version, forged)), 400, matrix.InvalidParam)
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: club, Sender: rita}))
			w.wants("who has left the club meanwhile", p.put("v2/send_join", id, p.sign(version, template)), 403, matrix.Forbidden)
			w.wantMembership(id, rita, "")
			w.join(club, rita)
			a := p.put("v2/send_join", id, p.sign(version, template))
			signed, _ := p.pdus(id, answer{a.status, []byte(`{"event":[` + string(encode(a.json()["event"])) + `]}`)}, "event")
			if a.status != 200 || len(signed) != 1 || !signedByUs(w, id, signed[0]) {
				w.Errorf("version %s: send_join = %d %s", v, a.status, a.body)
			}
			w.wantMembership(id, rita, room.Join)
			_, template = p.proposal("leave", id, rita)
			w.wants("leaving", p.put("v2/send_leave", id, p.sign(version, template)), 200, "")
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: club, Sender: alice}))
			w.wants("to a club that we are not in any more", p.get(path), 400, "M_UNABLE_TO_AUTHORISE_JOIN")
			w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: rita}))
			if _, template = p.proposal("join", id, rita); template["content"].(map[string]any)["join_authorised_via_users_server"] != nil {
				w.Error("somebody lets the invited in")
			}
		}
	})
}

// Of two clubs we are in one alone: who is not in that may be in the other, for all we know.
// Who is in neither is refused.
func TestRestrictedByMoreThanWeKnow(t *testing.T) {
	each(t, func(w *world) {
		ours, others := w.create(room.Creation{Preset: room.PublicChat}), w.create(room.Creation{Preset: room.PublicChat})
		w.join(others, victor)
		restricted := room.Creation{Preset: room.PrivateChat, Version: "11"}
		restricted.InitialState = []room.StateEvent{{Type: "m.room.join_rules", Content: fmt.Appendf(nil,
			`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q},{"type":"m.room_membership","room_id":%q}]}`, ours, others)}}
		id := w.create(restricted)
		p := w.peer(remote)
		path := fmt.Sprintf(fed+"/make_join/%s/%s%s", id, url.PathEscape(string(rita)), all)
		w.wants("who is in neither", p.get(path), 403, matrix.Forbidden)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: others, Sender: alice}))
		w.wants("who may be in the one that we are not in", p.get(path), 400, "M_UNABLE_TO_AUTHORISE_JOIN")
		w.join(ours, rita)
		if a := p.get(path); a.status != 200 {
			w.Errorf("who is in ours: %d %s", a.status, a.body)
		}
	})
}

// signedByUs tells whether an event is stored with our signature.
func signedByUs(w *world, id, eventID string) bool {
	required, err := w.held(id, eventID).RequiredSignatures()
	w.ok(err)
	for _, r := range required {
		if r.Server == server && len(r.Keys) == 1 {
			return true
		}
	}
	return false
}

// Where nobody here may invite, another server is to be asked.
func TestNobodyHereMayInvite(t *testing.T) {
	each(t, func(w *world) {
		club := w.create(room.Creation{Preset: room.PublicChat})
		w.join(club, rita)
		restricted := room.Creation{Preset: room.PrivateChat, Version: "11"}
		restricted.InitialState = []room.StateEvent{{Type: "m.room.join_rules", Content: fmt.Appendf(nil, `{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":%q}]}`, club)}}
		id := w.create(restricted)
		w.set(id, "m.room.power_levels", fmt.Sprintf(`{"invite":50,"users":{%q:100}}`, victor))
		a := w.peer(remote).getf(fed+"/make_join/%s/%s%s", id, url.PathEscape(string(rita)), all)
		w.wants("make_join", a, 400, "M_UNABLE_TO_GRANT_JOIN")
	})
}

func TestKnockTemplates(t *testing.T) {
	each(t, func(w *world) {
		knocking := room.Creation{Preset: room.PrivateChat, Name: "door", InitialState: []room.StateEvent{{Type: "m.room.join_rules", Content: []byte(`{"join_rule":"knock"}`)}}}
		id := w.create(knocking)
		p := w.peer(remote)
		version, template := p.proposal("knock", id, rita)
		a := p.put("v1/send_knock", id, p.sign(version, template))
		known, _ := p.pdus(id, a, "knock_room_state")
		create, _ := version.CreateEventID(id)
		if a.status != 200 || !slices.Contains(known, create) || len(known) != 4 {
			w.Errorf("send_knock = %d %s", a.status, a.body)
		}
		w.wantMembership(id, rita, room.Knock)
		w.wants("as a join", p.put("v2/send_join", id, p.sign(version, template)), 400, matrix.InvalidParam)
		_, template = p.proposal("leave", id, rita)
		w.wants("taking it back", p.put("v2/send_leave", id, p.sign(version, template)), 200, "")
		w.wantMembership(id, rita, room.Leave)
	})
}

// wantMembership checks what a user is in a room.
func (w *world) wantMembership(id string, user matrix.UserID, want string) {
	w.Helper()
	r, err := w.rooms.Room(id)
	w.ok(err)
	if got, err := w.rooms.MembershipNow(w.Context(), r, user); err != nil || got != want {
		w.Errorf("%s is %q in the room, %v, want %q", user, got, err, want)
	}
}

// A server comes in with all that it needs to go on by itself, in every version, and out
// again; the older spelling of the calls does the same.
func TestJoinAndLeave(t *testing.T) {
	each(t, func(w *world) {
		for _, v := range event.Versions() {
			id := w.create(room.Creation{Preset: room.PublicChat, Version: v.String(), Name: "tea"})
			w.say(id, alice, "before")
			p := w.peer(remote)
			for _, spelling := range []string{"v1", "v2"} {
				_, template := p.proposal("join", id, rita)
				join := p.sign(v, template)
				a := p.put(spelling+"/send_join", id, join)
				in := answer{a.status, a.body}
				if spelling == "v1" {
					in.body = p.second(a)
				}
				state, _ := p.pdus(id, in, "state")
				chain, _ := p.pdus(id, in, "auth_chain")
				if a.status != 200 || len(state) != 6 && spelling == "v1" || slices.Contains(state, join.ID()) || in.json()["members_omitted"] != false {
					w.Errorf("version %s: %s/send_join = %d %s", v, spelling, a.status, a.body)
				}
				p.checkChain(id, append(state, join.ID()), chain)
				if got := texts(in.json()["servers_in_room"]); !slices.Equal(got, []string{"hs.test"}) {
					w.Errorf("version %s: servers_in_room = %v", v, got)
				}
				w.wantMembership(id, rita, room.Join)
				w.wants("the same again", p.put(spelling+"/send_join", id, join), 200, "")
				_, template = p.proposal("leave", id, rita)
				if a := p.put(spelling+"/send_leave", id, p.sign(v, template)); string(a.body) != map[string]string{"v1": "[200,{}]", "v2": "{}"}[spelling] {
					w.Errorf("%s/send_leave = %d %s", spelling, a.status, a.body)
				}
				w.wantMembership(id, rita, room.Leave)
			}
		}
	})
}

// second is the second element of an answer that is a list.
func (p *peer) second(a answer) []byte {
	p.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal(a.body, &list); err != nil || len(list) != 2 || string(list[0]) != "200" {
		p.Fatalf("the answer = %d %s", a.status, a.body)
	}
	return list[1]
}

// While a server signs, the room goes on.
func TestTheRoomGoesOnMeanwhile(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.peer(remote)
		v, template := p.proposal("join", id, rita)
		w.say(id, alice, "meanwhile")
		join := p.sign(v, template)
		w.wants("send_join", p.put("v2/send_join", id, join), 200, "")
		w.wantMembership(id, rita, room.Join)
		after := w.say(id, alice, "after")
		if prev := w.held(id, after).PrevEvents(); len(prev) != 2 || !slices.Contains(prev, join.ID()) {
			w.Errorf("what comes after follows %v", prev)
		}
		v, template = p.proposal("join", id, "@rolf:remote.test")
		late := p.sign(v, template)
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: "@rolf:remote.test"}))
		for range 2 {
			w.wants("who was banned meanwhile", p.put("v2/send_join", id, late), 403, matrix.Forbidden)
		}
		w.wantMembership(id, "@rolf:remote.test", room.Ban)
		v, template = p.proposal("join", id, "@ruth:remote.test")
		template["prev_events"] = []string{"$" + strings.Repeat("a", 43)}
		w.wants("who follows what is not there", p.put("v2/send_join", id, p.sign(v, template)), 400, matrix.InvalidParam)
		template["prev_events"], template["auth_events"] = []string{after}, []string{after}
		w.wants("who is allowed by nothing", p.put("v2/send_join", id, p.sign(v, template)), 403, matrix.Forbidden)
		w.wantMembership(id, "@ruth:remote.test", "")
	})
}

// The same join, sent twice at the same moment, is in the room once.
func TestTheSameJoinAtTheSameMoment(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		p := w.peer(remote)
		v, template := p.proposal("join", id, rita)
		join := p.sign(v, template)
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() { w.wants("send_join", p.put("v2/send_join", id, join), 200, "") })
		}
		wait.Wait()
		w.wantMembership(id, rita, room.Join)
	})
}
