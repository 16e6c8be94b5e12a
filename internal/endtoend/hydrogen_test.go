package endtoend

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Alice and Bob talk in an encrypted room, each with Hydrogen in a browser.
func TestHydrogen(t *testing.T) {
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	modules := nodeModules(t)
	t.Parallel()
	hs := newHomeserver(t, sqlite)
	hs.register("alice")
	hs.register("bob")
	page := serveHydrogen(t, hs, modules) + "/hydrogen.html?" + hs.url

	alice := hydrogen{openBrowser(t, chromium)}
	alice.logsIn(page, "alice")
	bob := hydrogen{alice.another()}
	bob.logsIn(page, "bob")

	alice.clicks(`.LeftPanel .create`)
	alice.clicks(`//button[text()="Create Room"]`)
	alice.writes(`#name`, "Kitchen"+kb.Enter)
	alice.clicks(listed)
	alice.sees(`.RoomView`)
	alice.goes("/invite")
	alice.writes(`.InvitePanelView__input`, "@bob:"+hs.name+kb.Enter)
	bob.clicks(listed)
	bob.clicks(`//button[text()="Accept"]`)
	bob.sees(`.RoomView textarea[placeholder*="encrypted"]`)
	alice.sees(`//*[contains(text(),"@bob:` + hs.name + ` joined the room")]`)

	alice.says("Can you read this?")
	bob.hears("Can you read this?")
	bob.says("Every word.")
	alice.hears("Every word.")
	hs.knowsNothing("Can you read this?", "Every word.")
	alice.picture("hydrogen-alice.png")
	bob.picture("hydrogen-bob.png")
}

// register makes an account for Hydrogen, which makes none.
func (p *homeserver) register(name string) {
	p.Helper()
	account := map[string]any{
		"username":      name,
		"password":      clientPassword,
		"auth":          map[string]any{"type": "m.login.dummy"},
		"inhibit_login": true,
	}
	if r := p.call("POST", "/_matrix/client/v3/register", "", account); !r.ok() {
		p.Fatalf("registering %s: %d %v %v", name, r.status, r.body, r.failed)
	}
}

// serveHydrogen bundles the client and serves its page, which may ask nobody but the
// homeserver.
func serveHydrogen(t *testing.T, hs *homeserver, modules string) (url string) {
	t.Helper()
	folder := scripts(t, modules)
	// What is external is part of Node, and not asked for in a browser.
	hs.tell(folder, filepath.Join(modules, ".bin", "node"), filepath.Join(modules, "esbuild", "bin", "esbuild"), "hydrogen.mjs", "--bundle",
		"--format=esm", "--outfile=hydrogen.js", "--external:crypto", "--external:fs", "--external:path", "--log-level=warning")
	if err := os.Symlink("node_modules/hydrogen-view-sdk/lib-build/sw.js", filepath.Join(folder, "sw.js")); err != nil {
		t.Fatal(err) // a service worker stands beside its page
	}
	policy := strings.Join([]string{
		"default-src 'self'",
		"connect-src 'self' " + hs.url,
		"img-src 'self' data: blob:",
		"script-src 'self' 'wasm-unsafe-eval'",
		"style-src 'self' 'unsafe-inline'",
	}, "; ")
	files := http.FileServer(http.Dir(folder))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// listed is the room in the list, or the invitation to it, once it has an id.
const listed = `.LeftPanel a[href*="!"]`

// hydrogen is the client in the window of one person.
type hydrogen struct{ *browser }

func (h hydrogen) logsIn(page, name string) {
	h.Helper()
	h.must(chromedp.Do(h.ctx, chromedp.EmulateViewport(1100, 700))) // where the list and the room stand side by side
	h.open(page)
	h.writes(`#username`, name)
	h.writes(`#password`, clientPassword+kb.Enter)
	h.sees(`.LeftPanel`)
}

// goes leads to a place below that where the window is.
func (h hydrogen) goes(place string) {
	h.Helper()
	_, err := chromedp.Run(h.ctx, chromedp.Evaluate[string](`location.hash += "`+place+`"`))
	h.must(err)
}

func (h hydrogen) says(text string) {
	h.Helper()
	h.writes(`.MessageComposer textarea`, text+kb.Enter)
}

// hears waits for the text of somebody else's message.
func (h hydrogen) hears(text string) {
	h.Helper()
	h.sees(`//li[contains(@class,"Timeline_message") and not(contains(@class,"own"))]//*[contains(text(),"` + text + `")]`)
}
