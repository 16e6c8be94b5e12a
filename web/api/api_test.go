package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/deliver"
	"signet/internal/matrix"
	"signet/keys/notary"
	"signet/web/api"
)

// One person's walk: an account, a proven address, a binding, a look-up, and back.
func TestFromAnAddressToALookup(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, bob := w.register("alice"), w.register("bob")
		if user := w.ask("GET", "/account", alice, "").text("user_id"); user != "@alice:example.org" {
			w.Errorf("account = %q", user)
		}
		s := w.session(alice, "Alice@Example.org")
		query := "?" + url.Values{"sid": {s[1].(string)}, "client_secret": {s[3].(string)}}.Encode()
		w.refuse("GET", "/3pid/getValidated3pid"+query, alice, "", 400, matrix.SessionNotValidated)
		w.refuse("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...), 400, matrix.SessionNotValidated)

		w.Clock.Advance(time.Minute)
		w.ask("POST", "/validate/email/submitToken", alice, object(append(s, "token", w.Post.Last(w.TB).Code())...))
		got := w.ask("GET", "/3pid/getValidated3pid"+query, alice, "")
		if got.text("medium") != "email" || got.text("address") != "alice@example.org" || got.body["validated_at"] != float64(w.Clock.Now().UnixMilli()) {
			w.Errorf("getValidated3pid = %s", got.raw)
		}
		if user := w.find(bob, "alice@example.org", "email"); user != "" {
			w.Errorf("found %q before the bind", user)
		}
		bound := w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		w.checkSignature(bound)
		if user := w.find(bob, "alice@example.org", "email"); user != "@alice:example.org" {
			w.Errorf("found %q after the bind", user)
		}
		unbind := object(append(s, "mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email", "address": "ALICE@example.org"})...)
		for range 2 {
			w.ask("POST", "/3pid/unbind", "", unbind)
		}
		if user := w.find(bob, "alice@example.org", "email"); user != "" {
			w.Errorf("found %q after the unbind", user)
		}
		w.ask("POST", "/account/logout", alice, "")
		w.refuse("POST", "/account/logout", alice, "", 401, matrix.UnknownToken)
		w.refuse("GET", "/account", alice, "", 401, matrix.Unauthorized)
	})
}

// checkSignature verifies an association with the published key.
func (w *world) checkSignature(bound answer) {
	w.Helper()
	signatures, _ := bound.body["signatures"].(map[string]any)["id.example.org"].(map[string]any)
	for id := range signatures {
		public := w.ask("GET", "/pubkey/"+url.PathEscape(id), "", "").text("public_key")
		key, err := matrix.DecodeBase64(public)
		if err != nil {
			w.Fatal(err)
		}
		if err := matrix.Verify("id.example.org", matrix.KeyID(id), key, bound.raw); err != nil {
			w.Errorf("the association's signature: %v", err)
		}
		if valid := w.ask("GET", "/pubkey/isvalid?public_key="+url.QueryEscape(public), "", ""); valid.body["valid"] != true {
			w.Errorf("isvalid = %s", valid.raw)
		}
	}
	if len(signatures) != 1 {
		w.Errorf("signatures = %v, want one", signatures)
	}
}

