package clientapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/idclient/idclienttest"
)

// own is a session that a client has opened at an identity server itself, and shown the code in.
func (w *world) own(sid, address string) {
	w.ids.Sessions[sid] = map[string]any{"medium": "email", "address": address, "validated_at": 1}
	w.ids.Validated[sid] = true
}

const binds = `"id_server":"id.test","id_access_token":"tok","sid":"own","client_secret":"s"`

// has gives Alice's account an address.
func (w *world) has(alice string) {
	w.Helper()
	asked := w.call(alice, "POST /account/3pid/email/requestToken", asksEmail)
	w.want("the code", w.submit(asked, strings.Replace(submits, "sid1", asked.str("sid"), 1)), 200, "")
	w.wantJSON("added", w.call(alice, "POST /account/3pid/add", `{"sid":"`+asked.str("sid")+`","client_secret":"s3cret",`+owner(password, "")+`}`), `{}`)
}

const (
	unbound    = `{"id_server_unbind_result":"success"}`
	noSupport  = `{"id_server_unbind_result":"no-support"}`
	alicesAddr = `"medium":"email","address":"Alice@example.org"`
)

// Alice has herself found by an address at the identity server that she names, and unbound.
func TestBindingAndUnbinding(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.own("own", "alice@example.org")
		found := map[string]string{"id.test email alice@example.org": "@alice:hs.test"}
		for _, call := range []struct{ call, body string }{{"POST /account/3pid/bind", `{` + binds + `}`}, {"POST /account/3pid", `{"three_pid_creds":{` + binds + `}}`}} {
			w.wantJSON(call.call, w.call(alice, call.call, call.body), `{}`)
			if !cmp.Equal(w.ids.Bound, found) {
				w.Errorf("%s: bound is %q", call.call, w.ids.Bound)
			}
			w.wantJSON("the account", w.call(alice, "GET /account/3pid", ""), `{"threepids":[]}`)
			w.wantJSON("unbound", w.call(alice, "POST /account/3pid/unbind", `{`+alicesAddr+`}`), unbound)
			if len(w.ids.Bound) > 0 {
				w.Errorf("unbound, bound is %q", w.ids.Bound)
			}
		}
		w.wantJSON("nobody knows where", w.call(alice, "POST /account/3pid/unbind", `{`+alicesAddr+`}`), noSupport)
		w.wantJSON("at a server that is named", w.call(alice, "POST /account/3pid/unbind", `{"id_server":"other.test",`+alicesAddr+`}`), unbound)
		if w.ids.Asked[len(w.ids.Asked)-1] != "other.test/3pid/unbind" {
			w.Errorf("asked %q", w.ids.Asked)
		}
	})
}

