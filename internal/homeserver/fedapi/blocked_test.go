package fedapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/blocklist"
	"signet/internal/homeserver/event"
	"signet/internal/homeserver/room"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// policyOf is the policy of an identity server.
type policyOf struct{ policy idclient.Policy }

func (p policyOf) Policy(context.Context, idclient.Server) (idclient.Policy, error) {
	return p.policy, nil
}

// block turns a server away, by the policy of the identity server.
func (w *world) block(rules string) {
	w.Helper()
	p, err := idclient.ParsePolicy(fmt.Appendf(nil, `{"server_name":"id.test","origin_server_ts":1,"rules":[%s]}`, rules))
	w.ok(err)
	at, err := idclient.ParseServer("id.test")
	w.ok(err)
	w.api.Blocked, err = blocklist.Open(w.Context(), blocklist.Options{DB: w.db, Asker: policyOf{p}, At: at, Now: w.clock.Now})
	w.ok(err)
	w.ok(w.api.Blocked.Refresh(w.Context()))
}

// A server on the block-list can neither invite nor come in, and is told where the log of the
// identity server says why. It may leave, and what it asks of rooms that it is in it gets.
func TestABlockedServer(t *testing.T) {
	each(t, func(w *world) {
		w.register("alice")
		id, open := w.create(room.Creation{Preset: room.PublicChat}), w.create(room.Creation{Preset: room.PublicChat})
		p := w.peer(remote)
		joined := p.sign(p.proposal("join", id, rita))
		if a := p.put("v2/send_join", id, joined); a.status != 200 {
			w.Fatalf("send_join = %d %s", a.status, a.body)
		}
		template := func(what, id string) answer { return p.getf(fed+"/make_%s/%s/%s%s", what, id, rita, all) }
		later := p.sign(p.proposal("join", open, rita))
		f := p.room(event.Default)
		invitation := f.invitation()

		w.block(`{"entity":"remote.test","recommendation":"m.ban","position":42}`)
		for what, a := range map[string]answer{
			"make_join":    template("join", open),
			"make_knock":   template("knock", open),
			"send_join":    p.put("v2/send_join", open, later),
			"send_join v1": p.put("v1/send_join", open, later),
			"send_knock":   p.put("v1/send_knock", open, later),
			"invite":       f.bring(invitation, f.create),
			"invite v1":    f.do("PUT", "/_matrix/federation/v1/invite/!r:remote.test/$e", string(invitation.JSON())),
			"by another":   (&foreign{peer: w.peer("other.test"), id: f.id, version: f.version}).bring(invitation, f.create),
		} {
			w.wants(what, a, 403, matrix.Forbidden)
			if told, _ := a.json()["error"].(string); a.json()["im.signet.position"] != 42.0 || !strings.Contains(told, "entry 42 of the log of servers of id.test") {
				w.Errorf("%s: it is told %s", what, a.body)
			}
		}
		if w.invited(f.id) {
			w.Error("Alice is invited")
		}
		w.register("bob")
		for what, a := range map[string]answer{
			"a profile":        p.getf(fed+"/query/profile?user_id=@alice:%s", server),
			"an alias":         p.getf(fed+"/query/directory?room_alias=%%23tea:%s", server),
			"rooms":            p.getf(fed + "/publicRooms"),
			"a search":         p.do("POST", fed+"/publicRooms", `{}`),
			"a stranger's":     p.getf(fed+"/user/devices/@bob:%s", server),
			"a stranger's key": p.do("POST", fed+"/user/keys/claim", fmt.Sprintf(`{"one_time_keys":{"@bob:%s":{"X":"signed_curve25519"}}}`, server)),
		} {
			w.wants(what, a, 403, matrix.Forbidden)
		}
		w.wants("the devices of who is in a room with it", p.getf(fed+"/user/devices/@alice:%s", server), 200, "")
		keys := p.do("POST", fed+"/user/keys/query", fmt.Sprintf(`{"device_keys":{"@bob:%s":[],"@alice:%s":[]}}`, server, server))
		if w.wants("keys", keys, 200, ""); strings.Contains(string(keys.body), "@bob") || !strings.Contains(string(keys.body), "@alice") {
			w.Errorf("it is told the keys of %s", keys.body)
		}
		w.wants("a claim", p.do("POST", fed+"/user/keys/claim", fmt.Sprintf(`{"one_time_keys":{"@alice:%s":{"X":"signed_curve25519"}}}`, server)), 200, "")
		w.wants("an event of its room", p.getf(fed+"/event/%s", joined.ID()), 200, "")
		w.wants("its leave", template("leave", id), 200, "")
		other := w.peer("other.test")
		if version, _ := other.proposal("join", open, "@olga:other.test"); version != event.Default {
			w.Errorf("another server is proposed version %s", version)
		}

		w.block("")
		if a := f.bring(invitation, f.create); a.status != 200 || !w.invited(f.id) {
			w.Errorf("once the block is lifted: %d %s", a.status, a.body)
		}
	})
}
