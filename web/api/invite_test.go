package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
)

const invitations = "/_signet/v1/invitations"

// invitation is the body of a store-invite by Bob, with members changed.
func invitation(members ...any) string {
	return object(append([]any{"medium", "email", "address", "dora@example.org", "room_id", "!tea:example.org", "sender", "@bob:example.org",
		"room_name", "Tea", "sender_display_name", "Bob"}, members...)...)
}

// deliver has the outbox send what waits.
func (w *world) deliver(messages int) {
	w.Helper()
	w.Outbox.AttemptDue(w.Context())
	if len(w.Post.Sent()) != messages {
		w.Fatalf("%d messages were sent, want %d", len(w.Post.Sent()), messages)
	}
}

var mailedLink = regexp.MustCompile(`#token=([\w-]+)&key=([\w-]+)`)

func (w *world) mailedLink() (token, key string) {
	w.Helper()
	found := mailedLink.FindStringSubmatch(w.Post.Last(w.TB).Text)
	if found == nil {
		w.Fatalf("the message has no link:\n%s", w.Post.Last(w.TB).Text)
	}
	return found[1], found[2]
}

// An invitation as the specification tells it: stored, checked, sent, signed for.
func TestAnInvitation(t *testing.T) {
	each(t, nil, func(w *world) {
		bob, dora := w.register("bob"), w.register("dora")
		a := w.ask("POST", "/store-invite", bob, invitation("room_avatar_url", "mxc://x/y", "room_join_rules", "public", "whatever", []int{1}))
		var stored struct {
			Token       string
			DisplayName string `json:"display_name"`
			PublicKeys  []struct {
				PublicKey   string `json:"public_key"`
				ValidityURL string `json:"key_validity_url"`
			} `json:"public_keys"`
		}
		if err := json.Unmarshal(a.raw, &stored); err != nil {
			w.Fatal(err)
		}
		if stored.DisplayName != "d...@e..." || strings.Contains(string(a.raw), "dora") || len(stored.PublicKeys) != 2 || !matrixToken.MatchString(stored.Token) {
			w.Fatalf("store-invite = %s", a.raw)
		}
		for i, path := range []string{"/pubkey/isvalid", "/pubkey/ephemeral/isvalid"} {
			key := stored.PublicKeys[i]
			if key.ValidityURL != "https://id.example.org"+v2+path {
				w.Errorf("key %d is checked at %q", i, key.ValidityURL)
			}
			if a := w.ask("GET", path+"?public_key="+url.QueryEscape(key.PublicKey), "", ""); a.body["valid"] != true {
				w.Errorf("key %d: %s", i, a.raw)
			}
			other := []string{"/pubkey/ephemeral/isvalid", "/pubkey/isvalid"}[i]
			if a := w.ask("GET", other+"?public_key="+url.QueryEscape(key.PublicKey), "", ""); a.body["valid"] != false {
				w.Errorf("key %d passes for the other kind", i)
			}
		}
		if a := w.ask("GET", "/pubkey/ephemeral/isvalid?public_key="+stored.PublicKeys[1].PublicKey, "", ""); a.body["valid"] != true {
			w.Error("the key does not survive a query string as it stands")
		}
		w.deliver(1)
		token, key := w.mailedLink()
		signed := w.ask("POST", "/sign-ed25519", dora, object("mxid", "@dora:example.org", "token", token, "private_key", key))
		public, err := matrix.DecodeBase64(stored.PublicKeys[1].PublicKey)
		if err != nil {
			w.Fatal(err)
		}
		if err := matrix.Verify("id.example.org", "ed25519:0", public, signed.raw); err != nil || signed.text("sender") != "@bob:example.org" {
			w.Errorf("sign-ed25519 = %s, %v", signed.raw, err)
		}
		w.refuse("POST", "/sign-ed25519", bob, object("mxid", "@bob:example.org", "token", token, "private_key", key), 404, matrix.Unrecognized) // used
	})
}

var matrixToken = regexp.MustCompile(`^[0-9a-zA-Z.=_-]{1,255}$`)

