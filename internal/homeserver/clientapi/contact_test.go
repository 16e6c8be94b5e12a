package clientapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/idclient/idclienttest"
	"signet/internal/matrix"
	"signet/internal/outbox"
	"signet/internal/threepid"
)

// identity has the server use two identity servers.
func (w *world) identity(accounts *account.Accounts) {
	w.Helper()
	trusted, err := idclient.ParseTrusted("https://id.test", []string{"other.test"})
	if err != nil {
		w.Fatal(err)
	}
	accounts.Leavers = append(accounts.Leavers, contact.Leaver{Trusted: trusted, Now: w.clock.Now})
	w.api.Identity, w.api.Trusted = w.ids.Client(w.clock.Now), trusted
	w.outbox, err = outbox.New(w.Context(), outbox.Options{DB: w.db, Vault: w.vault, Now: w.clock.Now, Log: w.logger})
	if err != nil {
		w.Fatal(err)
	}
	w.api.Contacts, err = contact.New(w.Context(), contact.Options{
		DB: w.db, Vault: w.vault, ServerName: "hs.test", Identity: w.api.Identity, Trusted: trusted, Outbox: w.outbox, Now: w.clock.Now, Active: accounts.Active,
	})
	if err != nil {
		w.Fatal(err)
	}
	accounts.Contacts = w.api.Contacts
}

const (
	asksEmail = `{"client_secret":"s3cret","email":"Alice@example.org","send_attempt":1}`
	asksPhone = `{"client_secret":"s3cret","country":"DE","phone_number":"0151 12345678","send_attempt":1}`
	submits   = `{"sid":"sid1","client_secret":"s3cret","token":"` + idclienttest.Code + `"}`
)

// submit passes a code on to where an answer of requestToken says.
func (w *world) submit(asked answer, body string) answer {
	w.Helper()
	path, is := strings.CutPrefix(asked.str("submit_url"), "https://hs.test")
	if !is {
		w.Fatalf("the code goes to %q", asked.str("submit_url"))
	}
	return w.do("POST", path, body)
}

// Alice adds an address to her account, as clients do: by a code, and her password.
func TestAnAddressIsAdded(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.wantJSON("before", w.call(alice, "GET /account/3pid", ""), `{"threepids":[]}`)
		asked := w.call(alice, "POST /account/3pid/email/requestToken", asksEmail)
		w.wantJSON("asked", asked, `{"sid":"sid1","submit_url":"https://hs.test/_signet/v1/3pid/email/submitToken"}`)
		const session = `"sid":"sid1","client_secret":"s3cret"`
		w.want("before the code", w.call(alice, "POST /account/3pid/add", `{`+session+`}`), 403, "M_THREEPID_AUTH_FAILED")
		w.wantJSON("the code", w.submit(asked, submits), `{"success":true}`)
		challenge := w.call(alice, "POST /account/3pid/add", `{`+session+`}`)
		w.want("without a password", challenge, 401, "")
		w.want("a wrong password", w.call(alice, "POST /account/3pid/add", `{`+session+`,`+owner("wrong", challenge.str("session"))+`}`), 401, "M_FORBIDDEN")
		w.wantJSON("still", w.call(alice, "GET /account/3pid", ""), `{"threepids":[]}`)
		w.wantJSON("added", w.call(alice, "POST /account/3pid/add", `{`+session+`,`+owner(password, challenge.str("session"))+`}`), `{}`)
		const has = `{"threepids":[{"medium":"email","address":"alice@example.org","validated_at":1600000000000,"added_at":1700000000000}]}`
		w.wantJSON("then", w.call(alice, "GET /account/3pid", ""), has)
		w.want("used twice", w.call(alice, "POST /account/3pid/add", `{`+session+`,`+owner(password, "")+`}`), 403, "M_THREEPID_AUTH_FAILED")
		w.want("asked for again", w.call(alice, "POST /account/3pid/email/requestToken", strings.Replace(asksEmail, "s3cret", "other", 1)), 400, "M_THREEPID_IN_USE")
		if log := w.wholeLog(); strings.Contains(log, "example.org") || strings.Contains(log, "s3cret") {
			w.Errorf("the log tells addresses or secrets:\n%s", log)
		}
	})
}

