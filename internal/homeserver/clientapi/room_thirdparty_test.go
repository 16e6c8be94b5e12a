package clientapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"signet/internal/homeserver/thirdparty"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
)

// eachIdentity is each beside an identity server.
func eachIdentity(t *testing.T, story func(w *world, id *idclienttest.Server)) {
	each(t, func(w *world) {
		id := idclienttest.NewOfUsers()
		w.api.Trusted = idclienttest.Trusted(t)
		w.api.Identity = id.ClientOf("hs.test", w.clock.Now)
		w.api.ThirdParty = thirdparty.New(thirdparty.Options{DB: w.db, Rooms: w.api.Rooms, Inviter: w.api.Rooms, Identity: w.api.Identity, ServerName: "hs.test",
			Exists: w.api.Accounts.Exists, Now: w.clock.Now})
		story(w, id)
	})
}

// addressed names whom to invite, with changes; nil leaves a member out.
func addressed(changes map[string]any) string {
	said := map[string]any{"id_server": idclienttest.Name, "id_access_token": idclienttest.Token, "medium": "email", "address": "Carol@Example.org"}
	for name, value := range changes {
		if said[name] = value; value == nil {
			delete(said, name)
		}
	}
	b, _ := json.Marshal(said)
	return string(b)
}

func (w *world) newRoom(token, body string) string {
	w.Helper()
	a := w.call(token, "POST /createRoom", body)
	w.want("creating a room", a, 200, "")
	return a.str("room_id")
}

// written is how many events there are.
func (w *world) written() (n int) {
	w.Helper()
	if err := w.db.QueryRow(w.Context(), `SELECT COUNT(*) FROM room_events`).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// Whoever has an address is invited: the user behind it, or else by a message and an event
// that tells the room no address.
func TestInvitingByAddress(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice := w.joined("alice")
		w.joined("bob")
		w.want("a name", w.do("PUT", v3+"/profile/@alice:hs.test/displayname", `{"displayname":"Alice"}`, bearer(alice)), 200, "")
		id := w.newRoom(alice, `{"name":"Tea","creation_content":{"type":"m.space"}}`)
		w.wantJSON("inviting an address", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), `{}`)
		stored := identity.Stored()
		if len(stored) != 1 {
			t.Fatalf("stored are %v", stored)
		}
		for name, want := range map[string]string{"address": "carol@example.org", "medium": "email", "room_id": id, "sender": "@alice:hs.test", "room_name": "Tea", "room_type": "m.space"} {
			if stored[0][name] != want {
				t.Errorf("the identity server is told the %s %q, want %q", name, stored[0][name], want)
			}
		}
		key, ephemeral := idclienttest.Public(idclienttest.Key), idclienttest.Public(idclienttest.Ephemeral)
		const validity = "https://id.test/isvalid"
		w.wantJSON("what the room says", w.call(alice, "GET /rooms/"+id+"/state/m.room.third_party_invite/token-1", ""),
			fmt.Sprintf(`{"display_name":"c...@e...","key_validity_url":%q,"public_key":%q,"public_keys":[{"key_validity_url":%q,"public_key":%q},{"key_validity_url":%q,"public_key":%q}]}`,
				validity, key, validity, key, validity, ephemeral))

		identity.Bind("carol@example.org", "@bob:hs.test")
		identity.Questions()
		w.wantJSON("inviting who is known", w.call(alice, "POST /rooms/"+id+"/invite", addressed(map[string]any{"reason": "come"})), `{}`)
		invited := w.call(alice, "GET /rooms/"+id+"/state/m.room.member/@bob:hs.test", "")
		if invited.str("membership") != "invite" || invited.str("reason") != "come" || len(identity.Stored()) != 1 {
			t.Errorf("bob is %s; stored %v", invited.text, identity.Stored())
		}
		w.want("inviting who is banned", w.call(alice, "POST /rooms/"+id+"/ban", `{"user_id":"@bob:hs.test"}`), 200, "")
		w.want("inviting who is banned", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), 403, "M_FORBIDDEN")
		if log := w.wholeLog(); strings.Contains(strings.ToLower(log), "carol@") || strings.Contains(log, idclienttest.Token) {
			t.Errorf("the log tells of whom: %s", log)
		}
	})
}

