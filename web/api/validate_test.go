package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"signet/internal/matrix"
	"signet/verify"
	"signet/verify/fraud"
)

// as sends a request signed by a homeserver.
func (w *world) as(server matrix.ServerName, method, path, body string) answer {
	w.Helper()
	return w.do(method, path, "", body, "Authorization", w.sign(server, method, path, body).String())
}

// A homeserver proves an address for somebody who has no account yet, from the request to
// the validated session; nobody else can use it, nor it for anything else.
func TestAHomeserverProvesAnAddressForASignUp(t *testing.T) {
	each(t, nil, func(w *world) {
		ask := object("email", "new@example.org", "client_secret", "s3cret", "send_attempt", 1,
			"im.signet.purpose", "register", "im.signet.client_ip", "203.0.113.7", "im.signet.language", "de")
		a := w.as("hs.example", "POST", v2+"/validate/email/requestToken", ask)
		if a.status != 200 {
			w.Fatalf("requestToken = %d %s", a.status, a.raw)
		}
		m := w.Post.Last(w.TB)
		if text := strings.ReplaceAll(m.Text, "\u2060", ""); !strings.Contains(text, "hs.example") || strings.Contains(text, "Hello") {
			w.Errorf("the message does not say who asks, or not in German:\n%s", text)
		}
		sid := a.text("sid")
		submit := object("sid", sid, "client_secret", "s3cret", "token", m.Code())
		alice := w.register("alice")
		w.refuse("POST", "/validate/email/submitToken", alice, submit, 400, matrix.InvalidParam)
		if a := w.as("evil.example", "POST", v2+"/validate/email/submitToken", submit); !a.is(400, matrix.InvalidParam) {
			w.Errorf("another homeserver submits = %d %s", a.status, a.raw)
		}
		if a := w.as("hs.example", "POST", v2+"/validate/email/submitToken", submit); a.status != 200 || a.body["success"] != true {
			w.Errorf("submitToken = %d %s", a.status, a.raw)
		}
		query := v2 + "/3pid/getValidated3pid?" + url.Values{"sid": {sid}, "client_secret": {"s3cret"}}.Encode()
		if a := w.as("hs.example", "GET", query, ""); a.text("address") != "new@example.org" || a.text("im.signet.purpose") != "register" || a.text("im.signet.caller") != "hs.example" {
			w.Errorf("getValidated3pid = %d %s", a.status, a.raw)
		}
		if a := w.as("evil.example", "GET", query, ""); !a.is(404, matrix.NoValidSession) {
			w.Errorf("getValidated3pid of another homeserver = %d %s", a.status, a.raw)
		}
		w.refuse("POST", "/3pid/bind", alice, object("sid", sid, "client_secret", "s3cret", "mxid", "@alice:example.org"), 404, matrix.NoValidSession)
		w.refuse("POST", "/3pid/unbind", "", object("sid", sid, "client_secret", "s3cret", "mxid", "@alice:example.org",
			"threepid", map[string]any{"medium": "email", "address": "new@example.org"}), 403, matrix.Forbidden)
	})
}

// Whoever signs up with an address that has an account is answered as anybody is, and its
// owner is told; by text message too.
func TestAHomeserverTellsTheOwnerOfAnAccount(t *testing.T) {
	each(t, nil, func(w *world) {
		for medium, member := range map[string][]any{"email": {"email", "old@example.org"}, "msisdn": {"phone_number", "+12015550123", "country", "US"}} {
			ask := func(existing bool) string {
				return object(append(member, "client_secret", fmt.Sprint(existing), "send_attempt", 1, "im.signet.purpose", "register", "im.signet.existing", existing)...)
			}
			told := w.as("hs.example", "POST", v2+"/validate/"+medium+"/requestToken", ask(true))
			m := w.Post.Last(w.TB)
			asked := w.as("hs.example", "POST", v2+"/validate/"+medium+"/requestToken", ask(false))
			if told.status != 200 || len(told.raw) != len(asked.raw) || len(told.body) != len(asked.body) {
				w.Errorf("requestToken = %d %s, otherwise %s", told.status, told.raw, asked.raw)
			}
			if m.Code() != "" || m.Link() != "" || m.Stop() == "" || !strings.Contains(m.Text, "already") {
				w.Errorf("the message is\n%s", m.Text)
			}
			for _, code := range []string{"12345678", "000000", w.Post.Last(w.TB).Code(), "1", "2", "3"} {
				if a := w.as("hs.example", "POST", v2+"/validate/"+medium+"/submitToken", object("sid", told.text("sid"), "client_secret", "true", "token", code)); !a.is(400, matrix.TokenIncorrect) {
					w.Errorf("submitToken = %d %s", a.status, a.raw)
				}
			}
			query := v2 + "/3pid/getValidated3pid?" + url.Values{"sid": {told.text("sid")}, "client_secret": {"true"}}.Encode()
			if a := w.as("hs.example", "GET", query, ""); !a.is(400, matrix.SessionNotValidated) {
				w.Errorf("getValidated3pid = %d %s", a.status, a.raw)
			}
		}
	})
}