// Everybody asks for codes for their purpose, as what they are: with a token a user, without
// one nobody. The identity server is told where they are and what they read.
func TestCodesAreAskedFor(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		for path, want := range map[string]struct{ token, purpose, user string }{
			"/register":         {"", "register", ""},
			"/account/password": {"", "reset", ""},
			"/account/3pid":     {alice, "add", "@alice:hs.test"},
			"/account/3pid/":    {"", "add", ""},
		} {
			for medium, body := range map[string]string{"email": asksEmail, "msisdn": asksPhone} {
				header := []string{"X-Forwarded-For: 2001:db8::1", "Accept-Language: de-CH;q=0.9, en"}
				if want.token != "" {
					header = append(header, bearer(want.token))
				}
				body = strings.Replace(body, "{", `{"id_server":"evil.test","id_access_token":"t","next_link":"https://app.test/","im.signet.challenge":{"id":"c","answer":"1"},`, 1)
				a := w.do("POST", v3+strings.TrimSuffix(path, "/")+"/"+medium+"/requestToken", body, header...)
				w.want(path, a, 200, "")
				if url := "https://hs.test/_signet/v1/3pid/" + medium + "/submitToken"; a.str("submit_url") != url || a.str("sid") == "" {
					w.Errorf("%s = %s, want a submit_url of %s", path, a.text, url)
				}
				asked := map[string]any{"client_secret": "s3cret", "send_attempt": 1.0, "next_link": "https://app.test/", "im.signet.purpose": want.purpose,
					"im.signet.client_ip": "2001:db8::1", "im.signet.language": "de-CH", "im.signet.challenge": map[string]any{"id": "c", "answer": "1"}}
				if want.user != "" {
					asked["im.signet.user_id"] = want.user
				}
				if medium == "email" {
					asked["email"] = "alice@example.org"
				} else {
					asked["phone_number"], asked["country"] = "+4915112345678", "DE"
				}
				if diff := cmp.Diff(asked, w.ids.Last); diff != "" {
					w.Errorf("%s: asked (- want, + got):\n%s", path, diff)
				}
			}
		}
		for _, at := range w.ids.Asked {
			if !strings.HasPrefix(at, "id.test/") {
				w.Errorf("asked %s", at)
			}
		}
	})
}

func TestCodesThatAreNotAskedFor(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.api.Contacts.Allowed = func(a threepid.Address) error {
			if a.Domain() == "denied.test" || a.Country() == "FR" {
				return contact.ErrDenied
			}
			return nil
		}
		for _, tt := range []struct {
			medium, body string
			status       int
			code         string
		}{
			{"email", `{}`, 400, "M_MISSING_PARAMS"},
			{"email", asksPhone, 400, "M_INVALID_PARAM"},
			{"msisdn", asksEmail, 400, "M_INVALID_PARAM"},
			{"email", `{"client_secret":"a b","email":"a@b.test","send_attempt":1}`, 400, "M_INVALID_PARAM"},
			{"email", `{"client_secret":"a","email":"not an address","send_attempt":1}`, 400, "M_INVALID_PARAM"},
			{"email", `{"client_secret":"a","email":"a@b.test","send_attempt":-1}`, 400, "M_INVALID_PARAM"},
			{"email", `{"client_secret":"a","email":"a@b.test","send_attempt":1e30}`, 400, "M_BAD_JSON"},
			{"email", `{"client_secret":"a","email":"a@b.test","send_attempt":1,"next_link":"javascript:alert(1)"}`, 400, "M_INVALID_PARAM"},
			{"email", `{"client_secret":"a","email":"a@denied.test","send_attempt":1}`, 403, "M_THREEPID_DENIED"},
			{"msisdn", `{"client_secret":"a","phone_number":"0151 12345678","country":"XX","send_attempt":1}`, 400, "M_INVALID_PARAM"},
			{"msisdn", `{"client_secret":"a","phone_number":"12","country":"DE","send_attempt":1}`, 400, "M_INVALID_PARAM"},
			{"msisdn", `{"client_secret":"a","phone_number":"06 12 34 56 78","country":"FR","send_attempt":1}`, 403, "M_THREEPID_DENIED"},
		} {
			for _, path := range []string{"/register", "/account/3pid"} {
				w.want(path+" of "+tt.body, w.do("POST", v3+path+"/"+tt.medium+"/requestToken", tt.body), tt.status, tt.code)
			}
		}
		w.want("a token that is none", w.call("x", "POST /account/3pid/email/requestToken", asksEmail), 401, "M_UNKNOWN_TOKEN")
		w.api.Accounts.Flows = nil
		w.want("where nobody may register", w.do("POST", v3+"/register/email/requestToken", asksEmail), 403, "M_FORBIDDEN")
		w.api.Contacts.Trusted, w.api.Trusted = nil, nil
		w.want("without an identity server", w.call(alice, "POST /account/3pid/email/requestToken", asksEmail), 400, "M_THREEPID_MEDIUM_NOT_SUPPORTED")
		if a := w.call(alice, "GET /capabilities", ""); !strings.Contains(a.text, `"m.3pid_changes":{"enabled":false}`) {
			w.Errorf("without an identity server clients are told %s", a.text)
		}
		if len(w.ids.Asked) > 0 {
			w.Errorf("asked %q", w.ids.Asked)
		}
	})
}

