package fedapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/room"
	"signet/internal/matrix"
)

const (
	alice  = matrix.UserID("@alice:hs.test")
	rita   = matrix.UserID("@rita:remote.test")
	victor = matrix.UserID("@victor:third.test:8448")
)

// create makes a room of Alice's.
func (w *world) create(c room.Creation) string {
	w.Helper()
	c.Creator = alice
	id, err := w.rooms.Create(w.Context(), c)
	w.ok(err)
	return id
}

// join puts users into a room, of whatever server: as events go it is this one that lies.
func (w *world) join(id string, users ...matrix.UserID) {
	w.Helper()
	for _, user := range users {
		w.ok(w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: user}))
	}
}

func (w *world) say(id string, user matrix.UserID, text string) string {
	w.Helper()
	eventID, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: user, Type: "m.room.message", Content: fmt.Appendf(nil, `{"body":%q,"msgtype":"m.text"}`, text)})
	w.ok(err)
	return eventID
}

// set sets a piece of state with an empty key.
func (w *world) set(id, typ, content string) string {
	w.Helper()
	key := ""
	eventID, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: typ, StateKey: &key, Content: []byte(content)})
	w.ok(err)
	return eventID
}

const fed = "/_matrix/federation/v1"

// pdus are the events of an answer, read as another server reads them, by id.
func (p *peer) pdus(roomID string, a answer, name string) (ids []string, bodies map[string]string) {
	p.Helper()
	r, err := p.rooms.Room(roomID)
	p.ok(err)
	bodies = map[string]string{}
	list, _ := a.json()[name].([]any)
	for _, pdu := range list {
		e, err := r.Version().Parse(encode(pdu))
		if err != nil {
			p.Fatalf("%s is no event: %v", encode(pdu), err)
		}
		ids = append(ids, e.ID())
		bodies[e.ID()], _ = e.Field("body").Text()
	}
	return ids, bodies
}

func TestOneEvent(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		said := w.say(id, alice, "hello")
		a := w.peer(remote).getf(fed+"/event/%s", url.PathEscape(said))
		ids, bodies := w.peer(remote).pdus(id, a, "pdus")
		if a.status != 200 || !slices.Equal(ids, []string{said}) || bodies[said] != "hello" || a.json()["origin"] != "hs.test" {
			w.Errorf("event = %d %s", a.status, a.body)
		}
		w.wants("by a server that is not in the room", w.peer(third).getf(fed+"/event/%s", url.PathEscape(said)), 403, matrix.Forbidden)
		w.wants("one that is not there", w.peer(remote).getf(fed+"/event/%s", "$nothing"), 404, matrix.NotFound)
		w.wants("none", w.peer(remote).getf(fed+"/event/%s", "%24%00"), 404, matrix.Unrecognized)
		w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: rita}))
		w.wants("by a server that has left", w.peer(remote).getf(fed+"/event/%s", url.PathEscape(said)), 403, matrix.Forbidden)
	})
}

// A server reads what was sent before one of its users was there as history visibility
// has it: where it may not, what redaction leaves.
func TestHistoryIsForThoseWhoMayReadIt(t *testing.T) {
	each(t, func(w *world) {
		for visibility, want := range map[string]string{"shared": "before", "world_readable": "before", "invited": "", "joined": ""} {
			id := w.create(room.Creation{Preset: room.PublicChat})
			w.set(id, "m.room.history_visibility", `{"history_visibility":"`+visibility+`"}`)
			w.clock.Advance(time.Second)
			before, ts := w.say(id, alice, "before"), w.clock.Now().UnixMilli()
			w.ok(w.rooms.Invite(w.Context(), room.Membership{Room: id, Sender: alice, Target: rita}))
			between := w.say(id, alice, "between")
			w.join(id, rita)
			after := w.say(id, alice, "after")
			p := w.peer(remote)
			a := p.getf(fed+"/backfill/%s?limit=20&v=%s", id, url.QueryEscape(after))
			ids, bodies := p.pdus(id, a, "pdus")
			if len(ids) < 10 || ids[0] != after || bodies[after] != "after" || bodies[before] != want {
				w.Errorf("%s: backfill = %d %v", visibility, a.status, bodies)
			}
			wantBetween := "between"
			if visibility == "joined" {
				wantBetween = ""
			}
			if bodies[between] != wantBetween {
				w.Errorf("%s: the invited server reads %q", visibility, bodies[between])
			}
			w.ok(w.rooms.Leave(w.Context(), room.Membership{Room: id, Sender: rita}))
			w.join(id, "@rolf:remote.test")
			if _, bodies = p.pdus(id, p.getf(fed+"/event/%s", url.PathEscape(before)), "pdus"); bodies[before] != want {
				w.Errorf("%s: the event = %v", visibility, bodies)
			}
			if _, bodies = p.pdus(id, p.getf(fed+"/event/%s", url.PathEscape(after)), "pdus"); bodies[after] != "after" {
				w.Errorf("%s: what was sent while another user of the server was there = %v", visibility, bodies)
			}
			at := p.getf(fed+"/timestamp_to_event/%s?ts=%d&dir=f", id, ts)
			if first := at.json()["event_id"]; at.status != 200 || (first == before) != (want != "") {
				w.Errorf("%s: the first event by time = %d %s", visibility, at.status, at.body)
			}
		}
	})
}

