package fedapi_test

import (
	"crypto/ed25519"
	"net/url"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

// What Alice has erased a server gets redacted that comes into the room later, wherever it
// asks; one that was there gets it whole. Ids and signatures hold for both.
func TestWhatIsErasedIsHiddenFromServersThatComeLater(t *testing.T) {
	each(t, func(w *world) {
		since := stream.Pos(0)
		w.rooms.Erased = func(user matrix.UserID) (stream.Pos, bool) { return since, user == alice && since > 0 }
		for _, v := range event.Versions() {
			since = 0
			id := w.create(room.Creation{Preset: room.PublicChat, Version: v.String(), Name: "secret"})
			w.set(id, "m.room.server_acl", `{"allow":["*"]}`)
			w.join(id, rita)
			said := w.say(id, alice, "secret")
			since = w.rooms.Stream.Visible()
			p, late := w.peer(remote), w.peer(third)
			version, template := late.proposal("join", id, victor)
			in := late.put("v2/send_join", id, late.sign(version, template))
			w.ok(w.rooms.Join(w.Context(), room.Membership{Room: id, Sender: rita, Reason: "renewed"}))
			last := w.say(id, rita, "more")
			late.wantHidden(id, "state", in, true)
			late.wantHidden(id, "auth_chain", in, true)
			for read, name := range map[string]string{
				"/event/" + url.PathEscape(said):                           "pdus",
				"/backfill/" + id + "?limit=20&v=" + url.QueryEscape(last): "pdus",
				"/state/" + id + "?event_id=" + url.QueryEscape(last):      "pdus",
				"/event_auth/" + id + "/" + url.PathEscape(last):           "auth_chain",
			} {
				p.wantHidden(id, name, p.get(fed+read), false)
				late.wantHidden(id, name, late.get(fed+read), true)
			}
			missing := `{"earliest_events":[],"latest_events":["` + last + `"],"limit":20}`
			p.wantHidden(id, "events", p.do("POST", fed+"/get_missing_events/"+id, missing), false)
			late.wantHidden(id, "events", late.do("POST", fed+"/get_missing_events/"+id, missing), true)
			if state, _ := late.pdus(id, in, "state"); !strings.Contains(string(in.body), `"allow":["*"]`) || len(state) < 8 {
				w.Errorf("version %s: the ACLs are not in %s", v, in.body)
			}
		}
	})
}

// wantHidden checks that events are what they are here, if only redacted: Alice's are, if
// they are hidden, and else they are not.
func (p *peer) wantHidden(roomID, name string, a answer, hidden bool) {
	p.Helper()
	ids, _ := p.pdus(roomID, a, name)
	if a.status != 200 || len(ids) == 0 || hidden && strings.Contains(string(a.body), "secret") {
		p.Errorf("hidden %v: of %s is shown %d %s", hidden, name, a.status, a.body)
	}
	ours, err := p.signer(p.Context())
	p.ok(err)
	list, _ := a.json()[name].([]any)
	for _, pdu := range list {
		r, err := p.rooms.Room(roomID)
		p.ok(err)
		e, err := r.Version().Parse(encode(pdu))
		p.ok(err)
		here := p.held(roomID, e.ID())
		lasts := slices.Contains([]string{"m.room.server_acl", "m.room.guest_access"}, e.Type())
		if want := hidden && !lasts && e.Sender() == string(alice) && string(here.Redact().JSON()) != string(here.JSON()); e.Redacted() != want {
			p.Errorf("%s is redacted: %v, want %v", e.JSON(), e.Redacted(), want)
		}
		err = e.Verify(func(server matrix.ServerName, _ matrix.KeyID, _ int64) (ed25519.PublicKey, bool) {
			if server == third {
				return keyOf(server).Public(), true
			}
			return ours.Key.Public(), true
		})
		if err != nil && event.ServerOf(e.Sender()) == server {
			p.Errorf("%s is not signed any more: %v", e.JSON(), err)
		}
	}
}
