package endtoend

import (
	"os"
	"path"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Anna signs up at her homeserver, makes a room and invites Ben, who is at another; they
// talk, each in a browser, with the web client that their homeservers serve.
func TestWebClient(t *testing.T) {
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	t.Parallel()
	onEachDemo(t, func(t *testing.T, d *demo) {
		anna := visitor{openBrowser(t, chromium), d}
		anna.open(d.links[0]) // so that there is a browser
		annas, bens := d.links[0], d.links[1]

		anna.signsUp(annas+"#/signup", "anna")
		ben := visitor{anna.another(), d}
		ben.signsUp(bens+"#/signup", "ben")
		anna.presses("Make a room")
		anna.fills("Name of the room", "Kitchen"+kb.Enter)
		anna.fills("E-mail address, phone", ben.id()+kb.Enter)
		ben.reads("invites you to Kitchen")
		ben.presses("Accept")
		anna.reads("ben joined")

		anna.says("Shall we have tea at four?")
		ben.reads("Shall we have tea at four?")
		ben.says("<b>Four</b> & not a minute later.")
		anna.reads("<b>Four</b> & not a minute later.")
		anna.picture("webclient-anna.png")
		ben.picture("webclient-ben.png")

		anna.presses("Log out")
		anna.reads("Forgot the password?")
		anna.fills("User name, e-mail", "anna")
		anna.fills("Password", clientPassword+kb.Enter)
		anna.presses("Kitchen")
		anna.reads("Four")
	})
}

// visitor is somebody at a web client of the demo.
type visitor struct {
	*browser
	demo *demo
}

func (v visitor) signsUp(page, name string) {
	v.Helper()
	v.must(chromedp.Do(v.ctx, chromedp.EmulateViewport(1100, 720)))
	v.open(page)
	v.fills("User name", name)
	v.fills("Password", clientPassword+kb.Enter)
	v.reads("Are you a person?")
	v.fills("Digits", v.captcha()+kb.Enter)
	v.reads("Hello, @" + name)
}

// captcha is the answer to the picture of the page, as the development mailbox tells it.
func (v visitor) captcha() string {
	v.Helper()
	picture, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.querySelector("img.picture").src`))
	v.must(err)
	id := path.Base(path.Dir(picture))
	return v.mailbox(`[...document.querySelectorAll(".solved li")].find((li) => li.textContent.includes("` + id + `"))?.querySelector("strong").textContent ?? ""`)
}

// mailbox opens the development mailbox in another window until a script finds there what is
// to come.
func (v visitor) mailbox(script string) string {
	v.Helper()
	window := v.another()
	for range 300 {
		window.open(v.demo.links[2])
		found, err := chromedp.Run(window.ctx, chromedp.Evaluate[string](script))
		v.must(err)
		if found != "" {
			return found
		}
		time.Sleep(100 * time.Millisecond) // another process has no signal to give
	}
	v.Fatalf("the mailbox has nothing by %s", script)
	return ""
}

// id is what the page calls its user.
func (v visitor) id() string {
	v.Helper()
	id, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.querySelector("#menu a").textContent`))
	v.must(err)
	return id
}

// fills writes into the field whose label begins so.
func (v visitor) fills(label, keys string) {
	v.Helper()
	v.writes(`//input[@id=//label[starts-with(normalize-space(),"`+label+`")]/@for]`, keys)
}

// presses is for buttons and links.
func (v visitor) presses(text string) {
	v.Helper()
	v.clicks(`//*[self::button or self::a][normalize-space()="` + text + `"]`)
}

// reads waits for a text.
func (v visitor) reads(text string) {
	v.Helper()
	v.sees(`//main//*[contains(normalize-space(),"` + text + `") and not(*[contains(normalize-space(),"` + text + `")])]`)
}

func (v visitor) says(text string) {
	v.Helper()
	v.writes(`.write input`, text+kb.Enter)
}