func TestBackfill(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		var said []string
		for i := range 130 {
			said = append(said, w.say(id, alice, fmt.Sprint(i)))
		}
		other := w.create(room.Creation{Preset: room.PublicChat})
		elsewhere := w.say(other, alice, "elsewhere")
		p, last := w.peer(remote), said[len(said)-1]
		back := func(limit int, from ...string) []string {
			v := url.Values{"v": from, "limit": {fmt.Sprint(limit)}}
			a := p.getf(fed+"/backfill/%s?%s", id, v.Encode())
			if a.status != 200 {
				w.Errorf("backfill from %v = %d %s", from, a.status, a.body)
			}
			ids, _ := p.pdus(id, a, "pdus")
			return ids
		}
		latest := slices.Clone(said)
		slices.Reverse(latest)
		for limit, want := range map[int]int{0: 0, 1: 1, 5: 5, 100: 100, 5000: 100} {
			if got := back(limit, last); !slices.Equal(got, latest[:want]) {
				w.Errorf("backfill of %d has %d events, or others than the last", limit, len(got))
			}
		}
		if got := back(3, said[4], said[2]); !slices.Equal(got, []string{said[4], said[3], said[2]}) {
			w.Errorf("backfill from two = %v", got)
		}
		if got := back(3, elsewhere, "$nothing"); len(got) != 0 {
			w.Errorf("backfill from an event of another room = %v", got)
		}
		if got := back(100, said[0]); len(got) != 7 {
			w.Errorf("backfill to the start of the room has %d events", len(got))
		}
		w.wants("no v", p.getf(fed+"/backfill/%s?limit=3", id), 400, matrix.InvalidParam)
		w.wants("a limit that is none", p.getf(fed+"/backfill/%s?limit=-3&v=a", id), 400, matrix.InvalidParam)
		w.wants("a v that is no text", p.getf(fed+"/backfill/%s?limit=3&v=%%ff", id), 400, matrix.InvalidParam)
		w.wants("too many", p.getf(fed+"/backfill/%s?limit=3&%s", id, url.Values{"v": said[:101]}.Encode()), 400, matrix.InvalidParam)
		w.wants("by a server that is not in the room", w.peer(third).getf(fed+"/backfill/%s?limit=3&v=%s", id, last), 403, matrix.Forbidden)
		w.wants("of a room that is not there", p.getf(fed+"/backfill/!nothing:hs.test?limit=3&v=a"), 404, matrix.NotFound)
	})
}

func TestMissingEvents(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		var said []string
		for i := range 40 {
			said = append(said, w.say(id, alice, fmt.Sprint(i)))
		}
		p := w.peer(remote)
		missing := func(body string) []string {
			a := p.do("POST", fed+"/get_missing_events/"+id, body)
			if a.status != 200 {
				w.Errorf("%s = %d %s", body, a.status, a.body)
			}
			ids, _ := p.pdus(id, a, "events")
			return ids
		}
		between := func(earliest, latest string, more string) []string {
			return missing(fmt.Sprintf(`{"earliest_events":[%q],"latest_events":[%q]%s}`, earliest, latest, more))
		}
		if got := between(said[10], said[15], ""); !slices.Equal(got, said[11:15]) {
			w.Errorf("the gap = %v, want %v", got, said[11:15])
		}
		if got := between(said[0], said[39], ""); !slices.Equal(got, said[29:39]) {
			w.Errorf("a gap of 38 has %d events, want the last 10", len(got))
		}
		if got := between(said[0], said[39], `,"limit":1000`); !slices.Equal(got, said[19:39]) {
			w.Errorf("a gap of 38 has %d events, want the last 20", len(got))
		}
		for _, limit := range []string{"0", "-1"} {
			if got := between(said[0], said[39], `,"limit":`+limit); len(got) != 0 {
				w.Errorf("a limit of %s gives %v", limit, got)
			}
		}
		depth := w.held(id, said[37]).Depth()
		if got := between(said[0], said[39], fmt.Sprintf(`,"min_depth":%d`, depth)); !slices.Equal(got, said[37:39]) {
			w.Errorf("from a depth on = %v", got)
		}
		if got := between("$nothing", "$nothing", ""); len(got) != 0 {
			w.Errorf("between events that are not there = %v", got)
		}
		w.wants("by a server that is not in the room", w.peer(third).do("POST", fed+"/get_missing_events/"+id, `{"earliest_events":[],"latest_events":[]}`), 403, matrix.Forbidden)
	})
}