// What is bound stays bound where others have said otherwise, and no identity server makes a
// client believe that its session here has ended.
func TestBindingThatFails(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.own("own", "alice@example.org")
		for _, tt := range []struct {
			body   string
			status int
			code   string
		}{
			{`{}`, 400, "M_MISSING_PARAMS"},
			{`{` + strings.Replace(binds, "id.test", "evil.test", 1) + `}`, 400, "M_SERVER_NOT_TRUSTED"},
			{`{` + strings.Replace(binds, "id.test", "https://id.test", 1) + `}`, 400, "M_INVALID_PARAM"},
			{`{` + strings.Replace(binds, `"tok"`, `""`, 1) + `}`, 400, "M_INVALID_PARAM"},
			{`{` + strings.Replace(binds, `"tok"`, `"a\r\nb"`, 1) + `}`, 400, "M_INVALID_PARAM"},
			{`{` + strings.Replace(binds, `"own"`, `"other"`, 1) + `}`, 404, "M_NO_VALID_SESSION"},
		} {
			w.want(tt.body, w.call(alice, "POST /account/3pid/bind", tt.body), tt.status, tt.code)
		}
		for _, asked := range w.ids.Asked {
			if !strings.HasPrefix(asked, "id.test/") {
				w.Errorf("asked %q", asked)
			}
		}
		for _, tt := range []struct {
			says   fedclient.Response
			status int
			code   string
		}{
			{idclienttest.Refusal(401, "M_UNAUTHORIZED"), 403, "M_UNAUTHORIZED"},
			{idclienttest.Refusal(401, "M_UNKNOWN_TOKEN"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(403, "M_TERMS_NOT_SIGNED"), 403, "M_TERMS_NOT_SIGNED"},
			{idclienttest.Refusal(400, "M_SESSION_NOT_VALIDATED"), 400, "M_SESSION_NOT_VALIDATED"},
			{idclienttest.Refusal(500, "M_UNKNOWN"), 502, "M_UNKNOWN"},
		} {
			w.ids.Says = &tt.says
			w.want(fmt.Sprintf("answered %s", tt.says.Body), w.call(alice, "POST /account/3pid/bind", `{`+binds+`}`), tt.status, tt.code)
		}
		w.ids.Says, w.ids.Down = nil, true
		w.want("away", w.call(alice, "POST /account/3pid/bind", `{`+binds+`}`), 502, "M_UNKNOWN")
		w.wantJSON("away", w.call(alice, "POST /account/3pid/unbind", `{"id_server":"id.test",`+alicesAddr+`}`), noSupport)
		w.ids.Down = false
		w.clock.Advance(time.Minute)
		if err := w.api.Contacts.Fulfil(t.Context()); err != nil {
			w.Error(err)
		}
		if a := w.call(alice, "POST /account/3pid/unbind", `{`+alicesAddr+`}`); a.text != noSupport || len(w.ids.Bound) > 0 {
			w.Errorf("left is %s, and bound %q", a.text, w.ids.Bound)
		}
		for _, body := range []string{`{"medium":"email","address":"alice"}`, `{"medium":"msisdn","address":"+49151"}`} {
			w.want(body, w.call(alice, "POST /account/3pid/unbind", body), 400, "M_INVALID_PARAM")
			w.want(body, w.call(alice, "POST /account/3pid/delete", body), 400, "M_INVALID_PARAM")
		}
		w.want("a fax", w.call(alice, "POST /account/3pid/unbind", `{"medium":"fax","address":"1"}`), 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")
		w.want("at a stranger", w.call(alice, "POST /account/3pid/unbind", `{"id_server":"evil.test",`+alicesAddr+`}`), 400, "M_SERVER_NOT_TRUSTED")
	})
}