// An identity server that gives the address away as the name to show is not followed.
func TestTheAddressIsNotShown(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice := w.joined("alice")
		id := w.newRoom(alice, `{}`)
		for i, name := range []string{"carol@example.org", "Carol <CAROL@example.org>", ""} {
			identity.Reply("store-invite", fmt.Sprintf(`200 {"token":"t%d","display_name":%q,"public_keys":[{"public_key":%q,"key_validity_url":"https://id.test/v"}]}`, i, name, idclienttest.Public(idclienttest.Key)))
			w.want("inviting", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), 200, "")
			shown := w.call(alice, fmt.Sprintf("GET /rooms/%s/state/m.room.third_party_invite/t%d", id, i), "").str("display_name")
			if shown == "" || strings.Contains(strings.ToLower(shown), "carol") || strings.Contains(shown, "example.org") {
				t.Errorf("for %q it shows %q", name, shown)
			}
		}
	})
}

// What is missing, of the wrong kind, of a server that is not used, or not allowed is refused
// before anybody is asked.
func TestInvitingByAddressRefuses(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.newRoom(alice, `{"preset":"public_chat"}`)
		w.want("bob joins", w.call(bob, "POST /rooms/"+id+"/join", `{}`), 200, "")
		dave := w.joined("dave")
		before := w.written()
		for _, tt := range []struct {
			what, token, body string
			status            int
			code              string
		}{
			{"no id_server", alice, addressed(map[string]any{"id_server": nil}), 400, "M_MISSING_PARAM"},
			{"no id_access_token", alice, addressed(map[string]any{"id_access_token": nil}), 400, "M_MISSING_PARAM"},
			{"no medium", alice, addressed(map[string]any{"medium": nil}), 400, "M_MISSING_PARAM"},
			{"no address", alice, addressed(map[string]any{"address": nil}), 400, "M_MISSING_PARAM"},
			{"an empty token", alice, addressed(map[string]any{"id_access_token": ""}), 400, "M_MISSING_PARAM"},
			{"a number", alice, addressed(map[string]any{"address": 5}), 400, "M_BAD_JSON"},
			{"a user too", alice, addressed(map[string]any{"user_id": "@bob:hs.test"}), 400, "M_INVALID_PARAM"},
			{"another server", alice, addressed(map[string]any{"id_server": "evil.test"}), 400, "M_SERVER_NOT_TRUSTED"},
			{"a private address", alice, addressed(map[string]any{"id_server": "10.0.0.1"}), 400, "M_SERVER_NOT_TRUSTED"},
			{"a URL", alice, addressed(map[string]any{"id_server": "https://id.test/x"}), 400, "M_INVALID_PARAM"},
			{"an unknown medium", alice, addressed(map[string]any{"medium": "pigeon"}), 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"},
			{"no e-mail address", alice, addressed(map[string]any{"address": "carol"}), 400, "M_INVALID_PARAM"},
			{"no number", alice, addressed(map[string]any{"medium": "msisdn", "address": "carol"}), 400, "M_INVALID_PARAM"},
			{"who may not invite", bob, addressed(nil), 403, "M_FORBIDDEN"},
			{"who is not there", dave, addressed(nil), 403, "M_FORBIDDEN"},
		} {
			w.want(tt.what, w.call(tt.token, "POST /rooms/"+id+"/invite", tt.body), tt.status, tt.code)
		}
		w.want("an unknown room", w.call(alice, "POST /rooms/!no:hs.test/invite", addressed(nil)), 404, "M_NOT_FOUND")
		if asked := identity.Questions(); len(asked) > 0 {
			t.Errorf("asked %q", asked)
		}
		if after := w.written(); after != before {
			t.Errorf("%d events were written", after-before)
		}
	})
}