// held is an event as it is stored.
func (w *world) held(roomID, eventID string) *room.Stored {
	w.Helper()
	r, err := w.rooms.Room(roomID)
	w.ok(err)
	found, err := w.rooms.Held(w.Context(), r, []string{eventID})
	if err != nil || len(found) != 1 {
		w.Fatalf("%s: %v, %v", eventID, found, err)
	}
	return found[0]
}

func TestStateAtAnEvent(t *testing.T) {
	each(t, func(w *world) {
		for _, version := range []string{"1", "2", "6", "11", "12"} {
			id := w.create(room.Creation{Preset: room.PublicChat, Version: version})
			w.join(id, rita)
			w.set(id, "m.room.name", `{"name":"one"}`)
			said := w.say(id, alice, "hello")
			renamed := w.set(id, "m.room.name", `{"name":"two"}`)
			w.set(id, "m.room.topic", `{"topic":"later"}`)
			other := w.create(room.Creation{Preset: room.PublicChat, Version: version})
			w.join(other, rita)
			elsewhere := w.say(other, alice, "elsewhere")
			p := w.peer(remote)
			for at, places := range map[string]int{said: 7, renamed: 7} {
				a := p.getf(fed+"/state/%s?event_id=%s", id, url.QueryEscape(at))
				state, _ := p.pdus(id, a, "pdus")
				chain, _ := p.pdus(id, a, "auth_chain")
				if a.status != 200 || len(state) != places || len(chain) < 3 || slices.Contains(state, renamed) {
					w.Errorf("version %s: state = %d with %d events and %d that allow them, want %d places: %s", version, a.status, len(state), len(chain), places, a.body)
				}
				p.checkChain(id, state, chain)
				b := p.getf(fed+"/state_ids/%s?event_id=%s", id, url.QueryEscape(at))
				if got := texts(b.json()["pdu_ids"]); !sameSet(got, state) {
					w.Errorf("version %s: state_ids = %s, want %v", version, b.body, state)
				}
				if got := texts(b.json()["auth_chain_ids"]); !sameSet(got, chain) {
					w.Errorf("version %s: state_ids = %s, want the chain %v", version, b.body, chain)
				}
			}
			a := p.getf(fed+"/event_auth/%s/%s", id, url.PathEscape(said))
			chain, _ := p.pdus(id, a, "auth_chain")
			p.checkChain(id, []string{said}, chain)
			if a.status != 200 || len(chain) < 3 || slices.Contains(chain, said) {
				w.Errorf("version %s: event_auth = %d %v", version, a.status, chain)
			}
			for _, path := range []string{"/state/ROOM?event_id=EVENT", "/state_ids/ROOM?event_id=EVENT", "/event_auth/ROOM/EVENT"} {
				path := func(room, event string) string {
					return fed + strings.NewReplacer("ROOM", room, "EVENT", url.PathEscape(event)).Replace(path)
				}
				w.wants("by a server that is not in the room", w.peer(third).get(path(id, said)), 403, matrix.Forbidden)
				w.wants("at nothing", p.get(path(id, "$nothing")), 404, matrix.NotFound)
				w.wants("at an event of another room", p.get(path(id, elsewhere)), 404, matrix.NotFound)
				w.wants("nowhere", p.get(path("!nothing:hs.test", said)), 404, matrix.NotFound)
			}
			w.wants("without an event", p.get(fed+"/state/"+id), 400, matrix.MissingParams)
		}
	})
}

// checkChain checks that a chain has all that allows the events, and nothing twice.
func (p *peer) checkChain(roomID string, events, chain []string) {
	p.Helper()
	for i, id := range chain {
		if slices.Contains(chain[:i], id) {
			p.Errorf("%s stands twice in the chain", id)
		}
	}
	for _, id := range slices.Concat(events, chain) {
		for _, cited := range p.held(roomID, id).AuthEvents() {
			if !slices.Contains(chain, cited) {
				p.Errorf("%s cites %s, which is not in the chain", id, cited)
			}
		}
	}
}

func TestTheFirstEventHasNoStateBefore(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		r, err := w.rooms.Room(id)
		w.ok(err)
		create, _ := r.Version().CreateEventID(id)
		a := w.peer(remote).getf(fed+"/state/%s?event_id=%s", id, url.QueryEscape(create))
		if string(a.body) != `{"auth_chain":[],"pdus":[]}` {
			w.Errorf("the state before the first event = %d %s", a.status, a.body)
		}
	})
}