// What cannot be an invitation is refused with its errcode, and leaves nothing.
func TestBadInvitations(t *testing.T) {
	each(t, nil, func(w *world) {
		bob := w.register("bob")
		before := storetest.Dump(w, w.DB, "invite_invitations", "outbox_jobs")
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{invitation("medium", "pigeon"), 400, matrix.Unrecognized},
			{invitation("medium", "Email"), 400, matrix.Unrecognized},
			{invitation("medium", 1), 400, matrix.BadJSON},
			{invitation("address", "dora"), 400, matrix.InvalidEmail},
			{invitation("address", "dora@example.org\r\nBcc: x@y.org"), 400, matrix.InvalidEmail},
			{invitation("address", "a\u0000b@example.org"), 400, matrix.InvalidParam},
			{invitation("medium", "msisdn", "address", "+447400123456"), 400, matrix.InvalidAddress},
			{invitation("medium", "msisdn", "address", "dora@example.org"), 400, matrix.InvalidAddress},
			{invitation("sender", "@eve:example.org"), 403, matrix.Forbidden},
			{invitation("sender", "@bob:other.example"), 403, matrix.Forbidden},
			{invitation("sender", "bob"), 400, matrix.InvalidParam},
			{invitation("room_id", "tea"), 400, matrix.InvalidParam},
			{invitation("room_id", "#tea:example.org"), 400, matrix.InvalidParam},
			{invitation("room_id", "!tea:example.org\n"), 400, matrix.InvalidParam},
			{invitation("room_id", "!"+strings.Repeat("x", 300)), 400, matrix.InvalidParam},
			{invitation("room_id", nil), 400, matrix.MissingParams},
			{invitation("sender_display_name", []string{"x"}), 400, matrix.BadJSON},
			{invitation("room_name", strings.Repeat("x", 70_000)), 413, matrix.TooLarge},
			{invitation("im.signet.client_ip", "x", "medium", "pigeon"), 400, matrix.Unrecognized},
			{`{"medium":"email","medium":"email"}`, 400, matrix.BadJSON},
			{"{}", 400, matrix.MissingParams}, {"", 400, matrix.NotJSON}, {"[]", 400, matrix.BadJSON},
		} {
			w.refuse("POST", "/store-invite", bob, c.body, c.status, c.code)
		}
		w.refuse("POST", "/store-invite", "", invitation(), 401, matrix.Unauthorized)
		w.refuse("POST", "/store-invite", "nobody", invitation(), 401, matrix.Unauthorized)
		if after := storetest.Dump(w, w.DB, "invite_invitations", "outbox_jobs"); after != before {
			w.Errorf("something was written:\n%s", after)
		}
		for _, name := range []string{strings.Repeat("x", 20_000), "\u202e\u0007<b>", "http://evil.example/"} { // cut, not refused
			w.ask("POST", "/store-invite", bob, invitation("sender_display_name", name, "room_name", name, "address", "d"+string(rune('a'+len(name)%26))+"@example.org"))
		}
	})
}

func TestBadSignatures(t *testing.T) {
	each(t, nil, func(w *world) {
		bob := w.register("bob")
		w.ask("POST", "/store-invite", bob, invitation())
		w.deliver(1)
		token, key := w.mailedLink()
		w.ask("POST", "/store-invite", bob, invitation("address", "other@example.org"))
		w.deliver(2)
		otherToken, otherKey := w.mailedLink()
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{object("mxid", "@dora:example.org", "token", otherToken, "private_key", key), 404, matrix.Unrecognized},
			{object("mxid", "@dora:example.org", "token", token, "private_key", otherKey), 404, matrix.Unrecognized},
			{object("mxid", "@dora:example.org", "token", "none", "private_key", key), 404, matrix.Unrecognized},
			{object("mxid", "@dora:example.org", "token", token, "private_key", "short"), 400, matrix.InvalidParam},
			{object("mxid", "dora", "token", token, "private_key", key), 400, matrix.InvalidParam},
			{object("mxid", "@dora:example.org", "token", token), 400, matrix.MissingParams},
			{object("mxid", "@dora:example.org", "token", 7, "private_key", key), 400, matrix.BadJSON},
		} {
			w.refuse("POST", "/sign-ed25519", bob, c.body, c.status, c.code)
		}
		w.refuse("POST", "/sign-ed25519", "", object("mxid", "@dora:example.org", "token", token, "private_key", key), 401, matrix.Unauthorized)
		w.refuse("GET", "/pubkey/ephemeral/isvalid", "", "", 400, matrix.MissingParams)
		for _, junk := range []string{"!", "AAAA", "%00", strings.Repeat("A", 43)} {
			if a := w.do("GET", v2+"/pubkey/ephemeral/isvalid?public_key="+junk, "", ""); a.status == 500 || a.body["valid"] == true {
				w.Errorf("isvalid of %q = %d %s", junk, a.status, a.raw)
			}
		}
		w.ask("POST", "/sign-ed25519", bob, object("mxid", "@dora:example.org", "token", token, "private_key", key)) // unused by all that
	})
}

// An address that is bound is answered with who is behind it.
func TestAnInvitationForABoundAddress(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob := w.register("alice"), w.register("bob")
		s := w.validated(alice, "alice@example.org")
		w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		a := w.refuse("POST", "/store-invite", bob, invitation("address", "Alice@example.org"), 400, matrix.ThreepidInUse)
		if a.text("mxid") != "@alice:example.org" {
			w.Errorf("store-invite = %s", a.raw)
		}
	})
}

