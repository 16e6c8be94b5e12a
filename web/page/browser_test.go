package page_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/web/page"
)

// The browser stories run where SIGNET_TEST_CHROMIUM holds the path of a Chromium, as
// script/test arranges. They leave pictures in the folder SIGNET_TEST_ARTIFACTS.
const (
	chromiumPath   = "SIGNET_TEST_CHROMIUM"
	artifactFolder = "SIGNET_TEST_ARTIFACTS"
)

func TestInTheBrowser(t *testing.T) {
	chromium := os.Getenv(chromiumPath)
	if chromium == "" {
		t.Skip(chromiumPath + " names no browser")
	}
	running := runChromium(t, chromium)
	for name, story := range map[string]func(b *browser){
		"by code":    byCode,
		"by link":    byLink,
		"by mistake": byMistake,
		"mailbox":    mailboxStory,
		"language":   languageStory,
		"CAPTCHA":    captchaStory,
		"not me":     notMeStory,
		"invitation": invitationStory,
		"owner":      ownerStory,
		"history":    historyStory,
	} {
		for _, reader := range []struct {
			language locale.Language
			scripts  bool
		}{{locale.English, true}, {locale.English, false}, {locale.German, true}, {locale.Arabic, true}} {
			t.Run(fmt.Sprintf("%s, %v, scripts %t", name, reader.language, reader.scripts), func(t *testing.T) {
				t.Parallel() // most of a story is waiting for frames
				b := openBrowser(t, running, reader.scripts)
				b.reader = reader.language
				story(b)
			})
		}
	}
}

// runChromium starts a browser for all stories, and waits until it is there.
func runChromium(t *testing.T, chromium string) context.Context {
	t.Helper()
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), loopbackOnly(t, chromium)...)
	t.Cleanup(cancel)
	running, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(running); err != nil {
		t.Fatal(err)
	}
	return running
}

// browser is a window of Chromium that shares nothing with others, at a fresh server.
type browser struct {
	*world
	ctx     context.Context
	scripts bool
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

func openBrowser(t *testing.T, running context.Context, scripts bool) *browser {
	t.Helper()
	var box *deliver.Mailbox
	options := withMailbox(t, &box)
	if !strings.Contains(t.Name(), "mailbox") && !strings.Contains(t.Name(), "CAPTCHA") {
		options = func(o *page.Options) {
			o.Terms = []page.TermsLink{{Title: "Privacy policy", URL: "https://example.org/privacy"}}
		}
	}
	b := &browser{world: newWorld(t, options), scripts: scripts, faults: new(faults)}
	ctx, cancel := context.WithTimeout(running, 10*time.Minute) // for a browser that hangs
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(func() {
		cancel()
		b.faults.mu.Lock()
		defer b.faults.mu.Unlock()
		for _, fault := range b.faults.list {
			t.Error(fault)
		}
	})
	b.must(chromedp.Listen(b.ctx, b.listen))
	_, err := chromedp.Call(b.ctx, audits.Enable, cdp.Empty{})
	b.must(err)
	_, err = chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.must(err)
	_, err = chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	b.must(err)
	return b
}

// loopbackOnly starts a browser without a past that knows no host but this one, and
// does none of what browsers do by themselves.
func loopbackOnly(t *testing.T, chromium string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("disable-features", "IsolateSandboxedIframes,MediaRouter,OptimizationHints,Translate,AutofillServerCommunication,CertificateTransparencyComponentUpdater"),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-default-apps",
		"disable-domain-reliability", "disable-extensions", "disable-client-side-phishing-detection",
		"metrics-recording-only", "no-pings", "dns-prefetch-disable", "no-proxy-server", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	return options
}

func (b *browser) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.faults.add("exception: %v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		b.faults.add("console: %v", e.Args)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of 4") {
			b.faults.add("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			b.faults.add("the content policy is violated: %+v", e.Issue.Details.ContentSecurityPolicyIssueDetails)
		}
	case *network.EventRequestWillBeSent:
		// The browser's own player is drawn with pictures that stand in their addresses.
		if !strings.HasPrefix(e.Request.URL, b.srv.URL+"/") && !strings.HasPrefix(e.Request.URL, "data:image/svg+xml;") {
			b.faults.add("the page asks for %s", e.Request.URL)
		}
	}
}

