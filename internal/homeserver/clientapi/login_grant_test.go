package clientapi_test

import (
	"strings"
	"testing"

	"signet/internal/homeserver/account"
)

const getToken = "/_matrix/client/v1/login/get_token"

// Who is logged in lets another device in, by a token that they authenticate for each time; where
// the operator has not switched that on there is no such thing.
func TestADeviceLetsAnotherIn(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		ask := func(token, body string) answer { return w.do("POST", getToken, body, bearer(token)) }
		w.want("where it is off", ask(alice, `{}`), 404, "M_UNRECOGNIZED")
		w.want("a token where it is off", w.loginBy("x"), 400, "M_UNKNOWN")
		if a := w.call(alice, "GET /capabilities", ""); !strings.Contains(a.text, `"m.get_login_token":{"enabled":false}`) {
			w.Errorf("where it is off: %s", a.text)
		}
		w.api.GrantTokens = true
		w.wantJSON("the flows", w.do("GET", v3+"/login", ""), `{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true}]}`)
		if a := w.call(alice, "GET /capabilities", ""); !strings.Contains(a.text, `"m.get_login_token":{"enabled":true}`) {
			w.Errorf("where it is on: %s", a.text)
		}
		w.want("without being logged in", w.do("POST", getToken, `{}`), 401, "M_MISSING_TOKEN")
		challenge := ask(alice, `{}`)
		w.want("without a password", challenge, 401, "")
		if text := w.page("the page", w.do("GET", fallback(account.StagePassword, challenge.str("session")), ""), 200); !strings.Contains(text, "log another device in to the account @alice:hs.test") {
			w.Errorf("the page of the password says %s", text)
		}
		w.want("no JSON", ask(alice, `[`), 400, "M_NOT_JSON")
		w.want("a wrong password", ask(alice, `{`+owner("wrong", challenge.str("session"))+`}`), 401, "M_FORBIDDEN")
		granted := ask(alice, `{`+owner(password, challenge.str("session"))+`}`)
		w.want("a token", granted, 200, "")
		if granted.json["expires_in_ms"] != 120_000.0 || granted.header.Get("Cache-Control") != "no-store" {
			w.Errorf("it is granted as %v %s", granted.header, granted.text)
		}
		w.want("a second one by the same session", ask(alice, `{`+owner(password, challenge.str("session"))+`}`), 401, "M_FORBIDDEN")
		in := w.loginBy(granted.str("login_token"))
		w.want("a login", in, 200, "")
		if in.str("user_id") != "@alice:hs.test" {
			w.Errorf("it lets %s in", in.text)
		}
		w.want("a second login", w.loginBy(granted.str("login_token")), 403, "M_FORBIDDEN")

		late := ask(in.str("access_token"), `{`+owner(password, ask(in.str("access_token"), `{}`).str("session"))+`}`)
		w.clock.Advance(account.LoginTokenLife)
		w.want("after two minutes", w.loginBy(late.str("login_token")), 403, "M_FORBIDDEN")
		w.limit(2, false)
		for range 2 {
			w.want("asking", ask(alice, `{}`), 401, "")
		}
		w.want("asking too often", ask(alice, `{}`), 429, "M_LIMIT_EXCEEDED")
	})
}

// Where people log in by a code too, a client is told of both; and the owner of an account of
// each login.
func TestBothWaysToAToken(t *testing.T) {
	byCode(t, func(w *world) {
		alice := w.do("POST", v3+"/login", `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"alice"},"password":"`+password+`"}`).str("access_token")
		w.api.GrantTokens = true
		if a := w.do("GET", v3+"/login", ""); !strings.HasSuffix(a.text, `,{"type":"m.login.token","get_login_token":true}]}`) {
			w.Errorf("the flows are %s", a.text)
		}
		ask := func(body string) answer { return w.do("POST", getToken, body, bearer(alice)) }
		token := ask(`{` + owner(password, ask(`{}`).str("session")) + `}`).str("login_token")
		w.want("a login", w.loginBy(token), 200, "")
		w.outbox.AttemptDue(w.Context())
		if len(w.ids.Told) != 1 || w.ids.Told[0]["user_id"] != "@alice:hs.test" {
			w.Errorf("the owner is told of %v", w.ids.Told)
		}
	})
}
