package endtoend

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A person opens the page of the real server in a real browser, and verifies one
// address by the code and another by the mailed link; then she sees what the log has about
// one of them, and that the server has verified it.
func TestInTheBrowser(t *testing.T) {
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	onEachEngine(t, func(t *testing.T, p *pair) {
		b := openBrowser(t, chromium)
		b.open(p.id.url)
		b.types("email", "alice@example.org"+kb.Enter)
		b.reads("Check your e-mail")
		b.types("code", p.code("alice@example.org")+kb.Enter)
		b.reads("Address verified")
		b.picture("real-server-by-code.png")

		b.open(p.id.url)
		b.types("email", "bob@example.org"+kb.Enter)
		b.reads("Check your e-mail")
		p.code("bob@example.org") // stands beside the link
		b.open(string(linkPattern.Find([]byte(p.newestMail("bob@example.org")))))
		b.reads("Is this your address?")
		b.types("button", kb.Enter)
		b.reads("Address verified")
		b.picture("real-server-by-link.png")

		b.open(p.id.url + "/_signet/owner")
		b.types("email", "carol@example.org"+kb.Enter)
		b.reads("Check your e-mail")
		b.types("code", p.code("carol@example.org")+kb.Enter)
		b.reads("Your address")
		b.says("There is nothing about this address in the log, and that was checked.")
		b.says("idserver audit " + p.id.url + "/_signet/v1/keys/log/users --key ")
		b.picture("real-server-history.png")
	})
}

// browser is a Chromium without a past that knows no host but this one.
type browser struct {
	*testing.T
	ctx context.Context
}

func openBrowser(t *testing.T, chromium string) *browser {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "no-pings", "dns-prefetch-disable", "no-proxy-server", "disable-dev-shm-usage"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // for one that hangs
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	b := &browser{T: t}
	b.ctx, cancel = chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	return b
}

func (b *browser) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *browser) open(url string) {
	b.Helper()
	b.must(chromedp.Do(b.ctx, chromedp.Navigate(url)))
}

// types puts the focus on an element, by its id or else its kind, presses keys, and
// follows where that leads.
func (b *browser) types(element, keys string) {
	b.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](
		`(document.getElementById("`+element+`") || document.querySelector("main `+element+`")).focus(), true`))
	b.must(err)
	_, err = chromedp.RunResponse(b.ctx, chromedp.KeyEvent(keys))
	b.must(err)
}

// reads checks the heading of the page.
func (b *browser) reads(heading string) {
	b.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("h1").textContent`))
	b.must(err)
	if !strings.Contains(got, heading) {
		b.Fatalf("the page is headed %q, want %q", got, heading)
	}
}

// says checks that the page has those words.
func (b *browser) says(text string) {
	b.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("main").textContent`))
	b.must(err)
	if !strings.Contains(got, text) {
		b.Errorf("the page does not say %q, but\n%s", text, got)
	}
}

// picture keeps what the person sees, where pictures are wanted.
func (b *browser) picture(name string) {
	b.Helper()
	folder := os.Getenv("SIGNET_TEST_ARTIFACTS")
	if folder == "" {
		return
	}
	_, err := chromedp.Call(b.ctx, page.BringToFront, cdp.Empty{}) // or it has nothing to show
	b.must(err)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.must(err)
	b.must(os.WriteFile(filepath.Join(folder, name), png, 0o600))
}

// another is the window of another person, who has nothing in common with the first.
func (b *browser) another() *browser {
	other, end := b.window()
	b.Cleanup(end)
	return other
}

// window is another one until it ends.
func (b *browser) window() (other *browser, end func()) {
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	return &browser{T: b.T, ctx: ctx}, cancel
}

// clicks, writes and sees wait for an element, by a CSS selector or XPath.
func (b *browser) clicks(element string) {
	b.Helper()
	b.do(element, chromedp.Query(element, chromedp.NodeVisible, chromedp.After(press)))
}

// press is a click wherever the element is by now: what comes in beside it moves it.
func press(ctx context.Context, t *chromedp.Target, nodes []*chromedp.Node) error {
	node, err := cdp.Call(ctx, t, dom.ResolveNode, dom.ResolveNodeParams{NodeID: nodes[0].NodeID})
	if err != nil {
		return err
	}
	_, err = cdp.Call(ctx, t, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: node.Object.ObjectID, FunctionDeclaration: `function() { this.click() }`})
	return err
}

func (b *browser) writes(element, keys string) {
	b.Helper()
	b.do(element, chromedp.SendKeys(element, keys))
}

func (b *browser) sees(element string) { b.Helper(); b.do(element, chromedp.WaitVisible(element)) }

// do fails with what the window shows when it takes too long.
func (b *browser) do(element string, action chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, action)
	if err == nil {
		return
	}
	b.picture(strings.ReplaceAll(b.Name(), "/", "-") + "-failed.png")
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	b.Fatalf("waiting for %s: %v; the window says\n%s", element, err, text)
}