// What an identity server refuses the person it refuses the client; what it refuses this server
// is no fault of the client's, and no answer of it ends a client's session.
func TestTheIdentityServerRefuses(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		w.want("asked", w.call(alice, "POST /account/3pid/email/requestToken", asksEmail), 200, "")
		challenge := idclienttest.OK(map[string]any{"errcode": "M_CAPTCHA_NEEDED", "error": "first", "im.signet.challenge": map[string]any{"id": "c", "url": "https://id.test/c", "expires_at": 7}})
		challenge.Status = 403
		limit := idclienttest.Refusal(429, "M_LIMIT_EXCEEDED")
		limit.Header.Set("Retry-After", "17")
		for _, tt := range []struct {
			says   fedclient.Response
			status int
			code   string
		}{
			{challenge, 403, "M_CAPTCHA_NEEDED"},
			{limit, 429, "M_LIMIT_EXCEEDED"},
			{idclienttest.Refusal(400, "M_TOKEN_INCORRECT"), 400, "M_TOKEN_INCORRECT"},
			{idclienttest.Refusal(400, "M_EMAIL_SEND_ERROR"), 400, "M_EMAIL_SEND_ERROR"},
			{idclienttest.Refusal(400, "M_DESTINATION_REJECTED"), 400, "M_DESTINATION_REJECTED"},
			{idclienttest.Refusal(401, "M_UNKNOWN_TOKEN"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(401, "M_INVALID_PARAM"), 403, "M_INVALID_PARAM"},
			{idclienttest.Refusal(403, "M_FORBIDDEN"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(404, "M_NOT_FOUND"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(404, "M_UNRECOGNIZED"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(500, "M_INVALID_PARAM"), 502, "M_UNKNOWN"},
			{idclienttest.Refusal(302, "M_INVALID_PARAM"), 502, "M_UNKNOWN"},
			{fedclient.Response{Status: 200, Header: http.Header{}, Body: []byte("<html>")}, 502, "M_UNKNOWN"},
		} {
			w.ids.Says = &tt.says
			before := w.dump()
			for call, body := range map[string]string{"POST /account/3pid/email/requestToken": asksEmail, "POST /account/3pid/add": `{"sid":"sid1","client_secret":"s3cret"}`} {
				a := w.call(alice, call, body)
				w.want(fmt.Sprintf("%s, answered %d %s", call, tt.says.Status, tt.says.Body), a, tt.status, tt.code)
				if _, told := a.json["im.signet.challenge"]; told != (tt.code == "M_CAPTCHA_NEEDED") {
					w.Errorf("%s = %s", call, a.text)
				}
				if tt.status == 429 && (a.header.Get("Retry-After") != "17" || a.json["retry_after_ms"] != 17_000.0) {
					w.Errorf("%s = %s with Retry-After %q", call, a.text, a.header.Get("Retry-After"))
				}
			}
			w.want("a code", w.do("POST", "/_signet/v1/3pid/email/submitToken", submits), tt.status, tt.code)
			if after := w.dump(); after != before {
				w.Errorf("answered %d, something changed: %s", tt.says.Status, cmp.Diff(before, after))
			}
		}
		w.ids.Says, w.ids.Down = nil, true
		w.want("away", w.call(alice, "POST /account/3pid/email/requestToken", asksEmail), 502, "M_UNKNOWN")
		w.want("a code while it is away", w.do("POST", "/_signet/v1/3pid/email/submitToken", submits), 502, "M_UNKNOWN")
		w.want("adding while it is away", w.call(alice, "POST /account/3pid/add", `{"sid":"sid1","client_secret":"s3cret"}`), 502, "M_UNKNOWN")
		w.ids.Down = false
		w.wantJSON("then the code", w.do("POST", "/_signet/v1/3pid/email/submitToken", submits), `{"success":true}`)
		w.ids.Lie = func(answer map[string]any) { answer["address"] = "mallory@example.org" }
		w.want("lying", w.call(alice, "POST /account/3pid/add", `{"sid":"sid1","client_secret":"s3cret",`+owner(password, "")+`}`), 502, "M_UNKNOWN")
	})
}

// Codes of sessions that nobody asked for here go nowhere.
func TestSubmittedCodes(t *testing.T) {
	each(t, func(w *world) {
		asked := w.do("POST", v3+"/register/email/requestToken", asksEmail)
		w.want("asked", asked, 200, "")
		w.want("another session", w.submit(asked, strings.Replace(submits, "sid1", "sid2", 1)), 404, "M_NO_VALID_SESSION")
		w.want("another secret", w.submit(asked, strings.Replace(submits, "s3cret", "x", 1)), 404, "M_NO_VALID_SESSION")
		w.want("another medium", w.do("POST", "/_signet/v1/3pid/msisdn/submitToken", submits), 404, "M_NO_VALID_SESSION")
		w.want("no code", w.submit(asked, `{"sid":"sid1","client_secret":"s3cret"}`), 400, "M_MISSING_PARAMS")
		w.want("a wrong code", w.submit(asked, strings.Replace(submits, idclienttest.Code, "1", 1)), 400, "M_TOKEN_INCORRECT")
		if want := []string{"id.test/validate/email/requestToken", "id.test/validate/email/submitToken"}; !cmp.Equal(w.ids.Asked, want) {
			w.Errorf("asked %q, want %q", w.ids.Asked, want)
		}
		w.ids.Says = new(idclienttest.OK(map[string]any{"success": false}))
		w.want("a code that is not taken", w.submit(asked, submits), 400, "M_TOKEN_INCORRECT")
	})
}

// Of two who show an address to be theirs the first has it.
func TestAnAddressInUse(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		for i, token := range []string{alice, bob} {
			asked := w.call(token, "POST /account/3pid/email/requestToken", asksEmail)
			w.want("asked", asked, 200, "")
			w.want("the code", w.submit(asked, strings.Replace(submits, "sid1", asked.str("sid"), 1)), 200, "")
			if sid := fmt.Sprintf("sid%d", i+1); asked.str("sid") != sid {
				w.Fatalf("the session is %q, want %q", asked.str("sid"), sid)
			}
		}
		w.want("alice's for bob", w.call(bob, "POST /account/3pid/add", `{"sid":"sid1","client_secret":"s3cret",`+owner(password, "")+`}`), 403, "M_THREEPID_AUTH_FAILED")
		w.wantJSON("alice's", w.call(alice, "POST /account/3pid/add", `{"sid":"sid1","client_secret":"s3cret",`+owner(password, "")+`}`), `{}`)
		before := w.dump()
		body := `{"sid":"sid2","client_secret":"s3cret",` + strings.Replace(owner(password, ""), `"alice"`, `"bob"`, 1) + `}`
		w.want("bob's", w.call(bob, "POST /account/3pid/add", body), 400, "M_THREEPID_IN_USE")
		if after := w.dump(); after != before {
			w.Errorf("something changed: %s", cmp.Diff(before, after))
		}
		w.wantJSON("what he has", w.call(bob, "GET /account/3pid", ""), `{"threepids":[]}`)

		w.api.Contacts.TellInUse = true
		body = strings.Replace(asksEmail, "s3cret", "other", 1)
		w.want("told", w.do("POST", v3+"/register/email/requestToken", body), 400, "M_THREEPID_IN_USE")
		w.want("told of nobody", w.do("POST", v3+"/account/password/msisdn/requestToken", asksPhone), 400, "M_THREEPID_NOT_FOUND")
	})
}

