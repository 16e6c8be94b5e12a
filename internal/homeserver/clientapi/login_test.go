package clientapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestLogin(t *testing.T) {
	each(t, func(w *world) {
		first := w.joined("alice")
		w.wantJSON("the flows", w.do("GET", v3+"/login", ""), `{"flows":[{"type":"m.login.password"}]}`)
		for _, who := range []string{
			`"identifier":{"type":"m.id.user","user":"alice"}`,
			`"identifier":{"type":"m.id.user","user":"@alice:hs.test"}`,
			`"identifier":{"type":"m.id.user","user":"alice"},"user":"bob"`,
			`"user":"alice"`,
			`"user":"@alice:hs.test"`,
		} {
			a := w.do("POST", v3+"/login", `{"type":"m.login.password",`+who+`,"password":"`+password+`","device_id":"PHONE"}`)
			w.wantJSON(who, a, `{"user_id":"@alice:hs.test","access_token":"`+a.str("access_token")+`","device_id":"PHONE",`+
				`"well_known":{"m.homeserver":{"base_url":"https://hs.test"},"m.identity_server":{"base_url":"https://id.test"}}}`)
			w.want("the token of "+who, w.do("GET", v3+"/account/whoami", "", bearer(a.str("access_token"))), 200, "")
		}
		w.want("the first device", w.do("GET", v3+"/account/whoami", "", bearer(first)), 200, "")
	})
}

