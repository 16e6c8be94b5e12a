package webclient_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// visitor is somebody at the web client, in a Chromium without a past that knows no host but
// this one.
type visitor struct {
	*testing.T
	servers *servers
	ctx     context.Context
	faults  *faults
}

// faults is what the browser complains of, and what it asked of others.
type faults struct {
	mu   sync.Mutex
	list []string
}

func (f *faults) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

func newVisitor(t *testing.T, s *servers) *visitor {
	t.Helper()
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "no-pings", "dns-prefetch-disable", "no-proxy-server", "disable-dev-shm-usage", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // for a browser that hangs
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	v := &visitor{T: t, servers: s, faults: new(faults)}
	v.ctx, cancel = chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		v.faults.mu.Lock()
		defer v.faults.mu.Unlock()
		for _, fault := range v.faults.list {
			t.Error(fault)
		}
	})
	v.must(chromedp.Listen(v.ctx, v.listen))
	_, err := chromedp.Call(v.ctx, audits.Enable, cdp.Empty{})
	v.must(err)
	_, err = chromedp.Call(v.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	v.must(err)
	return v
}

// answered is what the browser says of a refusal that a page can be shown: it is no fault of the page's.
var answered = regexp.MustCompile(`the server responded with a status of (4|502)`)

func (v *visitor) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		v.faults.add("exception: %v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		v.faults.add("console: %v", e.Args)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !answered.MatchString(e.Entry.Text) {
			v.faults.add("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			v.faults.add("the content policy is violated: %+v", e.Issue.Details.ContentSecurityPolicyIssueDetails)
		}
	case *network.EventRequestWillBeSent:
		// The browser's own player is drawn with pictures that stand in their addresses.
		if url := e.Request.URL; !strings.HasPrefix(url, v.servers.url+"/") && !strings.HasPrefix(url, v.servers.identity+"/") && !strings.HasPrefix(url, "data:image/svg+xml;") {
			v.faults.add("the page asks for %s", url)
		}
	}
}

func (v *visitor) must(err error) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
}

// goes opens the page of a place.
func (v *visitor) goes(place string) {
	v.Helper()
	v.must(chromedp.Do(v.ctx, chromedp.Navigate(v.servers.url+"/#"+place)))
}

// evaluate asks the page by a script of the test's.
func evaluate[T any](v *visitor, script string) T {
	v.Helper()
	answer, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](script))
	v.must(err)
	return answer
}

// do waits until something can be done, and fails with what the window shows when that takes
// too long.
func (v *visitor) do(element string, action chromedp.Action[chromedp.Void]) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, 2*time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, action)
	if err == nil {
		return
	}
	v.keep("failed")
	v.Fatalf("waiting for %s: %v; the window says\n%s", element, err, evaluate[string](v, `document.body.innerText`))
}

// fills writes into the field whose label begins so.
func (v *visitor) fills(label, keys string) {
	v.Helper()
	field := `//input[@id=//label[starts-with(normalize-space(),"` + label + `")]/@for]`
	v.do(field, chromedp.SendKeys(field, keys))
}

// empties takes away what stands in the field that has the focus.
func (v *visitor) empties() {
	v.Helper()
	evaluate[bool](v, `document.activeElement.value = "", true`)
}

// presses is for buttons, links and boxes.
func (v *visitor) presses(text string) {
	v.Helper()
	element := `//*[self::button or self::a or self::label][normalize-space()="` + text + `"]`
	v.do(element, chromedp.Query(element, chromedp.NodeVisible, chromedp.After(press)))
}

// press is a click wherever the element is by now.
func press(ctx context.Context, t *chromedp.Target, nodes []*chromedp.Node) error {
	node, err := cdp.Call(ctx, t, dom.ResolveNode, dom.ResolveNodeParams{NodeID: nodes[0].NodeID})
	if err != nil {
		return err
	}
	_, err = cdp.Call(ctx, t, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		ObjectID: node.Object.ObjectID, FunctionDeclaration: `function() { this.click() }`, UserGesture: new(true),
	})
	return err
}

// reads waits for a text.
func (v *visitor) reads(text string) {
	v.Helper()
	element := `//main//*[contains(normalize-space(),"` + text + `") and not(*[contains(normalize-space(),"` + text + `")])]`
	v.do(element, chromedp.WaitVisible(element))
}

// looks holds the page against what all of them promise, wide and narrow, light and dark, and keeps
// pictures where those are wanted.
func (v *visitor) looks(name string) {
	v.Helper()
	if nameless := evaluate[int](v, `[...document.querySelectorAll("input, audio, img, button, a")]
		.filter((e) => !(e.labels?.length || e.ariaLabel || e.hasAttribute("alt") || e.textContent.trim())).length`); nameless > 0 {
		v.Errorf("%d elements of the page %s have no name", nameless, name)
	}
	if headings := evaluate[int](v, `document.querySelectorAll("h1").length`); headings != 1 {
		v.Errorf("the page %s has %d headings of the first rank, want one", name, headings)
	}
	for _, view := range []struct {
		width  int64
		scheme string
	}{{1100, "light"}, {320, "dark"}} {
		v.must(chromedp.Do(v.ctx, chromedp.EmulateViewport(view.width, 720)))
		_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}},
		})
		v.must(err)
		if over := evaluate[int](v, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			v.Errorf("the page %s is %d pixels too wide at %d", name, over, view.width)
		}
		v.keep(fmt.Sprintf("%s-%s-%d", name, view.scheme, view.width))
	}
	v.must(chromedp.Do(v.ctx, chromedp.ResetViewport()))
}

func (v *visitor) keep(name string) {
	v.Helper()
	folder := os.Getenv("SIGNET_TEST_ARTIFACTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	v.must(err)
	v.must(os.WriteFile(filepath.Join(folder, "webclient-"+name+".png"), png, 0o600))
}