// Several keys are published at a time, each under its id; one that is revoked is not,
// and is not valid, from the next request on.
func TestTheKeysOfTheServer(t *testing.T) {
	each(t, nil, func(w *world) {
		for range 2 {
			if _, err := w.ring.Rotate(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
		all, err := w.ring.List(w.Context())
		if err != nil || len(all) != 3 {
			w.Fatalf("the keys are %v, %v", all, err)
		}
		bad := all[1]
		if _, err := w.ring.Revoke(w.Context(), bad.ID, "stolen"); err != nil {
			w.Fatal(err)
		}
		for _, k := range all {
			public, revoked := matrix.EncodeBase64(k.Public), k.ID == bad.ID
			if revoked {
				w.refuse("GET", "/pubkey/"+url.PathEscape(string(k.ID)), "", "", 404, matrix.NotFound)
			} else if got := w.ask("GET", "/pubkey/"+url.PathEscape(string(k.ID)), "", "").text("public_key"); got != public {
				w.Errorf("%s = %s, want %s", k.ID, got, public)
			}
			if a := w.ask("GET", "/pubkey/isvalid?public_key="+url.QueryEscape(public), "", ""); a.body["valid"] != !revoked {
				w.Errorf("isvalid of %s = %s", k.ID, a.raw)
			}
		}
	})
}

func TestAPhoneNumber(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		request := []any{"phone_number", "(201) 555-0123", "country", "US", "client_secret", "s", "send_attempt", 1}
		sid := w.ask("POST", "/validate/msisdn/requestToken", alice, object(request...)).text("sid")
		s := []any{"sid", sid, "client_secret", "s"}
		w.ask("POST", "/validate/msisdn/submitToken", alice, object(append(s, "token", w.Post.Last(w.TB).Code())...))
		bound := w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		if bound.text("medium") != "msisdn" || bound.text("address") != "12015550123" {
			w.Errorf("bound %s", bound.raw)
		}
		if user := w.find(alice, "12015550123", "msisdn"); user != "@alice:example.org" {
			w.Errorf("found %q", user)
		}
		for _, c := range []struct {
			number, country any
			code            matrix.ErrCode
		}{
			{"12", "US", matrix.InvalidAddress}, {"", "US", matrix.InvalidAddress}, {"+1 201 555 0123;ext=5", "US", matrix.InvalidAddress},
			{"1-800-FLOWERS", "US", matrix.InvalidAddress}, {"2015550123", "XX", matrix.InvalidParam}, {"2015550123", "", matrix.InvalidParam},
			{2015550123, "US", matrix.BadJSON}, {nil, "US", matrix.MissingParams}, {"2015550123", nil, matrix.MissingParams},
		} {
			w.refuse("POST", "/validate/msisdn/requestToken", alice, object("phone_number", c.number, "country", c.country, "client_secret", "s", "send_attempt", 1), 400, c.code)
		}
	})
}

func TestRegisterRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{openID("alice", "refusing.example"), 401, matrix.Unauthorized},
			{openID("alice", "lying.example"), 403, matrix.Forbidden},
			{openID("alice", "down.example"), 502, matrix.Unknown},
			{openID("alice", "not a server"), 400, matrix.InvalidParam},
			{openID("alice", "http://example.org"), 400, matrix.InvalidParam},
			{object("access_token", "a", "token_type", "MAC", "matrix_server_name", "example.org", "expires_in", 1), 400, matrix.InvalidParam},
			{object("access_token", 5, "token_type", "Bearer", "matrix_server_name", "example.org", "expires_in", 1), 400, matrix.BadJSON},
			{object("token_type", "Bearer", "matrix_server_name", "example.org", "expires_in", 1), 400, matrix.MissingParams},
			{`{}`, 400, matrix.MissingParams},
			{`[]`, 400, matrix.BadJSON},
			{`null`, 400, matrix.BadJSON},
			{`"x"`, 400, matrix.BadJSON},
			{``, 400, matrix.NotJSON},
			{`{`, 400, matrix.NotJSON},
			{"{\"a\":\"\xff\"}", 400, matrix.NotJSON},
			{`access_token=a`, 400, matrix.NotJSON},
		} {
			w.refuse("POST", "/account/register", "", c.body, c.status, c.code)
		}
		if strings.Contains(w.log.String(), "access_token") {
			w.Error("the log holds a query string")
		}
	})
}

// Every call that needs a token refuses to go without, or with one in the query.
func TestTokensAreAskedFor(t *testing.T) {
	each(t, nil, func(w *world) {
		token := w.register("alice")
		for _, call := range []string{
			"GET /account", "POST /account/logout", "POST /terms", "GET /hash_details", "POST /lookup",
			"POST /validate/email/requestToken", "POST /validate/email/submitToken",
			"POST /validate/msisdn/requestToken", "POST /validate/msisdn/submitToken",
			"GET /3pid/getValidated3pid", "POST /3pid/bind",
		} {
			method, path, _ := strings.Cut(call, " ")
			code := matrix.Unauthorized
			w.refuse(method, path, "", "{}", 401, code)
			w.refuse(method, path+"?access_token="+token, "", "{}", 401, code)
			if path == "/account/logout" {
				code = matrix.UnknownToken
			}
			w.refuse(method, path, "sit_wrong", "{}", 401, code)
		}
		w.refuse("POST", "/3pid/unbind", "", object("mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email", "address": "a@b.org"}), 403, matrix.Forbidden)
	})
}

