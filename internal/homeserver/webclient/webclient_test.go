package webclient_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/internal/homeserver/webclient"
	"signet/internal/mxhttp"
)

// world is a server of the client.
type world struct {
	*testing.T
	http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c, err := webclient.New(webclient.Options{ServerName: "hs.test", PublicURL: "https://hs.test", IdentityServer: "https://id.test"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := mxhttp.New(mxhttp.Options{}, c.Routes())
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, h}
}

func (w *world) get(path string) (*http.Response, string) {
	w.Helper()
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	response := recorder.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return response, string(body)
}

// addresses are what the page loads.
func (w *world) addresses() (found []string) {
	w.Helper()
	_, body := w.get("/")
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "src" || (a.Key == "href" && n.Data == "link") {
				found = append(found, a.Val)
			}
		}
	}
	return found
}

// The page runs its own script, and no more: not what stands in it, not what others wrote.
func TestThePolicyOfThePage(t *testing.T) {
	w := newWorld(t)
	page, body := w.get("/")
	if page.StatusCode != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the page is %d %v", page.StatusCode, page.Header)
	}
	want := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https://hs.test https://id.test; " +
		"media-src 'self' https://hs.test https://id.test; connect-src 'self' https://hs.test https://id.test; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	if got := page.Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("its policy is\n%s, want\n%s", got, want)
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "",
		"Cross-Origin-Opener-Policy": "same-origin-allow-popups", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(body, `data-server="hs.test" data-identity="https://id.test"`) {
		t.Errorf("the page does not say whose it is:\n%s", body)
	}
}

var imported = regexp.MustCompile(`from "\./([a-z]+\.js)"`)

// loads is all that the page loads, and what that loads, by its address.
func (w *world) loads() map[string]string {
	w.Helper()
	queue, loaded := w.addresses(), map[string]string{}
	for len(queue) > 0 {
		address := queue[0]
		queue = queue[1:]
		if _, again := loaded[address]; again {
			continue
		}
		file, body := w.get(address)
		if file.StatusCode != 200 || file.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
			file.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			w.Errorf("%s is %d %v", address, file.StatusCode, file.Header)
		}
		loaded[address] = body
		for _, m := range imported.FindAllStringSubmatch(body, -1) {
			queue = append(queue, address[:strings.LastIndex(address, "/")+1]+m[1])
		}
	}
	return loaded
}

// All that the page loads is there, and nothing else is.
func TestWhatThePageLoads(t *testing.T) {
	w := newWorld(t)
	files, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	if loaded := w.loads(); len(loaded) != len(files) { // without the page itself, with the icon
		t.Errorf("the page loads %v, and not all of %v", slices.Sorted(maps.Keys(loaded)), files)
	}
	style := w.addresses()[0]
	for _, nothing := range []string{"/_signet/web/0123456789abcdef/app.js", "/_signet/web/app.js", "/index.html", style + "x",
		strings.Replace(style, "style.css", "index.html", 1), strings.Replace(style, "style.css", "..%2fstyle.css", 1)} {
		if got, _ := w.get(nothing); got.StatusCode != 404 {
			t.Errorf("GET %s = %d, want 404", nothing, got.StatusCode)
		}
	}
}

// htmlOfText is how script makes HTML, or runs text.
var htmlOfText = regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment|\beval\(|\bFunction\(|javascript:|https?://[a-z]`)

// The script makes no HTML of text, and names no host.
func TestTheScriptMakesNoHTML(t *testing.T) {
	w := newWorld(t)
	size := 0
	for address, body := range w.loads() {
		if !strings.HasSuffix(address, ".js") {
			continue
		}
		size += len(body)
		if found := htmlOfText.FindString(body); found != "" {
			t.Errorf("%s has %q", address, found)
		}
	}
	if size == 0 || size > 68<<10 {
		t.Errorf("the script has %d octets, want at most 68 KiB: it is to be a small client", size)
	}
}

// What would open the policy to others is refused.
func TestAddressesThatAreNone(t *testing.T) {
	for _, bad := range []string{"id.test", "javascript:alert(1)", "https://", "https://id.test;script-src", "https://id.test script", "ftp://id.test"} {
		for _, o := range []webclient.Options{{PublicURL: bad}, {PublicURL: "https://hs.test", IdentityServer: bad}} {
			if _, err := webclient.New(o); err == nil {
				t.Errorf("New(%+v) accepts it", o)
			}
		}
	}
	if _, err := webclient.New(webclient.Options{ServerName: "hs.test", PublicURL: "https://hs.test"}); err != nil {
		t.Errorf("without an identity server: %v", err)
	}
}

// A name cannot become more than a name.
func TestTheNameIsText(t *testing.T) {
	c, err := webclient.New(webclient.Options{ServerName: `"><script>`, PublicURL: "https://hs.test"})
	if err != nil {
		t.Fatal(err)
	}
	h, err := mxhttp.New(mxhttp.Options{}, c.Routes())
	if err != nil {
		t.Fatal(err)
	}
	if _, body := (&world{t, h}).get("/"); strings.Contains(body, `"><script>`) {
		t.Errorf("the page has it as HTML:\n%s", body)
	}
}