// An address that is deleted is unbound where it was bound, if that can be.
func TestDeletingAnAddress(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.own("own", "alice@example.org")
		has := func(n int) {
			t.Helper()
			if a := w.call(alice, "GET /account/3pid", ""); strings.Count(a.text, "address") != n {
				w.Errorf("alice has %s, want %d", a.text, n)
			}
		}
		w.has(alice)
		w.wantJSON("bound", w.call(alice, "POST /account/3pid/bind", `{`+binds+`}`), `{}`)
		w.wantJSON("bob's", w.call(bob, "POST /account/3pid/delete", `{`+alicesAddr+`}`), noSupport)
		w.want("at a stranger", w.call(alice, "POST /account/3pid/delete", `{"id_server":"evil.test",`+alicesAddr+`}`), 400, "M_SERVER_NOT_TRUSTED")
		has(1)
		w.outbox.AttemptDue(w.Context())
		w.ids.Told = nil
		w.wantJSON("deleted", w.call(alice, "POST /account/3pid/delete", `{`+alicesAddr+`}`), unbound)
		if w.outbox.AttemptDue(w.Context()); len(w.ids.Told) != 1 || w.ids.Told[0]["kind"] != "address_removed" || w.ids.Told[0]["im.signet.client_ip"] == nil {
			w.Errorf("of the deletion the owner was told %v", w.ids.Told)
		}
		if has(0); len(w.ids.Bound) > 0 {
			w.Errorf("bound is %q", w.ids.Bound)
		}
		w.wantJSON("deleted again", w.call(alice, "POST /account/3pid/delete", `{`+alicesAddr+`}`), noSupport)

		asked := w.call(alice, "POST /account/3pid/email/requestToken", strings.Replace(asksEmail, "s3cret", "again", 1))
		w.want("the code", w.submit(asked, `{"sid":"`+asked.str("sid")+`","client_secret":"again","token":"`+idclienttest.Code+`"}`), 200, "")
		w.wantJSON("added again", w.call(alice, "POST /account/3pid/add", `{"sid":"`+asked.str("sid")+`","client_secret":"again",`+owner(password, "")+`}`), `{}`)
		w.wantJSON("bound again", w.call(alice, "POST /account/3pid/bind", `{`+binds+`}`), `{}`)
		w.ids.Down = true
		w.wantJSON("deleted while the identity server is away", w.call(alice, "POST /account/3pid/delete", `{`+alicesAddr+`}`), noSupport)
		has(0)
		w.ids.Down = false
		w.clock.Advance(time.Minute)
		if err := w.api.Contacts.Fulfil(t.Context()); err != nil || len(w.ids.Bound) > 0 {
			w.Errorf("then bound is %q, %v", w.ids.Bound, err)
		}
	})
}

// Alice's account ends while an identity server is away, where a client of hers has bound her
// number: it is told when it is back. A new password had changed nothing.
func TestDeactivationUnbinds(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.own("own", "alice@example.org")
		w.own("bobs", "bob@example.org")
		w.has(alice)
		w.wantJSON("bound", w.call(alice, "POST /account/3pid/bind", `{`+binds+`}`), `{}`)
		w.wantJSON("bob bound", w.call(bob, "POST /account/3pid/bind", `{`+strings.Replace(binds, `"own"`, `"bobs"`, 1)+`}`), `{}`)
		w.ids.Bound["other.test msisdn 4915112345678"] = "@alice:hs.test"
		w.wantJSON("a new password", w.call(alice, "POST /account/password", `{"new_password":"`+password+`!",`+owner(password, "")+`}`), `{}`)
		if a := w.call(alice, "GET /account/3pid", ""); !strings.Contains(a.text, "alice@example.org") || len(w.ids.Bound) != 3 {
			w.Errorf("with a new password alice has %s, and bound is %q", a.text, w.ids.Bound)
		}
		away := idclienttest.Refusal(503, "M_UNKNOWN")
		w.ids.Answers = func(asked string) *fedclient.Response {
			if strings.HasPrefix(asked, "other.test") {
				return &away
			}
			return nil
		}
		w.wantJSON("the end", w.call(alice, "POST /account/deactivate", `{"id_server":"evil.test",`+owner(password+"!", "")+`}`), noSupport)
		want := map[string]string{"other.test msisdn 4915112345678": "@alice:hs.test", "id.test email bob@example.org": "@bob:hs.test"}
		if diff := cmp.Diff(want, w.ids.Bound); diff != "" {
			w.Errorf("bound (- want, + got):\n%s", diff)
		}
		w.ids.Answers = nil
		w.clock.Advance(2 * time.Minute)
		if err := w.api.Contacts.Fulfil(t.Context()); err != nil {
			w.Error(err)
		}
		delete(want, "other.test msisdn 4915112345678")
		if diff := cmp.Diff(want, w.ids.Bound); diff != "" {
			w.Errorf("in the end bound (- want, + got):\n%s", diff)
		}
		body := `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"bob"},"password":"` + password + `"}}`
		w.wantJSON("bob's end", w.call(bob, "POST /account/deactivate", body), unbound)
		if len(w.ids.Bound) > 0 {
			w.Errorf("bound is %q", w.ids.Bound)
		}
	})
}
