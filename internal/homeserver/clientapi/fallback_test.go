package clientapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/internal/homeserver/account"
)

// formType is how browsers send forms.
const formType = "Content-Type: application/x-www-form-urlencoded"

func fallback(stage account.Stage, session string) string {
	return v3 + "/auth/" + string(stage) + "/fallback/web?session=" + url.QueryEscape(session)
}

// page checks a page's manners and returns its text.
func (w *world) page(what string, a answer, status int) string {
	w.Helper()
	if a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		w.Errorf("%s = %d %s %s, want the page of a %d", what, a.status, a.header.Get("Content-Type"), a.text, status)
	}
	doc, err := html.Parse(strings.NewReader(a.text))
	if err != nil {
		w.Fatal(err)
	}
	policy := a.header.Get("Content-Security-Policy")
	labels, words := map[string]bool{}, ""
	for n := range doc.Descendants() {
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
	}
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode && (n.Parent.Data == "style" || n.Parent.Data == "script"):
			sum := sha256.Sum256([]byte(n.Data))
			if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(policy, "'sha256-"+hash+"'") {
				w.Errorf("%s: the policy %q does not let its own %s", what, policy, n.Parent.Data)
			}
		case n.Type == html.TextNode:
			words += n.Data
		case n.Data == "input" && !labels[attr(n, "id")] && attr(n, "type") != "hidden" && attr(n, "name") != "username":
			w.Errorf("%s: the field %v has no label", what, n.Attr)
		case n.Type == html.ElementNode && n.Data == "html" && attr(n, "lang") != a.header.Get("Content-Language"):
			w.Errorf("%s: the page is in %q, its header says %q", what, attr(n, "lang"), a.header.Get("Content-Language"))
		}
	}
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, want) {
			w.Errorf("%s: the policy is %q, want in it %s", what, policy, want)
		}
	}
	if a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Cache-Control") != "no-store" || strings.Count(a.text, "<h1") != 1 {
		w.Errorf("%s: the page has not the manners of one: %v %s", what, a.header, a.text)
	}
	return words
}

// attr is the value of an attribute, empty where there is none.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Somebody registers in a browser that knows no stage: each one's page passes it.
func TestFallbackPagesOfARegistration(t *testing.T) {
	eachWith(t, account.Flows{{account.StageRegistrationToken, account.StageDummy}}, func(w *world) {
		w.regToken("open-sesame", 0)
		session := w.do("POST", v3+"/register", `{}`).str("session")
		token, dummy := fallback(account.StageRegistrationToken, session), fallback(account.StageDummy, session)

		if text := w.page("the first page", w.do("GET", token, ""), 200); !strings.Contains(text, "Registration token") || !strings.Contains(text, "hs.test") {
			w.Errorf("the first page says %s", text)
		}
		w.page("the second too early", w.do("GET", dummy, ""), 401)
		wrong := w.do("POST", token, "token=guess", formType)
		if text := w.page("a wrong token", wrong, 403); !strings.Contains(text, "unknown") || !strings.Contains(wrong.text, `role="alert"`) || !strings.Contains(wrong.text, `aria-invalid="true"`) {
			w.Errorf("a wrong token: the page says %s", text)
		}
		w.page("a token in the query", w.do("POST", token+"&token=open-sesame", "", formType), 403)
		done := w.do("POST", token, "token=open-sesame", formType)
		if text := w.page("the right token", done, 200); !strings.Contains(text, "close this window") {
			w.Errorf("the right token: the page says %s", text)
		}
		for _, want := range []string{"window.onAuthDone()", `window.opener.postMessage("authDone", "*")`} {
			if !strings.Contains(done.text, want) {
				w.Errorf("the page has not %s in it: %s", want, done.text)
			}
		}
		if a := w.do("GET", token, ""); !strings.Contains(a.text, "authDone") {
			w.Errorf("the page of a completed stage is %s", a.text)
		}
		w.page("reading the second", w.do("GET", dummy, ""), 200)
		half := w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"alice","password":"`+password+`"}`)
		w.want("reading a page passes nothing", half, 401, "")
		w.page("the second", w.do("POST", dummy, "", formType), 200)
		w.want("the session alone", w.do("POST", v3+"/register", `{"auth":{"session":"`+session+`"},"username":"alice","password":"`+password+`"}`), 200, "")
		w.page("a used session", w.do("GET", dummy, ""), 401)
	})
}

// The page says what it is good for: a stranger who has a token may have sent it.
func TestFallbackPageOfAPassword(t *testing.T) {
	each(t, func(w *world) {
		token := w.joined("alice")
		session := w.do("POST", v3+"/account/deactivate", `{}`, bearer(token)).str("session")
		path := fallback(account.StagePassword, session)
		if text := w.page("the page", w.do("GET", path, ""), 200); !strings.Contains(text, "end the account @alice:hs.test for good") {
			w.Errorf("the page says %s", text)
		}
		if text := w.page("a wrong password", w.do("POST", path, "password=guess", formType), 403); !strings.Contains(text, "wrong") {
			w.Errorf("a wrong password: the page says %s", text)
		}
		foreign := w.do("POST", path, "password="+url.QueryEscape(password), formType, "Sec-Fetch-Site: cross-site")
		w.page("another site's form", foreign, 403)
		w.page("the password", w.do("POST", path, "password="+url.QueryEscape(password), formType), 200)
		w.wantJSON("the session", w.do("POST", v3+"/account/deactivate", `{"auth":{"session":"`+session+`"}}`, bearer(token)), `{"id_server_unbind_result":"success"}`)
	})
}

func TestFallbackPagesThatAreNot(t *testing.T) {
	each(t, func(w *world) {
		session := w.do("POST", v3+"/register", `{}`).str("session")
		for path, status := range map[string]int{
			v3 + "/auth/m.login.dummy/fallback/web":                                   400,
			fallback(account.StageDummy, session) + "&session=x":                      400,
			fallback(account.StageDummy, "\xff"):                                      400,
			fallback(account.StageDummy, "<script>"):                                  401,
			fallback(account.StagePassword, session):                                  401,
			fallback("m.login.recaptcha", session):                                    404,
			fallback(account.StageRegistrationToken, session):                         404,
			v3 + "/auth/m.login.dummy%2F/fallback/web?session=" + session:             404,
			strings.Replace(fallback(account.StageDummy, session), "/v3/", "/r1/", 1): 404,
		} {
			a := w.do("GET", path, "")
			if a.status != status || strings.Contains(a.text, "<script>") {
				w.Errorf("GET %s = %d %s, want %d", path, a.status, a.text, status)
			}
		}
		if a := w.do("OPTIONS", fallback(account.StageDummy, session), ""); a.status != 204 {
			w.Errorf("OPTIONS = %d %s, want 204", a.status, a.text)
		}
		w.page("a large form", w.do("POST", fallback(account.StageDummy, session), strings.Repeat("x", 9<<10), formType), 413)
		w.page("a broken form", w.do("POST", fallback(account.StageDummy, session), "a=%zz", formType), 400)
		w.page("by its former name", w.do("GET", strings.Replace(fallback(account.StageDummy, session), "/v3/", "/r0/", 1), ""), 200)
	})
}