// A homeserver may invite in the name of its users, and of nobody else's.
func TestAHomeserverInvites(t *testing.T) {
	each(t, nil, func(w *world) {
		signed := func(origin matrix.ServerName, body string) answer {
			return w.do("POST", v2+"/store-invite", "", body, "Authorization", w.sign(origin, "POST", v2+"/store-invite", body).String())
		}
		if a := signed("example.org", invitation("im.signet.client_ip", "192.0.2.7")); a.status != http.StatusOK {
			w.Errorf("store-invite = %d %s", a.status, a.raw)
		}
		if a := signed("evil.example", invitation()); !a.is(403, matrix.Forbidden) {
			w.Errorf("store-invite of a stranger = %d %s", a.status, a.raw)
		}
		if a := signed("example.org", invitation("im.signet.client_ip", "nowhere")); !a.is(400, matrix.InvalidParam) {
			w.Errorf("store-invite from nowhere = %d %s", a.status, a.raw)
		}
	})
}

// A sender lists, sends again and ends what is theirs.
func TestAListOfInvitations(t *testing.T) {
	each(t, nil, func(w *world) {
		bob, eve := w.register("bob"), w.register("eve")
		stored := w.ask("POST", "/store-invite", bob, invitation())
		list := func(token string) []any {
			w.Helper()
			a := w.do("GET", invitations, token, "")
			all, ok := a.body["invitations"].([]any)
			if a.status != http.StatusOK || !ok {
				w.Fatalf("list = %d %s", a.status, a.raw)
			}
			return all
		}
		if all := list(eve); len(all) != 0 {
			w.Errorf("eve sees %v", all)
		}
		first := list(bob)[0].(map[string]any)
		if first["token"] != stored.text("token") || first["address"] != "dora@example.org" || first["state"] != "pending" || first["room_id"] != "!tea:example.org" {
			w.Errorf("list = %v", first)
		}
		path := invitations + "/" + first["id"].(string)
		for _, c := range []struct {
			method, path, token string
			status              int
			code                matrix.ErrCode
		}{
			{"POST", path + "/resend", eve, 404, matrix.NotFound}, {"DELETE", path, eve, 404, matrix.NotFound}, {"DELETE", invitations + "/none", bob, 404, matrix.NotFound},
			{"POST", path + "/resend", bob, 429, matrix.LimitExceededCode}, {"GET", invitations, "", 401, matrix.Unauthorized}, {"DELETE", path, "", 401, matrix.Unauthorized},
		} {
			if a := w.do(c.method, c.path, c.token, ""); !a.is(c.status, c.code) {
				w.Errorf("%s %s = %d %s, want %d %s", c.method, c.path, a.status, a.raw, c.status, c.code)
			}
		}
		w.Clock.Advance(time.Hour)
		if a := w.do("POST", path+"/resend", bob, ""); a.status != http.StatusOK {
			w.Errorf("resend = %d %s", a.status, a.raw)
		}
		for range 2 {
			if a := w.do("DELETE", path, bob, ""); a.status != http.StatusOK {
				w.Errorf("revoke = %d %s", a.status, a.raw)
			}
		}
		if a := w.do("POST", path+"/resend", bob, ""); !a.is(403, matrix.Forbidden) {
			w.Errorf("resend of what is over = %d %s", a.status, a.raw)
		}
		if state := list(bob)[0].(map[string]any)["state"]; state != "revoked" {
			w.Errorf("state = %v", state)
		}
	})
}

// The log of a whole invitation, at debug level, holds nothing that somebody gave.
func TestTheLogSaysNothingOfInvitations(t *testing.T) {
	each(t, nil, func(w *world) {
		bob := w.register("bob")
		stored := w.ask("POST", "/store-invite", bob, invitation())
		w.deliver(1)
		token, key := w.mailedLink()
		w.ask("POST", "/sign-ed25519", bob, object("mxid", "@dora:example.org", "token", token, "private_key", key))
		key2 := stored.body["public_keys"].([]any)[1].(map[string]any)["public_key"].(string)
		w.ask("GET", "/pubkey/ephemeral/isvalid?public_key="+key2, "", "")
		id := w.do("GET", invitations, bob, "").body["invitations"].([]any)[0].(map[string]any)["id"].(string)
		w.do("DELETE", invitations+"/"+id, bob, "")
		log := w.log.String()
		if !strings.Contains(log, v2+"/store-invite") {
			w.Fatal("the log does not even hold the routes")
		}
		for _, secret := range []string{bob, "dora", "@bob", "!tea", "Tea", token, key, key2, id} {
			if strings.Contains(log, secret) {
				w.Errorf("the log holds %q", secret)
			}
		}
	})
}