// An identity server that is away, lies or refuses: nothing is written, and the client keeps
// its own access token.
func TestAnIdentityServerThatFails(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice := w.joined("alice")
		id := w.newRoom(alice, `{}`)
		key := fmt.Sprintf(`"public_keys":[{"public_key":%q,"key_validity_url":"https://id.test/v"}]`, idclienttest.Public(idclienttest.Key))
		before := w.written()
		for _, tt := range []struct {
			end, answer string
			status      int
			code        string
		}{
			{"hash_details", "", 502, "M_UNKNOWN"},
			{"hash_details", `200 {"algorithms":["none"],"lookup_pepper":"p"}`, 502, "M_UNKNOWN"},
			{"hash_details", `401 {"errcode":"M_UNKNOWN_TOKEN"}`, 403, "M_UNAUTHORIZED"},
			{"hash_details", `403 {"errcode":"M_TERMS_NOT_SIGNED"}`, 403, "M_TERMS_NOT_SIGNED"},
			{"lookup", "", 502, "M_UNKNOWN"},
			{"lookup", `200 []`, 502, "M_UNKNOWN"},
			{"lookup", `200 {"mappings":{"x":5}}`, 502, "M_UNKNOWN"},
			{"lookup", `500 {"errcode":"M_FORBIDDEN"}`, 502, "M_UNKNOWN"},
			{"lookup", `429 {"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":5000}`, 429, "M_LIMIT_EXCEEDED"},
			{"store-invite", "", 502, "M_UNKNOWN"},
			{"store-invite", `404 {"errcode":"M_NOT_FOUND"}`, 502, "M_UNKNOWN"},
			{"store-invite", `400 {"errcode":"M_DESTINATION_REJECTED"}`, 403, "M_FORBIDDEN"},
			{"store-invite", `400 {"errcode":"M_THREEPID_IN_USE"}`, 403, "M_FORBIDDEN"},
			{"store-invite", `200 {"token":"t","display_name":"x","public_keys":[]}`, 502, "M_UNKNOWN"},
			{"store-invite", `200 {"token":"","display_name":"x",` + key + `}`, 502, "M_UNKNOWN"},
			{"store-invite", `200 {"token":"` + strings.Repeat("x", 256) + `","display_name":"x",` + key + `}`, 502, "M_UNKNOWN"},
			{"store-invite", `200 {"token":"t","display_name":"x",` + strings.Replace(key, "https", "http", 1) + `}`, 502, "M_UNKNOWN"},
			{"store-invite", `200 {"token":"a\u0000","display_name":"x",` + key + `}`, 502, "M_UNKNOWN"},
		} {
			identity.Reply("", "")
			identity.Reply(tt.end, tt.answer)
			w.want(tt.end+" "+tt.answer, w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), tt.status, tt.code)
			if after := w.written(); after != before {
				t.Errorf("%s %s: %d events were written", tt.end, tt.answer, after-before)
			}
		}
		identity.Reply("", "")
		w.want("a token that it does not take", w.call(alice, "POST /rooms/"+id+"/invite", addressed(map[string]any{"id_access_token": "x"})), 403, "M_UNAUTHORIZED")
	})
}

// Somebody who binds the address between the two questions is invited all the same.
func TestBoundMeanwhile(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice := w.joined("alice")
		id := w.newRoom(alice, `{}`)
		identity.ReplyOnce("lookup", `200 {"mappings":{}}`)
		identity.Bind("carol@example.org", "@carol:hs.test")
		w.want("inviting", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), 200, "")
		if is := w.call(alice, "GET /rooms/"+id+"/state/m.room.member/@carol:hs.test", "").str("membership"); is != "invite" {
			t.Errorf("carol is %q", is)
		}
	})
}

// A new room invites people by addresses. Where that cannot be known there is no room; where it
// only fails in the end, the room is there without them.
func TestANewRoomInvitesByAddress(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice := w.joined("alice")
		w.joined("bob")
		identity.Bind("bob@example.org", "@bob:hs.test")
		both := `{"is_direct":true,"invite_3pid":[` + addressed(map[string]any{"address": "bob@example.org"}) + `,` + addressed(nil) + `,` + addressed(nil) + `]}`
		id := w.newRoom(alice, both)
		if bob := w.call(alice, "GET /rooms/"+id+"/state/m.room.member/@bob:hs.test", ""); bob.str("membership") != "invite" || bob.json["is_direct"] != true {
			t.Errorf("bob is %s", bob.text)
		}
		w.want("the other", w.call(alice, "GET /rooms/"+id+"/state/m.room.third_party_invite/token-1", ""), 200, "")
		if stored := identity.Stored(); len(stored) != 1 || stored[0]["room_id"] != id {
			t.Errorf("stored are %v", stored)
		}
		identity.Questions()
		before := w.written()
		for what, tt := range map[string]struct {
			body   string
			status int
			code   string
		}{
			"another server": {`[` + addressed(nil) + `,` + addressed(map[string]any{"id_server": "evil.test"}) + `]`, 400, "M_SERVER_NOT_TRUSTED"},
			"no token":       {`[` + addressed(map[string]any{"id_access_token": nil}) + `]`, 400, "M_MISSING_PARAM"},
			"no address":     {`[{}]`, 400, "M_MISSING_PARAM"},
			"a text":         {`["x"]`, 400, "M_BAD_JSON"},
			"too many":       {`[` + strings.TrimSuffix(strings.Repeat(addressed(nil)+",", 21), ",") + `]`, 400, "M_INVALID_PARAM"},
		} {
			w.want(what, w.call(alice, "POST /createRoom", `{"invite_3pid":`+tt.body+`}`), tt.status, tt.code)
		}
		if asked := identity.Questions(); len(asked) > 0 {
			t.Errorf("asked %q", asked)
		}
		identity.Reply("lookup", "")
		w.want("an identity server that is away", w.call(alice, "POST /createRoom", both), 502, "M_UNKNOWN")
		if after := w.written(); after != before {
			t.Errorf("%d events were written", after-before)
		}
		identity.Reply("", "")
		identity.Reply("store-invite", "")
		id = w.newRoom(alice, both)
		if bob := w.call(alice, "GET /rooms/"+id+"/state/m.room.member/@bob:hs.test", ""); bob.str("membership") != "invite" {
			t.Errorf("in the room without carol bob is %s", bob.text)
		}
		if state := w.call(alice, "GET /rooms/"+id+"/state", "").text; strings.Contains(state, "third_party_invite") {
			t.Errorf("the room says %s", state)
		}
		identity.Reply("", "")
		w.want("inviting again", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), 200, "")
	})
}