func (b *browser) open(address string) {
	b.Helper()
	b.must(chromedp.Do(b.ctx, chromedp.Navigate(address)))
	b.settles()
}

// settles waits until the focus is where the page puts it, which a browser does with the
// first frame that it draws, some time after the page is there.
func (b *browser) settles() {
	b.Helper()
	b.until(`[...document.querySelectorAll("[autofocus]")].every(e => e === document.activeElement)`)
}

// until waits until something is so on the page.
func (b *browser) until(script string) {
	b.Helper()
	b.await(script, func() bool { return evaluate[bool](b, script) })
}

// await waits for what the browser does in its own time, which is at an end when it hangs.
func (b *browser) await(what string, is func() bool) {
	b.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("in vain waited until %s", what)
		}
	}
}

// evaluate asks the page by a script of the test's, which runs in any case.
func evaluate[T any](b *browser, script string) T {
	b.Helper()
	answer, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	b.must(err)
	return answer
}

// types presses keys, and follows where that leads.
func (b *browser) types(keys string) {
	b.Helper()
	_, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(keys))
	b.must(err)
	b.settles()
}

// focus is the id of what has the focus, or its text where it has no id.
func (b *browser) focus() string {
	b.Helper()
	return evaluate[string](b, `document.activeElement.id || document.activeElement.textContent.trim()`)
}

// tabTo presses Tab until the focus is on an element, by its id or text.
func (b *browser) tabTo(want string) {
	b.Helper()
	var passed []string
	for range 40 {
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Tab)))
		at := b.focus()
		if at == want {
			b.focusIsSeen(want)
			return
		}
		passed = append(passed, at)
	}
	b.Fatalf("Tab does not lead to %q, but to %q", want, passed)
}

func (b *browser) focusIsSeen(at string) {
	b.Helper()
	style := evaluate[string](b, `getComputedStyle(document.activeElement).outline`)
	if !strings.Contains(style, "solid 3px") {
		b.Errorf("the focus on %q is drawn as %q", at, style)
	}
}

// reads checks the heading of the page, and that it has one.
func (b *browser) reads(heading string) {
	b.Helper()
	got := evaluate[string](b, `document.querySelector("h1").textContent`)
	if !strings.Contains(got, heading) {
		b.Fatalf("the page is headed %q, want %q", got, heading)
	}
}

func (b *browser) isValidated(want int) {
	b.Helper()
	if got := b.validated(); got != want {
		b.Fatalf("%d sessions are validated, want %d", got, want)
	}
}

// views are the lights and widths in which a page is looked at, each in the languages that
// need most room there: drawing them takes most of the time.
var views = []struct {
	width   int64
	scheme  string
	readers []locale.Language
}{
	{1280, "light", []locale.Language{locale.English}},
	{360, "dark", []locale.Language{locale.English, locale.Arabic}},
	{320, "light", []locale.Language{locale.English, locale.German}},
}

// picture looks at the page in the lights and widths of its language, where nothing may
// stick out.
func (b *browser) picture(name string) {
	b.Helper()
	if !b.scripts {
		return // it looks the same
	}
	for _, view := range views {
		if !slices.Contains(view.readers, b.reader) {
			continue
		}
		b.must(chromedp.Do(b.ctx, chromedp.EmulateViewport(view.width, 800)))
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}},
		})
		b.must(err)
		if over := evaluate[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			b.Errorf("the page %s is %d pixels too wide at %d", name, over, view.width)
		}
		// A frame is drawn only where it is in view, so the view takes in the whole page.
		height := evaluate[int64](b, `document.documentElement.scrollHeight`)
		b.must(chromedp.Do(b.ctx, chromedp.EmulateViewport(view.width, height)))
		b.keep(fmt.Sprintf("page-%s-%v-%s-%d.png", name, b.reader, view.scheme, view.width))
	}
	b.must(chromedp.Do(b.ctx, chromedp.ResetViewport()))
}

func (b *browser) keep(file string) {
	b.Helper()
	folder := os.Getenv(artifactFolder)
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	b.must(err)
	b.must(os.WriteFile(filepath.Join(folder, url.PathEscape(file)), png, 0o600))
}