// The message is in the language that the client's user reads.
func TestTheMessageIsInTheReadersLanguage(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		for i, c := range []struct{ header, member, want string }{
			{"fr-CH, de;q=0.5", "", "Bonjour"},
			{"tlh, es;q=0.3", "", "Hola"},
			{"fr", "pt-BR", "Olá"},
			{"", "", "Hello"},
		} {
			body := object("email", fmt.Sprintf("a%d@example.org", i), "client_secret", "s", "send_attempt", 1, "im.signet.language", c.member)
			if a := w.do("POST", v2+"/validate/email/requestToken", alice, body, "Accept-Language", c.header); a.status != 200 {
				w.Fatalf("requestToken = %d %s", a.status, a.raw)
			}
			if text := w.Post.Last(w.TB).Text; !strings.Contains(text, c.want) {
				w.Errorf("%q and %q are read\n%s", c.header, c.member, text)
			}
		}
	})
}

// What is asked for on behalf of whom is checked, and nothing is sent before.
func TestWhatCannotBeAskedFor(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		ask := func(members ...any) string {
			return object(append([]any{"email", "a@example.org", "client_secret", "s", "send_attempt", 1}, members...)...)
		}
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{ask("im.signet.purpose", "bind"), 400, matrix.InvalidParam},
			{ask("im.signet.purpose", 1), 400, matrix.BadJSON},
			{ask("im.signet.purpose", "register"), 403, matrix.Forbidden},
			{ask("im.signet.purpose", "manage"), 403, matrix.Forbidden},
			{ask("im.signet.user_id", "@bob:example.org"), 403, matrix.Forbidden},
			{ask("im.signet.user_id", "nobody"), 400, matrix.InvalidParam},
			{ask("im.signet.existing", true), 403, matrix.Forbidden},
			{ask("im.signet.existing", true, "im.signet.purpose", "register"), 403, matrix.Forbidden},
			{ask("im.signet.existing", "true"), 400, matrix.BadJSON},
			{ask("im.signet.challenge", "x"), 400, matrix.BadJSON},
			{ask("im.signet.challenge", map[string]any{"id": 1}), 400, matrix.BadJSON},
		} {
			w.refuse("POST", "/validate/email/requestToken", alice, c.body, c.status, c.code)
		}
		for _, c := range []struct {
			body   string
			status int
			code   matrix.ErrCode
		}{
			{ask("im.signet.client_ip", "not an address"), 400, matrix.InvalidParam},
			{ask("im.signet.client_ip", "fe80::1%eth0"), 400, matrix.InvalidParam},
			{ask("im.signet.user_id", "@alice:other.example"), 403, matrix.Forbidden},
			{ask("im.signet.purpose", "manage"), 403, matrix.Forbidden},
			{ask("im.signet.existing", true), 400, matrix.InvalidParam},
			{ask("im.signet.existing", true, "im.signet.purpose", "reset"), 400, matrix.InvalidParam},
			{ask("im.signet.existing", 1, "im.signet.purpose", "register"), 400, matrix.BadJSON},
		} {
			if a := w.as("hs.example", "POST", v2+"/validate/email/requestToken", c.body); !a.is(c.status, c.code) {
				w.Errorf("%s = %d %s, want %d %s", c.body, a.status, a.raw, c.status, c.code)
			}
		}
		if n := len(w.Post.Sent()); n != 0 {
			w.Errorf("%d messages", n)
		}
	})
}

// A client meets a CAPTCHA: whoever knows our members answers it with the request, and
// whoever does not shows the text, in which the page's address stands.
func TestACaptchaIsNeeded(t *testing.T) {
	each(t, nil, func(w *world) {
		w.Verifier.When = verify.Always
		alice := w.register("alice")
		members := []any{"email", "alice@example.org", "client_secret", "s", "send_attempt", 1}
		a := w.refuse("POST", "/validate/email/requestToken", alice, object(members...), 403, matrix.CaptchaNeeded)
		challenge, _ := a.body["im.signet.challenge"].(map[string]any)
		id, _ := challenge["id"].(string)
		page := "https://id.example.org/_signet/captcha/" + id
		if id == "" || challenge["url"] != page || challenge["image_url"] != page+"/image" || challenge["audio_url"] != page+"/audio" ||
			challenge["expires_at"] != float64(w.Clock.Now().UnixMilli()+600_000) || !strings.Contains(a.text("error"), page) {
			w.Errorf("the challenge is %s", a.raw)
		}
		answer := func(text string) string {
			return object(append(members, "im.signet.challenge", map[string]any{"id": id, "answer": text})...)
		}
		w.refuse("POST", "/validate/email/requestToken", alice, answer("000000"), 403, matrix.CaptchaNeeded)
		w.ask("POST", "/validate/email/requestToken", alice, answer(w.Captcha.Answer(id)))
		if n := len(w.Post.Sent()); n != 1 {
			w.Errorf("%d messages, want 1", n)
		}
	})
}