func TestLoginRefuses(t *testing.T) {
	const kind = `"type":"m.login.password",`
	tests := []struct {
		name, body string
		status     int
		code       string
	}{
		{"no body", ``, 400, "M_NOT_JSON"},
		{"a text", `"alice"`, 400, "M_BAD_JSON"},
		{"nothing", `{}`, 400, "M_BAD_JSON"},
		{"no type", `{"user":"alice","password":"` + password + `"}`, 400, "M_BAD_JSON"},
		{"another type", `{"type":"m.login.token","token":"x"}`, 400, "M_UNKNOWN"},
		{"nobody", `{` + kind + `"password":"` + password + `"}`, 400, "M_BAD_JSON"},
		{"nobody in it", `{` + kind + `"identifier":{"type":"m.id.user"},"password":"` + password + `"}`, 400, "M_BAD_JSON"},
		{"no kind of identifier", `{` + kind + `"identifier":{"user":"alice"},"password":"` + password + `"}`, 400, "M_BAD_JSON"},
		{"no password", `{` + kind + `"user":"alice"}`, 400, "M_BAD_JSON"},
		{"e-mail", `{` + kind + `"identifier":{"type":"m.id.thirdparty","medium":"email","address":"a@b.test"},"password":"` + password + `"}`, 403, "M_FORBIDDEN"},
		{"e-mail, as of old", `{` + kind + `"medium":"email","address":"a@b.test","password":"` + password + `"}`, 403, "M_FORBIDDEN"},
		{"no address", `{` + kind + `"identifier":{"type":"m.id.thirdparty","medium":"email"},"password":"` + password + `"}`, 400, "M_INVALID_PARAM"},
		{"no such medium", `{` + kind + `"identifier":{"type":"m.id.thirdparty","medium":"telex","address":"1"},"password":"` + password + `"}`, 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED"},
		{"no such kind", `{` + kind + `"identifier":{"type":"m.id.fingerprint","user":"alice"},"password":"` + password + `"}`, 400, "M_UNKNOWN"},
		{"no such country", `{` + kind + `"identifier":{"type":"m.id.phone","country":"QQ","phone":"1"},"password":"` + password + `"}`, 400, "M_INVALID_PARAM"},
		{"no number", `{` + kind + `"identifier":{"type":"m.id.phone","country":"GB","phone":"1"},"password":"` + password + `"}`, 400, "M_INVALID_PARAM"},
		{"phone", `{` + kind + `"identifier":{"type":"m.id.phone","country":"DE","phone":"0151 12345678"},"password":"` + password + `"}`, 403, "M_FORBIDDEN"},
		{"a list for an identifier", `{` + kind + `"identifier":[],"password":"` + password + `"}`, 400, "M_BAD_JSON"},
		{"a number for a password", `{` + kind + `"user":"alice","password":12345678}`, 400, "M_BAD_JSON"},
		{"NUL in the password", `{` + kind + `"user":"alice","password":"` + password + `\u0000"}`, 400, "M_INVALID_PARAM"},
		{"bad device", `{` + kind + `"user":"alice","password":"` + password + `","device_id":"a b"}`, 400, "M_INVALID_PARAM"},
		{"wrong password", `{` + kind + `"user":"alice","password":"wrong"}`, 403, "M_FORBIDDEN"},
		{"unknown user", `{` + kind + `"user":"bob","password":"` + password + `"}`, 403, "M_FORBIDDEN"},
		{"a stranger", `{` + kind + `"user":"@alice:other.test","password":"` + password + `"}`, 403, "M_FORBIDDEN"},
	}
	each(t, func(w *world) {
		w.joined("alice")
		texts := map[string]bool{}
		for _, test := range tests {
			a := w.do("POST", v3+"/login", test.body)
			w.want(test.name, a, test.status, test.code)
			if a.status == 403 {
				texts[a.text] = true
			}
		}
		if len(texts) != 1 {
			w.Errorf("refusals can be told apart: %v", texts)
		}
	})
}

func TestGuessing(t *testing.T) {
	each(t, func(w *world) {
		w.joined("alice")
		guess := `{"type":"m.login.password","user":"alice","password":"wrong guess"}`
		for range 10 {
			w.want("a guess", w.do("POST", v3+"/login", guess), 403, "M_FORBIDDEN")
		}
		a := w.do("POST", v3+"/login", guess)
		w.want("one too many", a, 429, "M_LIMIT_EXCEEDED")
		if a.json["retry_after_ms"] != 1000.0 || a.header.Get("Retry-After") != "1" {
			w.Errorf("one too many = %s with Retry-After %q, want one second", a.text, a.header.Get("Retry-After"))
		}
		w.clock.Advance(time.Second)
		w.want("a second later", w.do("POST", v3+"/login", strings.Replace(guess, "wrong guess", password, 1)), 200, "")
	})
}

func TestAccessTokens(t *testing.T) {
	calls := []string{"GET /account/whoami", "POST /logout", "POST /logout/all", "POST /user/@alice:hs.test/openid/request_token"}
	each(t, func(w *world) {
		token := w.joined("alice")
		for _, call := range calls {
			method, path, _ := strings.Cut(call, " ")
			w.want(call+" without a token", w.do(method, v3+path, "{}"), 401, "M_MISSING_TOKEN")
			w.want(call+" with another in the query", w.do(method, v3+path+"?access_token="+token+"x", "{}"), 401, "M_UNKNOWN_TOKEN")
			w.want(call+" with two in the query", w.do(method, v3+path+"?access_token="+token+"&access_token="+token, "{}"), 400, "M_INVALID_PARAM")
			w.want(call+" with none in the query", w.do(method, v3+path+"?access_token=", "{}"), 401, "M_MISSING_TOKEN")
			w.want(call+" with another in the header", w.do(method, v3+path+"?access_token="+token, "{}", bearer(token+"x")), 401, "M_UNKNOWN_TOKEN")
			w.want(call+" with a Basic one", w.do(method, v3+path, "{}", "Authorization: Basic "+token), 401, "M_MISSING_TOKEN")
			unknown := w.do(method, v3+path, "{}", bearer(token+"x"))
			w.want(call+" with another", unknown, 401, "M_UNKNOWN_TOKEN")
			if unknown.json["soft_logout"] != false {
				w.Errorf("%s with another = %s, want soft_logout false", call, unknown.text)
			}
		}
		w.want("after all that", w.do("GET", v3+"/account/whoami", "", bearer(token)), 200, "")
		w.want("in the query", w.do("GET", v3+"/account/whoami?access_token="+token, ""), 200, "")
		w.wantJSON("in the query of a logout", w.do("POST", v3+"/logout?access_token="+token, ""), `{}`)
	})
}

func TestRefreshTokens(t *testing.T) {
	each(t, func(w *world) {
		plain := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":"alice","password":"`+password+`"}`)
		first := w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`","refresh_token":true}`)
		if plain.json["refresh_token"] != nil || plain.json["expires_in_ms"] != nil || first.json["expires_in_ms"] != 3600_000.0 {
			w.Errorf("without refreshing %s, with it %s", plain.text, first.text)
		}
		w.clock.Advance(time.Hour)
		old := w.do("GET", v3+"/account/whoami", "", bearer(first.str("access_token")))
		w.want("an hour later", old, 401, "M_UNKNOWN_TOKEN")
		if old.json["soft_logout"] != true {
			w.Errorf("an hour later = %s, want soft_logout true", old.text)
		}
		second := w.do("POST", v3+"/refresh", `{"refresh_token":"`+first.str("refresh_token")+`"}`)
		w.wantJSON("refreshing", second, fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"expires_in_ms":3600000}`, second.str("access_token"), second.str("refresh_token")))
		w.want("the new token", w.do("GET", v3+"/account/whoami", "", bearer(second.str("access_token"))), 200, "")
		w.want("the old refresh token", w.do("POST", v3+"/refresh", `{"refresh_token":"`+first.str("refresh_token")+`"}`), 401, "M_UNKNOWN_TOKEN")
		for body, code := range map[string]string{``: "M_NOT_JSON", `{}`: "M_BAD_JSON", `{"refresh_token":null}`: "M_BAD_JSON", `{"refresh_token":1}`: "M_BAD_JSON", `[]`: "M_BAD_JSON"} {
			w.want("refreshing with "+body, w.do("POST", v3+"/refresh", body), 400, code)
		}
		registered := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":"bob","password":"`+password+`","refresh_token":true}`)
		if registered.str("refresh_token") == "" {
			w.Errorf("registering = %s, want a refresh token", registered.text)
		}
	})
}

