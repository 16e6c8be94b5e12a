package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/sso"
	"signet/internal/idclient"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

var pages = Pages{Server: "hs.test"}

// drawing answers one request with a page.
type drawing func(c echo.Context) error

// answer is a page that was read.
type answer struct {
	*http.Response
	doc *html.Node
}

// read has a page drawn for a request.
func read(t *testing.T, r *http.Request, d drawing) answer {
	t.Helper()
	handler, err := mxhttp.New(mxhttp.Options{}, []mxhttp.Route{{Method: r.Method, Path: r.URL.Path, Handler: echo.HandlerFunc(d), Page: true}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{w.Result(), doc}
}

// get is read by a browser that asks for languages like this.
func get(t *testing.T, address, accept string, d drawing) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept-Language", accept)
	return read(t, r, d)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// all are the elements of a kind.
func (a answer) all(kind string) (found []*html.Node) {
	for n := range a.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == kind {
			found = append(found, n)
		}
	}
	return found
}

// texts are the words of a page that are ours: those of strangers are set apart, and the names
// of languages are not ours either.
func (a answer) texts() (all []string) {
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode && strings.ContainsFunc(n.Data, unicode.IsLetter):
			all = append(all, n.Data)
		case slices.Contains([]string{"bdi", "style", "script"}, n.Data), attr(n, "class") == "languages":
			return
		}
		for _, name := range []string{"aria-label", "alt"} {
			if text := attr(n, name); text != "" {
				all = append(all, text)
			}
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(a.doc)
	return all
}

var captcha = idclient.Challenge{ID: "c1", ImageURL: "https://id.test/c1.png", AudioURL: "https://id.test/c1.wav"}

var wrongs = []wrong{"", wrongPassword, wrongToken, wrongDigits, noEmail, noPhone, noAddress, addressDenied, addressInUse,
	addressOfNobody, linkNotConfirmed, codeExpired, wrongCode, notSent, notAPerson, tooOften, notNow}

// everything is all pages there are, each at its worst.
func everything() map[string]drawing {
	all := map[string]drawing{"done": pages.done}
	draw := func(name string, f form) {
		all[name] = func(c echo.Context) error { return pages.drawStage(c, 200, f) }
	}
	terms := []document{{{Language: "en", Name: "<i>Terms</i>", URL: "https://hs.test/terms"}, {Language: "de", Name: "AGB", URL: "javascript:alert(1)"}}}
	for _, stage := range []account.Stage{account.StageDummy, account.StagePassword, account.StageRegistrationToken, account.StageCaptcha, account.StageTerms, account.StageEmail, account.StageMSISDN} {
		for _, sent := range []string{"", "+4915112345678"} {
			draw(fmt.Sprintf("%s %s", stage, sent), form{Name: stage, Operation: "register", Captcha: captcha, Documents: terms, SentTo: sent, Entered: `"><i>x`})
		}
	}
	for op := range maps.Values(operations) {
		draw("asked for "+op, form{Name: account.StagePassword, Operation: op, User: "@alice:hs.test"})
	}
	draw("asked for another", form{Name: account.StagePassword, Operation: otherOperation, User: "@alice:hs.test"})
	for _, wrong := range wrongs {
		draw("wrong "+string(wrong), form{Name: account.StageEmail, Operation: "register", Trouble: trouble{Is: wrong, URL: "https://id.test/c", Wait: 3 * time.Hour}})
	}
	for _, asks := range []sso.Asks{sso.AsksAddress, sso.AsksCaptcha, sso.AsksCode, sso.AsksConsent} {
		for _, site := range []sso.Site{"https://app.test", "app.test:"} {
			s := step{Login: sso.Login{Asks: asks, State: "s", Site: site, Address: "alice@example.org", Captcha: captcha, User: matrix.UserID("@alice:hs.test")},
				Action: "/login", Browser: browser{Name: "Firefox", System: "Linux"}, Trouble: trouble{Is: tooOften}}
			all[fmt.Sprintf("login %s %s", asks, site)] = func(c echo.Context) error { return pages.drawLogin(c, 200, s) }
		}
	}
	for _, is := range []kind{sessionOver, loginOver, badRedirect, foreignForm, tooLarge, missing, tooManyTries, away, serverFault, badRequest} {
		all["problem "+string(is)] = func(c echo.Context) error {
			return pages.drawProblem(c, 400, problem{Is: is, Wait: time.Minute})
		}
	}
	return all
}

// same are the words that are the same in English.
var same = map[locale.Language][]string{
	locale.German: {"Code"}, locale.French: {"Code"}, locale.Italian: {"Password"}, locale.Portuguese: {},
}

// No page of any language has words in English left, whether they stand in a template or have
// been forgotten in the phrases.
func TestEveryPageIsInEveryLanguage(t *testing.T) {
	english := map[string]bool{}
	for _, l := range locale.Languages() {
		for name, d := range everything() {
			a := get(t, "/page?session=x", l.String(), d)
			root := a.all("html")[0]
			if got := attr(root, "lang"); got != l.String() || attr(root, "dir") != l.Direction() || a.Header.Get("Content-Language") != got || a.Header.Get("Vary") != "Accept-Language" {
				t.Errorf("%s for a reader of %v is in %q, from %s, with the header %v", name, l, got, attr(root, "dir"), a.Header)
			}
			for _, text := range a.texts() {
				switch {
				case l == locale.English:
					english[text] = true
				case english[text] && !slices.Contains(same[l], text):
					t.Errorf("%s in %v says %q, as in English", name, l, text)
				}
			}
		}
	}
}

// Pages can be read by those who do not see them, and by those who use no mouse.
func TestPagesForEverybody(t *testing.T) {
	for name, d := range everything() {
		a := get(t, "/page", "en", d)
		ids := map[string]bool{}
		for n := range a.doc.Descendants() {
			if id := attr(n, "id"); id != "" && ids[id] {
				t.Errorf("%s: two are called %q", name, id)
			} else if id != "" {
				ids[id] = true
			}
		}
		if len(a.all("h1")) != 1 || len(a.all("main")) != 1 || a.all("title")[0].FirstChild == nil {
			t.Errorf("%s has not one heading, one main part and a title", name)
		}
		for n := range a.doc.Descendants() {
			for id := range strings.FieldsSeq(attr(n, "aria-describedby") + " " + attr(n, "aria-labelledby") + " " + attr(n, "for")) {
				if !ids[id] {
					t.Errorf("%s: there is no %q that a %s names", name, id, n.Data)
				}
			}
			if attr(n, "style") != "" || strings.HasPrefix(attr(n, "href"), "javascript:") || n.Data == "i" {
				t.Errorf("%s has a %s with %v", name, n.Data, n.Attr)
			}
		}
		labels := a.all("label")
		for _, n := range a.all("input") {
			named := slices.ContainsFunc(labels, func(l *html.Node) bool { return attr(l, "for") == attr(n, "id") })
			if hidden := attr(n, "type") == "hidden" || attr(n, "name") == "username"; !named && !hidden {
				t.Errorf("%s: the field %v has no label", name, n.Attr)
			}
		}
	}
}

// What was chosen outweighs what the browser asks for, and goes along with the form.
func TestTheLanguageOfAPage(t *testing.T) {
	stage := func(c echo.Context) error {
		_, err := c.FormParams()
		if err != nil {
			return err
		}
		return pages.drawStage(c, 200, form{Name: account.StageDummy, Operation: "register"})
	}
	for _, tt := range []struct {
		method, query, form, accept string
		want                        locale.Language
	}{
		{"GET", "", "", "", locale.English},
		{"GET", "", "", "de-CH,fr;q=0.5", locale.German},
		{"GET", "lang=ar", "", "de", locale.Arabic},
		{"GET", "lang=qqq", "", "it", locale.Italian},
		{"GET", "lang=" + strings.Repeat("x", 5000), "", "ja", locale.Japanese},
		{"GET", "lang=%22%3E%3Cscript%3E", "", "", locale.English},
		{"POST", "", "lang=ru", "de", locale.Russian},
		{"POST", "lang=zh", "lang=pt", "de", locale.Portuguese},
	} {
		r := httptest.NewRequest(tt.method, "/page?"+tt.query, strings.NewReader(tt.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept-Language", tt.accept)
		a := read(t, r, stage)
		if got := attr(a.all("html")[0], "lang"); got != tt.want.String() {
			t.Errorf("%s ?%.40s with %q for %q is in %q, want %v", tt.method, tt.query, tt.form, tt.accept, got, tt.want)
		}
		for _, field := range a.all("input") {
			if attr(field, "name") == "lang" && attr(field, "value") != tt.want.String() {
				t.Errorf("the form goes on in %q, want %v", attr(field, "value"), tt.want)
			}
		}
	}
}

// The menu leads to the same page in each language, by its own name; the answer to a form that
// has no address of its own has none.
func TestTheMenuOfLanguages(t *testing.T) {
	login := everything()["login address app.test:"]
	a := get(t, "/page?redirectUrl=https%3A%2F%2Fapp.test%2F%3Fa%26b&lang=fr", "de", login)
	links := a.all("a")
	if len(links) != len(locale.Languages()) {
		t.Fatalf("the menu has %d languages", len(links))
	}
	for i, l := range locale.Languages() {
		query, err := url.ParseQuery(strings.TrimPrefix(attr(links[i], "href"), "?"))
		if err != nil || query.Get("lang") != l.String() || query.Get("redirectUrl") != "https://app.test/?a&b" || len(query) != 2 {
			t.Errorf("%v leads to %q, %v", l, attr(links[i], "href"), err)
		}
		if links[i].FirstChild.Data != l.Name() || attr(links[i], "lang") != l.String() || (attr(links[i], "aria-current") == "true") != (l == locale.French) {
			t.Errorf("%v is offered as %v", l, links[i].Attr)
		}
	}
	if a := read(t, httptest.NewRequest(http.MethodPost, "/page", nil), login); len(a.all("nav")) != 0 {
		t.Error("the answer of a form has a menu of languages, which would ask for what has no address")
	}
	stage := everything()["m.login.email.identity "]
	if a := read(t, httptest.NewRequest(http.MethodPost, "/page?session=x", nil), stage); len(a.all("nav")) != 1 {
		t.Error("a stage, which has its address, has no menu of languages after a form")
	}
}
