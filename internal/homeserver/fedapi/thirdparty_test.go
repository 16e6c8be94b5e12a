package fedapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/room"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/quota"
)

// tells says what an identity server tells, and checks the answer and that nothing, or
// something, was written.
func (w *world) tells(what, body string, status int, code matrix.ErrCode) {
	w.Helper()
	for _, method := range []string{"PUT", "POST"} {
		before := w.written()
		req, err := http.NewRequest(method, w.http.URL+fed+"/3pid/onbind", strings.NewReader(body))
		w.ok(err)
		req.Header.Set("Authorization", `X-Matrix origin="nobody.test",destination="hs.test",key="ed25519:1",sig="c2ln"`) // which counts for nothing
		w.wants(method+" of "+what, w.read(http.DefaultClient.Do(req)), status, code)
		if after := w.written(); after != before && status != http.StatusOK {
			w.Errorf("%s: written is %s, was %s", what, after, before)
		}
	}
}

// written is how much there is of all that invitations write.
func (w *world) written() string {
	w.Helper()
	var events, claims int
	w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM room_events`).Scan(&events))
	w.ok(w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM third_party_claims`).Scan(&claims))
	return fmt.Sprintf("%d events, %d claims", events, claims)
}

const validityURL = "https://id.test/isvalid"

// asked puts an invitation of an address into a room. Keys are the members of its content.
func (w *world) asked(id, token, keys string) {
	w.Helper()
	_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.third_party_invite", StateKey: &token,
		Content: []byte(`{"display_name":"c...@e..."` + keys + `}`)})
	w.ok(err)
}

func keyMember(k matrix.SigningKey, validity string) string {
	return fmt.Sprintf(`,"public_key":%q,"key_validity_url":%q`, idclienttest.Public(k), validity)
}

