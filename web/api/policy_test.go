package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
)

const policy = "/_signet/v1/policy"

func (w *world) block(server matrix.ServerName, until time.Time) {
	w.Helper()
	if _, err := w.gate.Block(w.Context(), server, "it sends <spam> é", until); err != nil {
		w.Fatal(err)
	}
}

// rules is the published rules, whose signature holds.
func (w *world) rules() []any {
	w.Helper()
	a := w.do("GET", policy, "", "")
	if a.status != 200 || a.text("server_name") != "id.example.org" || a.body["origin_server_ts"] != float64(w.Clock.Now().UnixMilli()) {
		w.Fatalf("policy = %d %s", a.status, a.raw)
	}
	w.checkSignature(a)
	rules, isList := a.body["rules"].([]any)
	if !isList {
		w.Fatalf("rules = %s", a.raw)
	}
	return rules
}

func TestThePolicyIsPublished(t *testing.T) {
	each(t, nil, func(w *world) {
		if rules := w.rules(); len(rules) != 0 {
			w.Errorf("rules = %v, want none", rules)
		}
		now := w.Clock.Now()
		w.block("z.example", time.Time{})
		w.block("evil.example:8448", now.Add(time.Hour))
		rules := w.rules()
		if len(rules) != 4 {
			w.Fatalf("rules = %v", rules)
		}
		first, below, second := rules[0].(map[string]any), rules[1].(map[string]any), rules[2].(map[string]any)
		if below["entity"] != "*.evil.example" || below["reason"] != first["reason"] || below["expires_ts"] != first["expires_ts"] {
			w.Errorf("the rule for the names below = %v", below)
		}
		if first["entity"] != "evil.example" || first["recommendation"] != "m.ban" || first["reason"] != "it sends <spam> é" ||
			first["created_ts"] != float64(now.UnixMilli()) || first["expires_ts"] != float64(now.Add(time.Hour).UnixMilli()) {
			w.Errorf("the first rule = %v", first)
		}
		if _, ends := second["expires_ts"]; ends || second["entity"] != "z.example" {
			w.Errorf("the second rule = %v", second)
		}
		w.Clock.Advance(time.Hour)
		w.block("[2001:db8::1]:8448", now.Add(2*time.Hour))
		if rules := w.rules(); len(rules) != 3 || rules[0].(map[string]any)["entity"] != "[2001:db8::1]" {
			w.Errorf("rules after the end of one, with an address = %v", rules)
		}
		if _, err := w.ring.Rotate(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.rules()
		response, err := http.Get(w.server.URL + policy)
		if err != nil {
			w.Fatal(err)
		}
		defer response.Body.Close()
		if c := response.Header.Get("Cache-Control"); c != "public, max-age=60" {
			w.Errorf("Cache-Control = %q", c)
		}
	})
}

// A block holds at once, for every way in, and says where the policy is; who is not
// meant notices nothing.
func TestABlockedHomeserverIsTold(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		mallory := w.ask("POST", "/account/register", "", openID("mallory", "evil.example:8448")).text("token")
		s := w.validated(alice, "alice@example.org")
		w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		told := func(what string, a answer) {
			w.Helper()
			if !a.is(403, matrix.Forbidden) || !strings.Contains(a.text("error"), "homeserver is blocked here") || !strings.Contains(a.text("error"), policy) {
				w.Errorf("%s = %d %s", what, a.status, a.raw)
			}
		}
		w.block("evil.example", w.Clock.Now().Add(time.Hour))
		for _, call := range []string{"GET /account", "POST /account/logout", "POST /terms", "GET /hash_details", "POST /lookup", "POST /3pid/bind",
			"POST /validate/email/requestToken", "POST /validate/msisdn/submitToken", "GET /3pid/getValidated3pid"} {
			method, path, _ := strings.Cut(call, " ")
			told(call, w.do(method, v2+path, mallory, "{}"))
		}
		for _, server := range []string{"evil.example", "evil.example:8448", "EVIL.example:1", "free.evil.example"} {
			told("register at "+server, w.do("POST", v2+"/account/register", "", openID("mallory", server)))
		}
		told("whoami", w.signed("evil.example:443", "nonce-01"))
		told("whoami below", w.signed("a.b.evil.example", "nonce-01"))
		unbind := object("mxid", "@mallory:evil.example", "threepid", map[string]string{"medium": "email", "address": "alice@example.org"})
		x := w.sign("evil.example", "POST", v2+"/3pid/unbind", unbind)
		told("unbind", w.do("POST", v2+"/3pid/unbind", "", unbind, "Authorization", x.String()))
		w.ask("GET", "/account", alice, "")
		w.ask("GET", "", "", "")

		w.Clock.Advance(time.Hour)
		w.ask("GET", "/account", mallory, "")
		if a := w.signed("evil.example:443", "nonce-02"); a.status != 200 {
			w.Errorf("after the end = %d %s", a.status, a.raw)
		}
		w.block("evil.example", time.Time{})
		told("blocked again", w.do("GET", v2+"/account", mallory, ""))
		if err := w.gate.Unblock(w.Context(), "evil.example"); err != nil {
			w.Fatal(err)
		}
		w.ask("GET", "/account", mallory, "")
	})
}