// A homeserver has a CAPTCHA made for its own sign-up, and learns once that it was
// passed; the same one covers its first message.
func TestAHomeserverHasACaptchaMade(t *testing.T) {
	each(t, nil, func(w *world) {
		w.Verifier.When = verify.Always
		const path = "/_signet/v1/captcha"
		a := w.as("hs.example", "POST", path, w.stamped("nonce-0001"))
		id := a.text("id")
		if a.status != 200 || id == "" || a.text("image_url") == "" {
			w.Fatalf("a new challenge = %d %s", a.status, a.raw)
		}
		if a := w.as("hs.example", "POST", path, w.stamped("nonce-0001")); !a.is(403, matrix.Forbidden) {
			w.Errorf("the same call again = %d %s", a.status, a.raw)
		}
		if a := w.as("hs.example", "POST", path, "{}"); !a.is(400, matrix.InvalidParam) {
			w.Errorf("a call without a stamp = %d %s", a.status, a.raw)
		}
		if a := w.do("POST", path, w.register("alice"), w.stamped("nonce-0002")); !a.is(403, matrix.Forbidden) {
			w.Errorf("an account's call = %d %s", a.status, a.raw)
		}
		check := func(server matrix.ServerName, id, nonce, text string) answer {
			body := object("im.signet.ts", w.Clock.Now().UnixMilli(), "im.signet.nonce", nonce, "answer", text)
			return w.as(server, "POST", path+"/"+id+"/check", body)
		}
		right := w.Captcha.Answer(id)
		for _, c := range []struct {
			name   string
			a      answer
			status int
			code   matrix.ErrCode
		}{
			{"wrong", check("hs.example", id, "nonce-0003", "000000"), 400, matrix.CaptchaInvalid},
			{"not yet passed", check("hs.example", id, "nonce-0004", ""), 400, matrix.CaptchaInvalid},
			{"unknown", check("hs.example", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "nonce-0005", right), 404, matrix.NotFound},
			{"another's", check("evil.example", id, "nonce-0006", right), 404, matrix.NotFound},
		} {
			if !c.a.is(c.status, c.code) {
				w.Errorf("%s = %d %s", c.name, c.a.status, c.a.raw)
			}
		}
		if a := check("hs.example", id, "nonce-0007", right); a.status != 200 || a.body["passed"] != true {
			w.Errorf("the right answer = %d %s", a.status, a.raw)
		}
		if a := check("hs.example", id, "nonce-0008", right); !a.is(400, matrix.CaptchaInvalid) {
			w.Errorf("the right answer twice = %d %s", a.status, a.raw)
		}
		first := object("email", "new@example.org", "client_secret", "s", "send_attempt", 1, "im.signet.purpose", "register",
			"im.signet.challenge", map[string]any{"id": id})
		if a := w.as("hs.example", "POST", v2+"/validate/email/requestToken", first); a.status != 200 {
			w.Errorf("the first message = %d %s", a.status, a.raw)
		}
	})
}

// Text messages that are not sent are refused as destinations, in words that say why.
func TestDestinationsAreRejected(t *testing.T) {
	each(t, nil, func(w *world) {
		w.Sending(w.TB, fraud.Policy{Countries: []string{"DE"}})
		alice := w.register("alice")
		ask := func(number, country string) string {
			return object("phone_number", number, "country", country, "client_secret", "s", "send_attempt", 1)
		}
		a := w.refuse("POST", "/validate/msisdn/requestToken", alice, ask("2015550123", "US"), 400, matrix.DestinationRejected)
		if text := a.text("error"); !strings.Contains(text, "(US)") || !strings.Contains(text, "sms.countries") {
			w.Errorf("the text is %q", text)
		}
		w.refuse("POST", "/validate/msisdn/requestToken", alice, ask("030 12345678", "DE"), 400, matrix.DestinationRejected)
		if err := w.Fraud.SetSending(w.Context(), false, "attack"); err != nil {
			w.Fatal(err)
		}
		a = w.refuse("POST", "/validate/msisdn/requestToken", alice, ask("01511 2345678", "DE"), 400, matrix.DestinationRejected)
		if strings.Contains(a.text("error"), "attack") {
			w.Error("strangers read the operator's reason")
		}
	})
}

// matrix-js-sdk writes the number of the attempt as a string.
func TestSendAttemptAsAString(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		ask := func(attempt any) string {
			return w.ask("POST", "/validate/email/requestToken", alice, object("email", "a@b.org", "client_secret", "s", "send_attempt", attempt)).text("sid")
		}
		if number, text := ask(1), ask("1"); number == "" || text != number {
			t.Errorf("asked with 1 the session is %q, with \"1\" %q", number, text)
		}
	})
}