func TestTerms(t *testing.T) {
	terms := caller.Terms{"privacy_policy": {Version: "1.2", Languages: map[string]caller.Translation{
		"en": {Name: "Privacy Policy", URL: "https://x.org/p-1.2-en"}, "fr": {Name: "Vie privée", URL: "https://x.org/p-1.2-fr"}}}}
	each(t, terms, func(w *world) {
		want := `{"policies":{"privacy_policy":{"en":{"name":"Privacy Policy","url":"https://x.org/p-1.2-en"},"fr":{"name":"Vie privée","url":"https://x.org/p-1.2-fr"},"version":"1.2"}}}`
		if got := w.ask("GET", "/terms", "", ""); string(got.raw) != want {
			w.Errorf("terms = %s, want %s", got.raw, want)
		}
		alice := w.register("alice")
		for _, call := range []string{"GET /account", "GET /hash_details", "POST /lookup", "POST /3pid/bind", "POST /validate/email/requestToken"} {
			method, path, _ := strings.Cut(call, " ")
			w.refuse(method, path, alice, "{}", 403, matrix.TermsNotSigned)
		}
		w.refuse("POST", "/terms", alice, object("user_accepts", []string{"https://x.org/old"}), 400, matrix.InvalidParam)
		w.refuse("POST", "/terms", alice, object("user_accepts", "https://x.org/p-1.2-en"), 400, matrix.BadJSON)
		w.refuse("POST", "/terms", alice, `{}`, 400, matrix.MissingParams)
		w.refuse("GET", "/account", alice, "", 403, matrix.TermsNotSigned)
		w.ask("POST", "/terms", alice, object("user_accepts", []string{"https://x.org/p-1.2-fr"}))
		w.ask("GET", "/account", alice, "")
	})
}

func TestRequestTokenRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		good := map[string]any{"email": "alice@example.org", "client_secret": "s", "send_attempt": 1}
		for _, c := range []struct {
			member string
			value  any
			code   matrix.ErrCode
		}{
			{"email", "", matrix.InvalidEmail}, {"email", "no at", matrix.InvalidEmail}, {"email", "a@b@c.org", matrix.InvalidEmail},
			{"email", "Alice <a@b.org>", matrix.InvalidEmail}, {"email", "a@b.org\r\nBcc: c@d.org", matrix.InvalidEmail}, {"email", strings.Repeat("a", 250) + "@b.org", matrix.InvalidEmail},
			{"email", 5, matrix.BadJSON}, {"email", nil, matrix.MissingParams}, {"email", []string{"a@b.org"}, matrix.BadJSON}, {"email", "a\x00@b.org", matrix.InvalidParam},
			{"client_secret", "", matrix.InvalidParam}, {"client_secret", "a b", matrix.InvalidParam}, {"client_secret", strings.Repeat("a", 256), matrix.InvalidParam}, {"client_secret", nil, matrix.MissingParams},
			{"send_attempt", -1, matrix.InvalidParam}, {"send_attempt", "one", matrix.BadJSON}, {"send_attempt", 1.5, matrix.BadJSON}, {"send_attempt", 1e300, matrix.BadJSON}, {"send_attempt", nil, matrix.MissingParams},
			{"next_link", "javascript:alert(1)", matrix.InvalidParam}, {"next_link", "file:///etc/passwd", matrix.InvalidParam}, {"next_link", 1, matrix.BadJSON},
		} {
			body := map[string]any{}
			for name, value := range good {
				body[name] = value
			}
			body[c.member] = c.value
			b, err := json.Marshal(body)
			if err != nil {
				w.Fatal(err)
			}
			w.refuse("POST", "/validate/email/requestToken", alice, string(b), 400, c.code)
		}
		if n := len(w.Post.Sent()); n != 0 {
			w.Errorf("%d messages were sent", n)
		}
		w.Post.Fail(deliver.ErrNotNow)
		w.refuse("POST", "/validate/email/requestToken", alice, object("email", "a@b.org", "client_secret", "s", "send_attempt", 1), 400, matrix.EmailSendError)
		w.refuse("POST", "/validate/msisdn/requestToken", alice, object("phone_number", "2015550123", "country", "US", "client_secret", "s", "send_attempt", 1), 400, matrix.SendError)
		w.Post.Fail(nil)
		w.session(alice, "a@b.org")
		again := object("email", "a@b.org", "client_secret", "s_a_b.org", "send_attempt", 2)
		a := w.refuse("POST", "/validate/email/requestToken", alice, again, 429, matrix.LimitExceededCode)
		if a.body["retry_after_ms"] != 60_000.0 {
			w.Errorf("the second message at once = %s", a.raw)
		}
		w.Clock.Advance(time.Minute)
		w.ask("POST", "/validate/email/requestToken", alice, again)
	})
}

func TestSubmitTokenRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, mallory := w.register("alice"), w.register("mallory")
		s := w.session(alice, "alice@example.org")
		code := w.Post.Last(w.TB).Code()
		sid, secret := s[1], s[3]
		submit := func(token string, sid, secret, code any, status int, want matrix.ErrCode) {
			w.Helper()
			w.refuse("POST", "/validate/email/submitToken", token, object("sid", sid, "client_secret", secret, "token", code), status, want)
		}
		submit(alice, "unknown", secret, code, 400, matrix.InvalidParam)
		submit(alice, sid, "wrong", code, 400, matrix.InvalidParam)
		submit(mallory, sid, secret, code, 400, matrix.InvalidParam)
		submit(alice, sid, secret, nil, 400, matrix.MissingParams)
		submit(alice, sid, secret, 12345678, 400, matrix.BadJSON)
		submit(alice, sid, strings.Repeat("x", 10_000), code, 400, matrix.InvalidParam)
		wrong := "00000000"
		if code == wrong {
			wrong = "11111111"
		}
		for range 5 {
			submit(alice, sid, secret, wrong, 400, matrix.TokenIncorrect)
		}
		submit(alice, sid, secret, code, 400, matrix.TokenIncorrect)

		late := w.session(alice, "late@example.org")
		w.Clock.Advance(time.Hour)
		submit(alice, late[1], late[3], w.Post.Last(w.TB).Code(), 400, matrix.SessionExpired)
	})
}

func TestBindRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		alice, mallory := w.register("alice"), w.register("mallory")
		s := w.validated(alice, "alice@example.org")
		bind := func(token string, mxid any, status int, code matrix.ErrCode, s ...any) {
			w.Helper()
			w.refuse("POST", "/3pid/bind", token, object(append(s, "mxid", mxid)...), status, code)
		}
		bind(alice, "@bob:example.org", 403, matrix.Forbidden, s...)
		bind(alice, "alice", 400, matrix.InvalidParam, s...)
		bind(alice, nil, 400, matrix.MissingParams, s...)
		bind(mallory, "@mallory:example.org", 404, matrix.NoValidSession, s...)
		bind(alice, "@alice:example.org", 404, matrix.NoValidSession, "sid", "unknown", "client_secret", s[3])
		bind(alice, "@alice:example.org", 404, matrix.NoValidSession, "sid", s[1], "client_secret", "wrong")
		if user := w.find(alice, "alice@example.org", "email"); user != "" {
			w.Errorf("a refused bind has bound %q", user)
		}
		w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		w.ask("POST", "/3pid/bind", alice, object(append(s, "mxid", "@alice:example.org")...))
		w.ask("POST", "/3pid/unbind", "", object(append(s, "mxid", "@alice:example.org", "threepid", map[string]string{"medium": "email", "address": "alice@example.org"})...))
		bind(alice, "@alice:example.org", 404, matrix.NoValidSession, s...)

		old := w.validated(alice, "old@example.org")
		w.Clock.Advance(24 * time.Hour)
		bind(alice, "@alice:example.org", 400, matrix.SessionExpired, old...)
	})
}