// Codes are limited by the network that asks, and by the user.
func TestCodesAreLimited(t *testing.T) {
	each(t, func(w *world) {
		alice, bob := w.joined("alice"), w.joined("bob")
		w.limit(2, false)
		ask := func(path, network string, header ...string) answer {
			return w.do("POST", v3+path+"/email/requestToken", asksEmail, append(header, "X-Forwarded-For: "+network)...)
		}
		w.want("alice", ask("/account/3pid", "192.0.2.1", bearer(alice)), 200, "")
		w.want("alice again", ask("/account/3pid", "192.0.2.2", bearer(alice)), 200, "")
		w.want("alice once more", ask("/account/3pid", "192.0.2.3", bearer(alice)), 429, "M_LIMIT_EXCEEDED")
		w.want("bob", ask("/account/3pid", "192.0.2.1", bearer(bob)), 200, "")
		w.want("of the same network", ask("/register", "192.0.2.1"), 429, "M_LIMIT_EXCEEDED")
		w.want("of the same network", ask("/account/password", "192.0.2.1"), 429, "M_LIMIT_EXCEEDED")
		w.want("of another", ask("/register", "192.0.2.9"), 200, "")
		for i, want := range []int{404, 404, 429} {
			a := w.do("POST", "/_signet/v1/3pid/email/submitToken", strings.Replace(submits, "s3cret", "x", 1), "X-Forwarded-For: 192.0.2.1")
			w.want(fmt.Sprint("code ", i), a, want, map[int]string{404: string(matrix.NoValidSession), 429: "M_LIMIT_EXCEEDED"}[want])
		}
	})
}