func TestLogout(t *testing.T) {
	each(t, func(w *world) {
		login := func() string {
			return w.do("POST", v3+"/login", `{"type":"m.login.password","user":"alice","password":"`+password+`"}`).str("access_token")
		}
		first, second, third := w.joined("alice"), login(), login()
		w.wantJSON("logout", w.do("POST", v3+"/logout", "", bearer(first)), `{}`)
		w.want("the first", w.do("GET", v3+"/account/whoami", "", bearer(first)), 401, "M_UNKNOWN_TOKEN")
		w.want("logout again", w.do("POST", v3+"/logout", "{}", bearer(first)), 401, "M_UNKNOWN_TOKEN")
		w.want("the second", w.do("GET", v3+"/account/whoami", "", bearer(second)), 200, "")
		w.wantJSON("logout of all", w.do("POST", v3+"/logout/all", "{}", bearer(second)), `{}`)
		for _, token := range []string{second, third} {
			w.want("after the logout of all", w.do("GET", v3+"/account/whoami", "", bearer(token)), 401, "M_UNKNOWN_TOKEN")
		}
	})
}

func TestOpenID(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		w.joined("bob")
		for _, user := range []string{"@alice:hs.test", "%40alice%3Ahs.test"} {
			a := w.do("POST", v3+"/user/"+user+"/openid/request_token", `{}`, bearer(token))
			w.wantJSON(user, a, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","matrix_server_name":"hs.test","expires_in":3600}`, a.str("access_token")))
			w.want("an OpenID token at the door", w.do("GET", v3+"/account/whoami", "", bearer(a.str("access_token"))), 401, "M_UNKNOWN_TOKEN")
			for _, path := range []string{"/logout/all", "/user/" + user + "/openid/request_token"} {
				w.want("an OpenID token at "+path, w.do("POST", v3+path, `{}`, bearer(a.str("access_token"))), 401, "M_UNKNOWN_TOKEN")
			}
		}
		for _, user := range []string{"@bob:hs.test", "@alice:other.test", "@Alice:hs.test", "alice", "%2540alice:hs.test"} {
			w.want("for "+user, w.do("POST", v3+"/user/"+user+"/openid/request_token", `{}`, bearer(token)), 403, "M_FORBIDDEN")
		}
		for body, code := range map[string]string{"": "M_NOT_JSON", "{": "M_NOT_JSON", "[]": "M_BAD_JSON", "null": "M_BAD_JSON"} {
			w.want("with "+body, w.do("POST", v3+"/user/@alice:hs.test/openid/request_token", body, bearer(token)), 400, code)
		}
	})
}

// Whatever happens, the log holds nothing of what a client sent or was given.
func TestTheLogKeepsSecrets(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		login := func(user, with string) answer {
			return w.do("POST", v3+"/login", `{"type":"m.login.password","user":"`+user+`","password":"`+with+`","device_id":"PHONE"}`)
		}
		second := login("alice", password).str("access_token")
		login("alice", "wrong guess")
		login("my-password-in-the-wrong-field", "x")
		session := w.do("POST", v3+"/register", `{}`).str("session")
		w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy","session":"`+session+`"},"username":"`+password+`"}`)
		openID := w.do("POST", v3+"/user/@alice:hs.test/openid/request_token", `{}`, bearer(second)).str("access_token")
		w.do("GET", v3+"/account/whoami?access_token="+url.QueryEscape(token), "")
		w.do("GET", v3+"/account/whoami", "", bearer("leaked-token"))
		w.do("POST", v3+"/logout", "", bearer(token))
		log := w.wholeLog()
		if strings.Count(log, "msg=request") != 10 {
			w.Errorf("the log has not a line a request:\n%s", log)
		}
		for _, secret := range []string{password, "wrong guess", "alice", "PHONE", "my-password", token, second, session, openID, "leaked-token", "access_token="} {
			if secret == "" || strings.Contains(log, secret) {
				w.Errorf("the log holds %q:\n%s", secret, log)
			}
		}
	})
}