// What an identity server tells is taken whole or not at all: an invitation for a user who is
// not ours, or nobody, with another's signature, of another sender, of a room where there is
// no such invitation, and what is none.
func TestOnBindRefuses(t *testing.T) {
	each(t, func(w *world) {
		const dan = matrix.UserID("@dan:hs.test")
		w.register("dan")
		w.register("eve")
		id := w.create(room.Creation{Preset: room.PrivateChat})
		w.asked(id, "t", keyMember(idclienttest.Key, validityURL))
		w.asked(id, "gone", "")
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: "@eve:hs.test"}))
		good := idclienttest.Sign(t, idclienttest.Key, dan, "t", nil)
		one := func(room string, sender, signed string) string {
			return fmt.Sprintf(`{"room_id":%q,"sender":%q,"signed":%s}`, room, sender, signed)
		}
		long := strings.Repeat("x", 300)
		for _, tt := range []struct {
			what, invite string
			status       int
			code         matrix.ErrCode
		}{
			{"a user elsewhere", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, carol, "t", nil)), 400, matrix.InvalidParam},
			{"nobody", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, "@nobody:hs.test", "t", nil)), 403, matrix.Forbidden},
			{"another key", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Ephemeral, dan, "t", nil)), 403, matrix.Forbidden},
			{"a changed user", one(id, alice.String(), strings.Replace(good, "dan", "eve", 1)), 403, matrix.Forbidden},
			{"no signature", one(id, alice.String(), `{"mxid":"@dan:hs.test","token":"t","signatures":{}}`), 400, matrix.InvalidParam},
			{"a signature that is none", one(id, alice.String(), `{"mxid":"@dan:hs.test","token":"t","signatures":{"id.test":{"ed25519:0":5,"x":"!"}}}`), 403, matrix.Forbidden},
			{"another sender", one(id, bob.String(), good), 403, matrix.Forbidden},
			{"another token", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, dan, "u", nil)), 403, matrix.Forbidden},
			{"one that was taken back", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, dan, "gone", nil)), 403, matrix.Forbidden},
			{"who is banned", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, "@eve:hs.test", "t", nil)), 403, matrix.Forbidden},
			{"a room that nobody is in", one("!other:hs.test", alice.String(), good), 404, matrix.NotFound},
			{"no room", one("other", alice.String(), good), 400, matrix.InvalidParam},
			{"no sender", one(id, "alice", good), 400, matrix.InvalidParam},
			{"no token", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, dan, "", nil)), 400, matrix.InvalidParam},
			{"a long token", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, dan, long, nil)), 400, matrix.InvalidParam},
			{"a NUL", one(id, alice.String(), `{"mxid":"@dan:hs.test","token":"a\u0000","signatures":{"a":{}}}`), 400, matrix.InvalidParam},
			{"a large one", one(id, alice.String(), idclienttest.Sign(t, idclienttest.Key, dan, "t", map[string]any{"x": strings.Repeat(long, 40)})), 400, matrix.InvalidParam},
			{"a number for an event", one(id, alice.String(), `5`), 400, matrix.InvalidParam},
			{"a member twice", one(id, alice.String(), `{"mxid":"@dan:hs.test","mxid":"@dan:hs.test","token":"t","signatures":{"a":{}}}`), 400, matrix.NotJSON},
			{"nothing signed", `{"room_id":"!r:remote.test","sender":"@rita:remote.test"}`, 400, matrix.InvalidParam},
			{"a text", `"x"`, 400, matrix.BadJSON},
		} {
			w.tells(tt.what, `{"invites":[`+one(id, alice.String(), good)+`,`+tt.invite+`]}`, tt.status, tt.code)
		}
		w.tells("a list", `[]`, 400, matrix.BadJSON)
		w.tells("no JSON", `{`, 400, matrix.NotJSON)
		w.tells("too many", `{"invites":[`+strings.TrimSuffix(strings.Repeat("{},", 1001), ",")+`]}`, 400, matrix.InvalidParam)
		w.tells("a giant", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`, 413, matrix.TooLarge)
		w.tells("nothing", `{"invites":[]}`, 200, "")
		w.tells("nothing at all", `{"medium":"email","address":"a@b.test","mxid":"@dan:hs.test"}`, 200, "")
		if asked := w.identity.Questions(); len(asked) > 0 {
			t.Errorf("asked %q", asked)
		}
		before := w.written()
		w.tells("a good one", `{"invites":[`+one(id, alice.String(), good)+`]}`, 200, "")
		if w.written() == before {
			t.Error("a good one is not written down")
		}
		w.ok(w.api.ThirdParty.Fulfil(w.Context()))
		if is := w.membership(id, dan); is != room.Invite {
			t.Errorf("dan is %q", is)
		}
	})
}

func (w *world) membership(id string, user matrix.UserID) string {
	w.Helper()
	r, err := w.rooms.Room(id)
	w.ok(err)
	is, err := w.rooms.MembershipNow(w.Context(), r, user)
	w.ok(err)
	return is
}

// keyCase is an invitation by what it says of its keys, and whether they count.
type keyCase struct {
	what, keys string
	lie        string // of the identity server
	status     int
	asks       int // how many questions
}

// keyCases are told about and exchanged alike.
func keyCases() []keyCase {
	good, other := idclienttest.Key, idclienttest.Ephemeral
	list := func(k matrix.SigningKey, n int) string {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf(`{"public_key":%q,"key_validity_url":"https://id%d.test/isvalid"}`, idclienttest.Public(k), i))
		}
		return `,"public_keys":[` + strings.Join(entries, ",")
	}
	cases := []keyCase{
		{"the key of the list", keyMember(other, validityURL) + list(good, 1) + "]", "", 200, 1},
		{"a key that is not in doubt", fmt.Sprintf(`,"public_key":%q`, idclienttest.Public(good)), "", 200, 0},
		{"the last of 100 keys", keyMember(other, validityURL) + list(other, 98) + fmt.Sprintf(`,{"public_key":%q,"key_validity_url":%q}]`, idclienttest.Public(good), validityURL), "", 200, 1},
		{"the same key twice", keyMember(good, validityURL) + fmt.Sprintf(`,"public_keys":[{"public_key":%q,"key_validity_url":%q}]`, idclienttest.Public(good), validityURL), `200 {"valid":false}`, 403, 1},
		{"100 keys that are revoked", list(good, 100) + "]", `200 {"valid":false}`, 403, 4},
		{"a revoked key", keyMember(good, validityURL), `200 {"valid":false}`, 403, 1},
		{"a key of which nobody tells", keyMember(good, validityURL), ``, 502, 1},
		{"a key of which a lie is told", keyMember(good, validityURL), `200 {"valid":"yes"}`, 502, 1},
		{"a key of which too much is told", keyMember(good, validityURL), `200 []`, 502, 1},
		{"a key that is not found", keyMember(good, validityURL), `404 {}`, 502, 1},
		{"no key", "", "", 403, 0},
		{"another key", keyMember(other, validityURL), "", 403, 0},
	}
	for _, url := range []string{"http://id.test/isvalid", "https://id.test/isvalid?x=1", "https://u:p@id.test/isvalid", "ftp://id.test/isvalid", "isvalid", "https:///isvalid", "https://id.test/isvalid#x", "%"} {
		cases = append(cases, keyCase{"a key that is asked for at " + url, keyMember(good, url), "", 403, 0})
	}
	return cases
}

// An exchange is for whom the origin speaks, in the words of the invitation, by a key that
// stands in it and is valid still. Else nothing comes of it.
func TestExchangeRefuses(t *testing.T) {
	each(t, func(w *world) {
		p := w.peer(remote)
		id := w.create(room.Creation{Preset: room.PrivateChat})
		w.asked(id, "t", keyMember(idclienttest.Key, validityURL))
		w.ok(w.rooms.Ban(w.Context(), room.Membership{Room: id, Sender: alice, Target: "@mallory:remote.test"}))
		signed := func(user matrix.UserID) string { return idclienttest.Sign(t, idclienttest.Key, user, "t", nil) }
		say := func(change map[string]string) string {
			said := map[string]string{"type": `"m.room.member"`, "room_id": `"` + id + `"`, "sender": `"` + alice.String() + `"`, "state_key": `"` + carol.String() + `"`,
				"content": `{"membership":"invite","third_party_invite":{"display_name":"carol@example.org","signed":` + signed(carol) + `}}`}
			maps.Copy(said, change)
			var members []string
			for _, name := range slices.Sorted(maps.Keys(said)) {
				members = append(members, fmt.Sprintf("%q:%s", name, said[name]))
			}
			return "{" + strings.Join(members, ",") + "}"
		}
		of := func(signed string) map[string]string {
			return map[string]string{"content": `{"membership":"invite","third_party_invite":{"display_name":"x","signed":` + signed + `}}`}
		}
		for what, tt := range map[string]struct {
			change map[string]string
			status int
			code   matrix.ErrCode
		}{
			"another type":   {map[string]string{"type": `"m.room.name"`}, 400, matrix.InvalidParam},
			"another room":   {map[string]string{"room_id": `"!other:hs.test"`}, 400, matrix.InvalidParam},
			"another user":   {map[string]string{"state_key": `"@x:remote.test"`}, 400, matrix.InvalidParam},
			"another sender": {map[string]string{"sender": `"@bob:hs.test"`}, 403, matrix.Forbidden},
			"a user elsewhere": {map[string]string{"state_key": `"@v:third.test"`,
				"content": `{"membership":"invite","third_party_invite":{"signed":` + signed("@v:third.test") + `}}`}, 403, matrix.Forbidden},
			"who is banned": {map[string]string{"state_key": `"@mallory:remote.test"`,
				"content": `{"membership":"invite","third_party_invite":{"signed":` + signed("@mallory:remote.test") + `}}`}, 403, matrix.Forbidden},
			"a join":         {map[string]string{"content": `{"membership":"join","third_party_invite":{"signed":` + signed(carol) + `}}`}, 400, matrix.InvalidParam},
			"nothing signed": {map[string]string{"content": `{"membership":"invite"}`}, 400, matrix.InvalidParam},
			"no object":      {map[string]string{"content": `[]`}, 400, matrix.BadJSON},
			"another key":    {of(idclienttest.Sign(t, idclienttest.Ephemeral, carol, "t", nil)), 403, matrix.Forbidden},
			"another token":  {of(idclienttest.Sign(t, idclienttest.Key, carol, "u", nil)), 403, matrix.Forbidden},
		} {
			before := w.written()
			w.wants(what, p.do("PUT", fed+"/exchange_third_party_invite/"+id, say(tt.change)), tt.status, tt.code)
			if after := w.written(); after != before {
				t.Errorf("%s: written is %s, was %s", what, after, before)
			}
		}
		if asked := w.identity.Questions(); len(asked) > 0 {
			t.Errorf("asked %q", asked)
		}
		w.wants("in an unknown room", p.do("PUT", fed+"/exchange_third_party_invite/!other:hs.test", say(map[string]string{"room_id": `"!other:hs.test"`})), 404, matrix.NotFound)
		w.wants("a giant", p.do("PUT", fed+"/exchange_third_party_invite/"+id, say(map[string]string{"x": `"` + strings.Repeat("x", 256<<10) + `"`})), 413, matrix.TooLarge)
		w.wants("unsigned", w.read(http.Post(w.http.URL+fed+"/exchange_third_party_invite/"+id, "", nil)), 405, matrix.Unrecognized)

		for i, tt := range keyCases() {
			token := fmt.Sprintf("k%d", i)
			w.asked(id, token, tt.keys)
			w.identity.Reply("", "")
			if tt.status != 200 || tt.lie != "" {
				w.identity.Reply("isvalid", tt.lie)
			}
			before := w.written()
			status := tt.status
			if status == 200 {
				status = 502 // since her server is away, which has to sign
			}
			a := p.do("PUT", fed+"/exchange_third_party_invite/"+id, say(of(idclienttest.Sign(t, idclienttest.Key, carol, token, nil))))
			if a.status != status {
				t.Errorf("%s: %d %s, want %d", tt.what, a.status, a.body, status)
			}
			if asked := w.identity.Questions(); len(asked) != tt.asks {
				t.Errorf("%s: asked %q, want %d", tt.what, asked, tt.asks)
			}
			if away := strings.Contains(string(a.body), "could not be asked to sign"); away != (tt.status == 200) || w.written() != before {
				t.Errorf("%s: %s, written %s, was %s", tt.what, a.body, w.written(), before)
			}
		}
		acl := ""
		_, err := w.rooms.Send(w.Context(), room.Sending{Room: id, Sender: alice, Type: "m.room.server_acl", StateKey: &acl, Content: []byte(`{"allow":["*"],"deny":["remote.test"]}`)})
		w.ok(err)
		w.wants("from a server that the room denies", p.do("PUT", fed+"/exchange_third_party_invite/"+id, say(nil)), 403, matrix.Forbidden)
	})
}

// What is told is fulfilled by a key that is valid when it is; where nobody tells, it waits.
func TestOnBindByKeys(t *testing.T) {
	each(t, func(w *world) {
		w.register("dan")
		const dan = matrix.UserID("@dan:hs.test")
		for i, tt := range keyCases() {
			id, token := w.create(room.Creation{Preset: room.PrivateChat}), fmt.Sprintf("k%d", i)
			w.asked(id, token, tt.keys)
			w.identity.Reply("", "")
			if tt.status != 200 || tt.lie != "" {
				w.identity.Reply("isvalid", tt.lie)
			}
			body := fmt.Sprintf(`{"invites":[{"room_id":%q,"sender":%q,"signed":%s}]}`, id, alice, idclienttest.Sign(t, idclienttest.Key, dan, token, nil))
			if tt.status == 403 && tt.asks == 0 && !strings.Contains(tt.what, "asked for at") {
				w.tells(tt.what, body, 403, matrix.Forbidden) // which needs no question
				continue
			}
			w.tells(tt.what, body, 200, "")
			w.ok(w.api.ThirdParty.Fulfil(w.Context()))
			want := map[int]string{200: room.Invite}[tt.status]
			if is := w.membership(id, dan); is != want {
				t.Errorf("%s: dan is %q, want %q", tt.what, is, want)
			}
			if asked := w.identity.Questions(); len(asked) != tt.asks {
				t.Errorf("%s: asked %q, want %d", tt.what, asked, tt.asks)
			}
		}
	})
}

// Whoever tells of invitations, which nobody signs, is limited by where they are.
func TestOnBindBudget(t *testing.T) {
	each(t, func(w *world) {
		budgets := fedapi.Budgets(false)
		for i := range budgets {
			budgets[i].Limit = 3
		}
		var err error
		w.api.Quota, err = quota.New(w.Context(), quota.Options{DB: w.db, Vault: w.vault, Budgets: budgets, Now: w.clock.Now})
		w.ok(err)
		w.tells("one, twice", `{"invites":[{}]}`, 400, matrix.InvalidParam)
		w.tells("one more than there may be", `{"invites":[{},{}]}`, 429, matrix.LimitExceededCode)
		w.tells("nothing", `{"invites":[]}`, 200, "")
	})
}