// Who was sent a key by mail has the identity server sign, and joins by that: by either path,
// and by an alias.
func TestJoiningByThirdPartySigned(t *testing.T) {
	eachIdentity(t, func(w *world, identity *idclienttest.Server) {
		alice, bob := w.joined("alice"), w.joined("bob")
		id := w.newRoom(alice, `{"room_alias_name":"tea"}`)
		for i := range 3 {
			w.want("inviting", w.call(alice, "POST /rooms/"+id+"/invite", addressed(nil)), 200, "")
			token := fmt.Sprintf("token-%d", i+1)
			signed := func(key matrix.SigningKey, user matrix.UserID, sender string) string {
				return `{"third_party_signed":` + idclienttest.Sign(t, key, user, token, map[string]any{"sender": sender}) + `}`
			}
			good := signed(idclienttest.Ephemeral, "@bob:hs.test", "@alice:hs.test")
			path := []string{"/join/" + id, "/rooms/" + id + "/join", "/join/%23tea:hs.test"}[i]
			before := w.written()
			for _, tt := range []struct {
				what, body string
				status     int
				code       string
			}{
				{"nothing", `{}`, 403, "M_FORBIDDEN"},
				{"null", `{"third_party_signed":null}`, 403, "M_FORBIDDEN"},
				{"a text", `{"third_party_signed":"x"}`, 400, "M_BAD_JSON"},
				{"no members", `{"third_party_signed":{}}`, 400, "M_BAD_JSON"},
				{"no sender", `{"third_party_signed":` + idclienttest.Sign(t, idclienttest.Key, "@bob:hs.test", token, nil) + `}`, 400, "M_BAD_JSON"},
				{"another sender", signed(idclienttest.Key, "@bob:hs.test", "@eve:hs.test"), 403, "M_FORBIDDEN"},
				{"for somebody else", signed(idclienttest.Key, "@carol:hs.test", "@alice:hs.test"), 403, "M_FORBIDDEN"},
				{"by another key", signed(ours.Key, "@bob:hs.test", "@alice:hs.test"), 403, "M_FORBIDDEN"},
				{"a changed one", strings.Replace(good, token, "token-x", 1), 403, "M_FORBIDDEN"},
			} {
				w.want(tt.what, w.call(bob, "POST "+path, tt.body), tt.status, tt.code)
			}
			identity.Reply("isvalid", `200 {"valid":false}`)
			w.want("by a key that is revoked", w.call(bob, "POST "+path, good), 403, "M_FORBIDDEN")
			identity.Reply("isvalid", "")
			w.want("by a key of which nobody tells", w.call(bob, "POST "+path, good), 502, "M_UNKNOWN")
			identity.Reply("", "")
			if after := w.written(); after != before {
				t.Errorf("%d events were written", after-before)
			}
			w.wantJSON("joining", w.call(bob, "POST "+path, good), `{"room_id":"`+id+`"}`)
			w.want("leaving", w.call(bob, "POST /rooms/"+id+"/leave", `{}`), 200, "")
		}
	})
}
