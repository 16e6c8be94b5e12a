package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/caller"
	"signet/internal/matrix"
)

const whoami = "/_signet/v1/whoami"

// sign returns the Authorization header of origin over a request of ours.
func (w *world) sign(origin matrix.ServerName, method, uri, body string) matrix.XMatrix {
	w.Helper()
	r := matrix.SignedRequest{Method: method, URI: uri, Origin: origin, Destination: "id.example.org", Content: []byte(body)}
	x, err := r.Authorize(homeserverKey)
	if err != nil {
		w.Fatal(err)
	}
	return x
}

// stamped is a body for whoami, made now.
func (w *world) stamped(nonce string) string {
	return fmt.Sprintf(`{"im.signet.ts": %d, "im.signet.nonce": %q}`, w.Clock.Now().UnixMilli(), nonce)
}

// signed is a whoami call of origin, with a nonce of its own.
func (w *world) signed(origin matrix.ServerName, nonce string) answer {
	w.Helper()
	body := w.stamped(nonce)
	return w.do("POST", whoami, "", body, "Authorization", w.sign(origin, "POST", whoami, body).String())
}

func (a answer) is(status int, code matrix.ErrCode) bool {
	return a.status == status && a.text("errcode") == string(code)
}

func TestAnAccountOrAHomeserverCalls(t *testing.T) {
	terms := caller.Terms{"privacy_policy": {Version: "1", Languages: map[string]caller.Translation{"en": {URL: "https://x.org/p"}}}}
	each(t, terms, func(w *world) {
		alice := w.register("alice")
		since := float64(w.Clock.Now().UnixMilli())
		if a := w.do("POST", whoami, alice, "{}"); !a.is(403, matrix.TermsNotSigned) {
			w.Errorf("before the terms = %d %s", a.status, a.raw)
		}
		w.ask("POST", "/terms", alice, object("user_accepts", []string{"https://x.org/p"}))
		w.Clock.Advance(time.Minute)
		a := w.do("POST", whoami, alice, "{}")
		if a.status != 200 || a.text("user_id") != "@alice:example.org" || a.text("homeserver") != "example.org" || a.body["since_ts"] != since {
			w.Errorf("an account = %d %s", a.status, a.raw)
		}
		a = w.signed("hs.example:8448", "nonce-01")
		if _, isUser := a.body["user_id"]; a.status != 200 || isUser || a.text("homeserver") != "hs.example:8448" || a.body["since_ts"] != since+60_000 {
			w.Errorf("a homeserver = %d %s", a.status, a.raw)
		}
		if log := w.log.String(); !strings.Contains(log, "caller=account") || !strings.Contains(log, "caller=homeserver") || strings.Contains(log, "nonce-01") {
			w.Error("the log does not tell the kinds of callers, or tells too much")
		}
	})
}

func TestWhatASignatureDoesNotLetIn(t *testing.T) {
	each(t, nil, func(w *world) {
		body := w.stamped("nonce-02")
		good := w.sign("example.org", "POST", whoami, body)
		with := func(change func(*matrix.XMatrix)) string {
			x := good
			change(&x)
			return x.String()
		}
		for _, c := range []struct {
			name    string
			body    string
			headers []string
			status  int
			code    matrix.ErrCode
		}{
			{"no header", body, nil, 401, matrix.Unauthorized},
			{"a scheme of neither", body, []string{"Basic eDp5"}, 401, matrix.Unauthorized},
			{"another destination", body, []string{with(func(x *matrix.XMatrix) { x.Destination = "other.example" })}, 403, matrix.Forbidden},
			{"a key that is not published", body, []string{with(func(x *matrix.XMatrix) { x.Key = "ed25519:old" })}, 403, matrix.Forbidden},
			{"another server's signature", body, []string{with(func(x *matrix.XMatrix) { x.Origin = "evil.example" })}, 403, matrix.Forbidden},
			{"a dead server", body, []string{w.sign("down.example", "POST", whoami, body).String()}, 502, matrix.Unknown},
			{"one byte of the body", strings.Replace(body, "nonce-02", "nonce-03", 1), []string{good.String()}, 403, matrix.Forbidden},
			{"a member more", strings.Replace(body, "{", `{"x":1,`, 1), []string{good.String()}, 403, matrix.Forbidden},
			{"a member twice", strings.Replace(body, "{", `{"im.signet.nonce":"nonce-02",`, 1), []string{good.String()}, 403, matrix.Forbidden},
			{"no body", "", []string{good.String()}, 403, matrix.Forbidden},
			{"no JSON", "{", []string{good.String()}, 403, matrix.Forbidden},
			{"another path", body, []string{w.sign("example.org", "POST", whoami+"?x", body).String()}, 403, matrix.Forbidden},
			{"another method", body, []string{w.sign("example.org", "PUT", whoami, body).String()}, 403, matrix.Forbidden},
			{"two servers", body, []string{good.String(), w.sign("hs.example", "POST", whoami, body).String()}, 403, matrix.Forbidden},
			{"a token beside", body, []string{good.String(), "Bearer " + w.register("alice")}, 403, matrix.Forbidden},
			{"a header without end", body, []string{good.String() + strings.Repeat(",a=b", 200_000)}, 403, matrix.Forbidden},
			{"a body without end", body + strings.Repeat(" ", 64<<10), []string{good.String()}, 413, matrix.TooLarge},
		} {
			var headers []string
			for _, h := range c.headers {
				headers = append(headers, "Authorization", h)
			}
			if a := w.do("POST", whoami, "", c.body, headers...); !a.is(c.status, c.code) {
				w.Errorf("%s = %d %s, want %d %s", c.name, a.status, a.raw, c.status, c.code)
			}
		}
		unknown := with(func(x *matrix.XMatrix) { x.Key = "ed25519:new" })
		if a := w.do("POST", whoami, "", body, "Authorization", unknown, "Authorization", good.String()); a.status != 200 {
			w.Errorf("the second key of one server = %d %s", a.status, a.raw)
		}
	})
}

