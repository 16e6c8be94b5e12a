package clientapi_test

import (
	"strings"
	"testing"

	"signet/internal/store/storetest"
)

func TestRegisterByTheBook(t *testing.T) {
	each(t, func(w *world) {
		asked := w.do("POST", v3+"/register?kind=user", `{"username":"alice","password":"`+password+`"}`)
		session := asked.str("session")
		want := `{"completed":[],"flows":[{"stages":["m.login.dummy"]}],"params":{},"session":"` + session + `"}`
		if asked.status != 401 || session == "" || asked.text != want {
			w.Fatalf("the first request = %d %s, want 401 %s", asked.status, asked.text, want)
		}
		wrong := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.password","session":"`+session+`"},"username":"alice","password":"`+password+`"}`)
		w.want("another stage", wrong, 401, "M_FORBIDDEN")
		if wrong.str("session") != session || wrong.json["flows"] == nil || wrong.json["completed"] == nil || wrong.json["params"] == nil {
			w.Errorf("another stage = %s, want the same session and its flows", wrong.text)
		}
		finish := `{"auth":{"type":"m.login.dummy","session":"` + session + `"},"username":"%","password":"` + password + `","device_id":"PHONE","initial_device_display_name":"Phone"}`
		done := w.do("POST", v3+"/register", strings.Replace(finish, "%", "Alice", 1))
		w.wantJSON("registering", done, `{"user_id":"@alice:hs.test","access_token":"`+done.str("access_token")+`","device_id":"PHONE"}`)
		w.wantJSON("whoami", w.do("GET", v3+"/account/whoami", "", bearer(done.str("access_token"))),
			`{"user_id":"@alice:hs.test","device_id":"PHONE","is_guest":false}`)
		again := w.do("POST", v3+"/register", strings.Replace(finish, "%", "bob", 1))
		w.want("the session again", again, 401, "M_FORBIDDEN")
		if again.str("session") == "" || again.str("session") == session {
			w.Errorf("the session again = %s, want a new one", again.text)
		}
	})
}

func TestRegisterWithoutLogin(t *testing.T) {
	each(t, func(w *world) {
		a := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":"alice","password":"`+password+`","inhibit_login":true}`)
		w.wantJSON("registering", a, `{"user_id":"@alice:hs.test"}`)
	})
}

func TestRegisterWithoutAName(t *testing.T) {
	each(t, func(w *world) {
		a := w.do("POST", v3+"/register", `{"auth":{"type":"m.login.dummy"},"username":null,"password":"`+password+`"}`)
		w.want("registering", a, 200, "")
		if !strings.HasSuffix(a.str("user_id"), ":hs.test") || a.str("device_id") == "" || a.str("access_token") == "" {
			w.Errorf("registering = %s", a.text)
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	const dummy = `"auth":{"type":"m.login.dummy"},`
	tests := []struct {
		name, query, body string
		status            int
		code              string
	}{
		{"no body", "", ``, 400, "M_NOT_JSON"},
		{"half a body", "", `{"username":`, 400, "M_NOT_JSON"},
		{"bad UTF-8", "", "{\"username\":\"\xff\"}", 400, "M_NOT_JSON"},
		{"a list", "", `[]`, 400, "M_BAD_JSON"},
		{"a name twice", "", `{"username":"a","username":"b"}`, 400, "M_BAD_JSON"},
		{"a number for a name", "", `{"username":1}`, 400, "M_BAD_JSON"},
		{"a text for auth", "", `{"auth":"m.login.dummy"}`, 400, "M_BAD_JSON"},
		{"a number for a session", "", `{"auth":{"type":"m.login.dummy","session":1}}`, 400, "M_BAD_JSON"},
		{"a text for inhibit_login", "", `{"inhibit_login":"yes"}`, 400, "M_BAD_JSON"},
		{"NUL in the name", "", `{` + dummy + `"username":"a\u0000b","password":"` + password + `"}`, 400, "M_INVALID_PARAM"},
		{"too much", "", `{"password":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "M_TOO_LARGE"},
		{"guest", "?kind=guest", `{}`, 403, "M_FORBIDDEN"},
		{"another kind", "?kind=king", `{}`, 400, "M_INVALID_PARAM"},
		{"two kinds", "?kind=user&kind=guest", `{}`, 400, "M_INVALID_PARAM"},
		{"taken", "", `{"username":"taken"}`, 400, "M_USER_IN_USE"},
		{"no name", "", `{"username":""}`, 400, "M_INVALID_USERNAME"},
		{"no user name", "", `{"username":"a b"}`, 400, "M_INVALID_USERNAME"},
		{"long name", "", `{"username":"` + strings.Repeat("a", 250) + `"}`, 400, "M_INVALID_USERNAME"},
		{"weak password", "", `{"password":"1234567"}`, 400, "M_WEAK_PASSWORD"},
		{"long password", "", `{"password":"` + strings.Repeat("x", 513) + `"}`, 400, "M_INVALID_PARAM"},
		{"no password", "", `{` + dummy + `"username":"alice"}`, 400, "M_BAD_JSON"},
		{"bad device", "", `{"device_id":"a\nb"}`, 400, "M_INVALID_PARAM"},
		{"unknown session", "", `{"auth":{"type":"m.login.dummy","session":"x"},"username":"alice","password":"` + password + `"}`, 401, "M_FORBIDDEN"},
	}
	each(t, func(w *world) {
		w.joined("taken")
		for _, test := range tests {
			w.want(test.name, w.do("POST", v3+"/register"+test.query, test.body), test.status, test.code)
		}
		form := w.do("POST", v3+"/register", "username=alice&password=correct+horse", "Content-Type: application/x-www-form-urlencoded")
		w.want("a form", form, 400, "M_NOT_JSON")
		for _, name := range []string{"alice", "a"} {
			w.want("logging in as "+name, w.do("POST", v3+"/login", `{"type":"m.login.password","user":"`+name+`","password":"`+password+`"}`), 403, "M_FORBIDDEN")
		}
	})
}

func TestAClosedServer(t *testing.T) {
	w := newWorld(t, storetest.Open(t, storetest.SQLite(t), owners), nil)
	for _, body := range []string{`{}`, `{"auth":{"type":"m.login.dummy"},"username":"alice","password":"` + password + `"}`} {
		a := w.do("POST", v3+"/register", body)
		w.want("registering", a, 403, "M_FORBIDDEN")
		if a.json["flows"] != nil {
			w.Errorf("a closed server offers flows: %s", a.text)
		}
	}
}