// Whom the room's server ACLs turn away gets nothing of it, though it has members there.
func TestServerACLs(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita, victor)
		said := w.say(id, alice, "hello")
		reads := []string{"/event/" + url.PathEscape(said), "/state/" + id + "?event_id=" + url.QueryEscape(said), "/state_ids/" + id + "?event_id=" + url.QueryEscape(said),
			"/event_auth/" + id + "/" + url.PathEscape(said), "/backfill/" + id + "?limit=3&v=" + url.QueryEscape(said), "/timestamp_to_event/" + id + "?ts=0&dir=f"}
		gap := fmt.Sprintf(`{"earliest_events":[],"latest_events":[%q]}`, said)
		for content, status := range map[string]int{`{"allow":["*"],"deny":["third.test"]}`: 403, `{"allow":["*"]}`: 200, `{}`: 403} {
			w.set(id, "m.room.server_acl", content)
			for _, read := range reads {
				if a := w.peer(third).get(fed + read); a.status != status || status == 403 && a.code() != matrix.Forbidden {
					w.Errorf("with %s, %s = %d %s, want %d", content, read, a.status, a.body, status)
				}
			}
			if a := w.peer(third).do("POST", fed+"/get_missing_events/"+id, gap); a.status != status {
				w.Errorf("with %s, get_missing_events = %d, want %d", content, a.status, status)
			}
		}
	})
}

func TestTimestampToEvent(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		w.clock.Advance(time.Second)
		said := w.say(id, alice, "hello")
		ts := w.clock.Now().UnixMilli()
		a := w.peer(remote).getf(fed+"/timestamp_to_event/%s?ts=%d&dir=b", id, ts+5)
		if want := fmt.Sprintf(`{"event_id":%q,"origin_server_ts":%d}`, said, ts); string(a.body) != want {
			w.Errorf("timestamp_to_event = %d %s, want %s", a.status, a.body, want)
		}
		w.wants("after the end", w.peer(remote).getf(fed+"/timestamp_to_event/%s?ts=%d&dir=f", id, ts+5), 404, matrix.NotFound)
		w.wants("in no direction", w.peer(remote).getf(fed+"/timestamp_to_event/%s?ts=1&dir=x", id), 400, matrix.InvalidParam)
		w.wants("at no time", w.peer(remote).getf(fed+"/timestamp_to_event/%s?dir=f", id), 400, matrix.MissingParams)
		w.wants("by a server that is not in the room", w.peer(third).getf(fed+"/timestamp_to_event/%s?ts=1&dir=f", id), 403, matrix.Forbidden)
	})
}

// What others ask for leaves no person in the log.
func TestTheLogNamesNobody(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		said := w.say(id, alice, "hello")
		w.peer(remote).getf(fed+"/state/%s?event_id=%s", id, url.QueryEscape(said))
		w.peer("gone.test").getf(fed+"/event/%s", url.PathEscape(said))
		w.http.Close()
		log := w.log.String()
		for _, secret := range []string{said, id, "alice", "rita", "X-Matrix"} {
			if contains(log, secret) {
				w.Errorf("the log has %q in it:\n%s", secret, log)
			}
		}
		if !contains(log, "/state/:roomId") {
			w.Errorf("the log has no line of the call:\n%s", log)
		}
	})
}

// An auth chain is walked as far as its bound, each event once, however often it is cited.
func TestLongAuthChains(t *testing.T) {
	each(t, func(w *world) {
		id := w.create(room.Creation{Preset: room.PublicChat})
		w.join(id, rita)
		for i := range 30 {
			w.set(id, "m.room.power_levels", fmt.Sprintf(`{"ban":%d}`, 20+i))
		}
		said := w.say(id, alice, "hello")
		p, path := w.peer(remote), fmt.Sprintf("%s/event_auth/%s/", fed, id)
		chain, _ := p.pdus(id, p.get(path+url.PathEscape(said)), "auth_chain")
		if len(chain) != 33 {
			w.Errorf("the chain has %d events, want 33", len(chain))
		}
		w.api.Rooms.MaxChain = 33
		p.pdus(id, p.get(path+url.PathEscape(said)), "auth_chain")
		w.api.Rooms.MaxChain = 32
		for _, ask := range []string{path + url.PathEscape(said), fed + "/state/" + id + "?event_id=" + url.QueryEscape(said), fed + "/state_ids/" + id + "?event_id=" + url.QueryEscape(said)} {
			w.wants("one event too many", p.get(ask), 503, matrix.Unknown)
		}
	})
}