// A header that lets nobody in is refused before the body is waited for, on the call
// whose body may be largest too.
func TestAHeaderIsJudgedBeforeTheBody(t *testing.T) {
	each(t, nil, func(w *world) {
		x := w.sign("example.org", "POST", v2+"/lookup", "{}")
		x.Destination = "other.example"
		r, err := http.NewRequestWithContext(w.Context(), "POST", w.server.URL+v2+"/lookup", unreadable{w})
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("Authorization", x.String())
		r.Header.Set("Expect", "100-continue")
		response, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}).Do(r)
		if err != nil {
			w.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != 403 {
			w.Errorf("status %d", response.StatusCode)
		}
	})
}

// unreadable is a body that nobody asks for.
type unreadable struct{ *world }

func (u unreadable) Read([]byte) (int, error) {
	u.Error("the body was asked for")
	return 0, io.EOF
}

// Whoever signs in all names below a domain has one budget of calls, which is told.
func TestSignedCallsHaveABudget(t *testing.T) {
	each(t, nil, func(w *world) {
		for i := range 1000 {
			if err := w.gate.Once(w.Context(), "evil.example", w.Clock.Now(), fmt.Sprintf("nonce-%04d", i)); err != nil {
				w.Fatal(err)
			}
		}
		a := w.signed("a.evil.example:8448", "nonce-01")
		if !a.is(429, matrix.LimitExceededCode) || a.body["retry_after_ms"] != 3600.0 {
			w.Errorf("the call after the last = %d %s", a.status, a.raw)
		}
		if a := w.signed("good.example", "nonce-01"); a.status != 200 {
			w.Errorf("another homeserver = %d %s", a.status, a.raw)
		}
	})
}

func TestASignedCallIsNotRepeated(t *testing.T) {
	each(t, nil, func(w *world) {
		body := w.stamped("nonce-04")
		x := w.sign("example.org", "POST", whoami, body).String()
		for i, want := range []int{200, 403, 403} {
			if a := w.do("POST", whoami, "", body, "Authorization", x); a.status != want {
				w.Errorf("time %d = %d %s, want %d", i, a.status, a.raw, want)
			}
		}
		w.Clock.Advance(5*time.Minute + time.Millisecond)
		if a := w.do("POST", whoami, "", body, "Authorization", x); !a.is(403, matrix.ClockDiffers) || !strings.Contains(a.text("error"), "5 minutes") || a.body["im.signet.ts"] != float64(w.Clock.Now().UnixMilli()) {
			w.Errorf("too late = %d %s", a.status, a.raw)
		}
		for _, body := range []string{"{}", w.stamped("short"), w.stamped("a nonce with blanks")} {
			a := w.do("POST", whoami, "", body, "Authorization", w.sign("example.org", "POST", whoami, body).String())
			if !a.is(400, matrix.InvalidParam) {
				w.Errorf("%s = %d %s", body, a.status, a.raw)
			}
		}
		for _, ts := range []string{"0", "-1", "9223372036854775807", "-9007199254740991"} {
			body := `{"im.signet.nonce":"nonce-05","im.signet.ts":` + ts + `}`
			a := w.do("POST", whoami, "", body, "Authorization", w.sign("example.org", "POST", whoami, body).String())
			if !a.is(403, matrix.ClockDiffers) {
				w.Errorf("%s = %d %s", body, a.status, a.raw)
			}
		}
	})
}