func TestLookupRefuses(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		pepper := w.ask("GET", "/hash_details", alice, "").text("lookup_pepper")
		a := w.refuse("POST", "/lookup", alice, object("algorithm", "sha256", "pepper", "old", "addresses", []string{}), 400, matrix.InvalidPepper)
		if a.text("algorithm") != "sha256" || a.text("lookup_pepper") != pepper {
			w.Errorf("M_INVALID_PEPPER = %s", a.raw)
		}
		many := make([]string, 10_001)
		for i := range many {
			many[i] = fmt.Sprintf("%043d", i)
		}
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{object("algorithm", "none", "pepper", pepper, "addresses", []string{"alice@example.org email"}), 400, matrix.InvalidParam},
			{object("algorithm", "sha256", "pepper", pepper), 400, matrix.MissingParams},
			{object("algorithm", "sha256", "addresses", []string{}), 400, matrix.MissingParams},
			{object("algorithm", "sha256", "pepper", pepper, "addresses", "x"), 400, matrix.BadJSON},
			{object("algorithm", "sha256", "pepper", pepper, "addresses", []any{1}), 400, matrix.BadJSON},
			{object("algorithm", "sha256", "pepper", pepper, "addresses", []any{[]string{"x"}}), 400, matrix.BadJSON},
			{object("algorithm", "sha256", "pepper", pepper, "addresses", many), 400, matrix.TooLarge},
			{object("algorithm", "sha256", "pepper", pepper, "addresses", []string{strings.Repeat("x", 2<<20)}), 413, matrix.TooLarge},
		} {
			w.refuse("POST", "/lookup", alice, c.body, c.status, c.code)
		}
		w.ask("POST", "/lookup", alice, object("algorithm", "sha256", "pepper", pepper, "addresses", many[:10_000]))
	})
}

func TestPublicKeys(t *testing.T) {
	each(t, nil, func(w *world) {
		w.refuse("GET", "/pubkey/ed25519:none", "", "", 404, matrix.NotFound)
		w.refuse("GET", "/pubkey/x%2Fy", "", "", 404, matrix.NotFound)
		w.refuse("GET", "/pubkey/isvalid", "", "", 400, matrix.MissingParams)
		if a := w.ask("GET", "/pubkey/isvalid?public_key=!", "", ""); a.body["valid"] != false {
			w.Errorf("isvalid of junk = %s", a.raw)
		}
	})
}

// Whoever asks whether the server is there is told to which addresses it sends codes.
func TestWhatTheServerSends(t *testing.T) {
	each(t, nil, func(w *world) {
		for _, want := range []string{`{"im.signet.media":["email","msisdn"]}`, `{"im.signet.media":["email"]}`, `{"im.signet.media":[]}`} {
			if a := w.do("GET", v2, "", ""); a.status != 200 || string(a.raw) != want {
				w.Errorf("%s = %d %s, want %s", v2, a.status, a.raw, want)
			}
			if w.Verifier.SMS == nil {
				w.Verifier.Email = nil
			}
			w.Verifier.SMS = nil
		}
	})
}

// What is not built answers as unsupported, and so does the first version of the API.
func TestWhatIsNotServed(t *testing.T) {
	each(t, nil, func(w *world) {
		for _, call := range []struct {
			method, path string
			status       int
		}{
			{"GET", v2 + "/store-invite", 405}, {"GET", v2 + "/sign-ed25519", 405}, {"POST", v2 + "/pubkey/ephemeral/isvalid", 405},
			{"GET", "/_matrix/identity/api/v1", 404}, {"GET", "/_matrix/identity/api/v1/lookup", 404}, {"GET", v2 + "/", 404}, {"GET", v2 + "/account/", 404},
			{"POST", v2 + "/hash_details", 405}, {"GET", v2 + "/lookup", 405}, {"PUT", v2 + "/3pid/bind", 405}, {"DELETE", v2 + "/account", 405},
		} {
			if a := w.do(call.method, call.path, "", ""); a.status != call.status || a.text("errcode") != "M_UNRECOGNIZED" {
				w.Errorf("%s %s = %d %s, want %d M_UNRECOGNIZED", call.method, call.path, a.status, a.raw, call.status)
			}
		}
	})
}

// Twenty requests for one bind at the same moment: all are answered, none by a 500.
func TestTheSameBindAtTheSameMoment(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		s := w.validated(alice, "alice@example.org")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if a := w.do("POST", v2+"/3pid/bind", alice, object(append(s[:4:4], "mxid", "@alice:example.org")...)); a.status != http.StatusOK {
					w.Errorf("bind = %d %s", a.status, a.raw)
				}
			})
		}
		wg.Wait()
	})
}

// Nothing that a person gave, or was given, is in the log, at debug level.
func TestTheLogSaysNothing(t *testing.T) {
	each(t, nil, func(w *world) {
		token := w.register("alice")
		s := w.validated(token, "alice@example.org")
		w.ask("POST", "/3pid/bind", token, object(append(s, "mxid", "@alice:example.org")...))
		w.find(token, "alice@example.org", "email")
		w.Post.Fail(deliver.ErrRefused)
		w.refuse("POST", "/validate/email/requestToken", token, object("email", "bob@example.org", "client_secret", "other", "send_attempt", 1), 400, matrix.EmailSendError)
		log := w.log.String()
		if !strings.Contains(log, v2+"/3pid/bind") {
			w.Fatal("the log does not even hold the routes")
		}
		for _, secret := range []string{token, "@example.org", "@alice", s[1].(string), s[3].(string), w.Post.Last(w.TB).Code()} {
			if strings.Contains(log, secret) {
				w.Errorf("the log holds %q", secret)
			}
		}
	})
}

// The table of routes, as a reader of the specification expects it.
func TestRoutes(t *testing.T) {
	var got strings.Builder
	for _, r := range (&api.API{Notary: &notary.Notary{}}).Routes() {
		fmt.Fprintln(&got, r.Method, strings.TrimPrefix(r.Path, "/_matrix/identity"))
	}
	const want = `GET /versions
GET /v2
POST /v2/account/register
GET /v2/account
POST /v2/account/logout
GET /v2/terms
POST /v2/terms
GET /v2/pubkey/isvalid
GET /v2/pubkey/ephemeral/isvalid
GET /v2/pubkey/:keyId
GET /v2/hash_details
POST /v2/lookup
POST /v2/validate/email/requestToken
POST /v2/validate/email/submitToken
POST /v2/validate/msisdn/requestToken
POST /v2/validate/msisdn/submitToken
GET /v2/3pid/getValidated3pid
POST /v2/3pid/bind
POST /v2/3pid/unbind
POST /v2/store-invite
POST /v2/sign-ed25519
GET /_signet/v1/invitations
POST /_signet/v1/invitations/:id/resend
DELETE /_signet/v1/invitations/:id
GET /_signet/v1/policy
GET /_signet/v1/keys/config
POST /_signet/v1/keys/lookup
POST /_signet/v1/keys/publish
POST /_signet/v1/keys/revoke
POST /_signet/v1/keys/object
POST /_signet/v1/keys/history
POST /_signet/v1/keys/monitor
DELETE /_signet/v1/keys/subject
GET /_signet/v1/keys/log/:log/checkpoint
GET /_signet/v1/keys/log/:log/tile/*
POST /_signet/v1/whoami
GET /_signet/v1/me
DELETE /_signet/v1/me
POST /_signet/v1/me/unbind
POST /_signet/v1/users/bind
POST /_signet/v1/users/unbind
POST /_signet/v1/users/erase-keys
POST /_signet/v1/notices
POST /_signet/v1/captcha
POST /_signet/v1/captcha/:id/check
GET /_matrix/key/v2/server
GET /_matrix/key/v2/query/:serverName
GET /_matrix/key/v2/query/:serverName/:keyId
POST /_matrix/key/v2/query
GET /_signet/v1/keys/servers/:serverName
`
	if got.String() != want {
		t.Errorf("routes:\n%swant:\n%s", got.String(), want)
	}
}
