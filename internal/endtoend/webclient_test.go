package endtoend

import (
	"encoding/json"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The demo's story: Anna signs up at her homeserver, makes a room and invites Ben by his
// e-mail address. He follows the link of the message, signs up at another homeserver, by one code
// for that and to be found by that address, which brings the invitation, and they talk: each in a browser,
// with the web client that their homeservers serve.
func TestWebClient(t *testing.T) {
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	t.Parallel()
	onEachDemo(t, func(t *testing.T, d *demo) {
		anna := newVisitor(openBrowser(t, chromium), d)
		anna.open(d.links[0])
		anna.presses("Sign up")
		anna.signsUp("anna", "anna@example.org", false)
		anna.presses("Make a room")
		anna.fills("Name of the room", "Kitchen"+kb.Enter)
		anna.fills("E-mail address, phone", "ben@example.org"+kb.Enter)
		anna.reads(", who gets a message")

		ben := newVisitor(anna.another(), d)
		ben.open(ben.mail("ben@example.org", `/https?:\S*\/invitation#\S+/`))
		ben.clicks(`#invitation button`)
		ben.sees(`a.button`)
		ben.picture("webclient-invitation.png")
		ben.clicks(`a.button`)
		ben.signsUp("ben", "ben@example.org", true)
		ben.reads("You can be found")
		ben.presses("To your rooms")
		ben.reads("invites you to Kitchen")
		ben.picture("webclient-invited.png")
		ben.presses("Accept")
		anna.reads("ben joined")

		anna.says("Welcome! Shall we have tea at four?")
		ben.reads("Welcome! Shall we have tea at four?")
		ben.says("Four it is, and I bring the cups.")
		anna.reads("Four it is, and I bring the cups.")
		anna.says("I shall bake something.")
		ben.reads("I shall bake something.")
		anna.picture("webclient-anna.png")
		ben.picture("webclient-ben.png")

		ben.presses("Log out")
		ben.fills("User name, e-mail", "Ben@Example.org")
		ben.fills("Password", clientPassword+kb.Enter)
		ben.presses("Kitchen")
		ben.reads("I shall bake something.")
	})
}

// visitor is somebody at a web client of the demo.
type visitor struct {
	*browser
	demo *demo
	used map[string]bool // codes
}

func newVisitor(b *browser, d *demo) visitor { return visitor{b, d, map[string]bool{}} }

// signsUp is all that it takes to have an account, and to be found by the address if that is chosen.
func (v visitor) signsUp(name, address string, found bool) {
	v.Helper()
	v.must(chromedp.Do(v.ctx, chromedp.EmulateViewport(1100, 720)))
	v.reads("An account on")
	v.fills("User name", name)
	v.fills("Password", clientPassword+kb.Enter)
	v.reads("Are you a person?")
	v.fills("The six digits", v.captcha()+kb.Enter)
	if found {
		v.presses("Let people who know this address find me")
	}
	v.fills("E-mail address", address+kb.Enter)
	v.confirms(address)
}

// confirms enters the code of a message that has come.
func (v visitor) confirms(address string) {
	v.Helper()
	v.reads("A code was sent to")
	code := v.mail(address, `/\b\d{4} ?\d{4}\b/`)
	v.used[code] = true
	v.fills("Code", code+kb.Enter)
}

// captcha is the answer to the picture of the page, as the development mailbox tells it.
func (v visitor) captcha() string {
	v.Helper()
	picture, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.querySelector("img.picture").src`))
	v.must(err)
	id := path.Base(path.Dir(picture))
	return v.mailbox(`[...document.querySelectorAll(".solved li")].filter((li) => li.textContent.includes("` + id + `")).map((li) => li.querySelector("strong").textContent)`)
}

// mail is what matches a pattern in a message to an address, the newest that was not used.
func (v visitor) mail(address, pattern string) string {
	v.Helper()
	return v.mailbox(`[...document.querySelectorAll(".messages article")].filter((a) => a.querySelector("header p").textContent.includes("` + address + `"))
		.map((a) => ` + pattern + `.exec(a.querySelector("pre").textContent)?.[0] ?? "")`)
}

// mailbox opens the development mailbox in another window until a script finds something
// there that was not used.
func (v visitor) mailbox(script string) string {
	v.Helper()
	window, end := v.window()
	defer end()
	var fresh []string
	look := func() bool {
		window.open(v.demo.links[2])
		text, err := chromedp.Run(window.ctx, chromedp.Evaluate[string](`JSON.stringify(`+script+`)`))
		v.must(err)
		v.must(json.Unmarshal([]byte(text), &fresh))
		fresh = slices.DeleteFunc(fresh, func(f string) bool { return f == "" || v.used[f] })
		return len(fresh) > 0
	}
	if !comes(look) {
		v.Fatalf("the mailbox has nothing by %s", script)
	}
	return fresh[0]
}

// fills writes into the field whose label begins so.
func (v visitor) fills(label, keys string) {
	v.Helper()
	v.writes(`//input[@id=//label[starts-with(normalize-space(),"`+label+`")]/@for]`, keys)
}

// presses is for buttons, links and boxes.
func (v visitor) presses(text string) {
	v.Helper()
	v.clicks(`//*[self::button or self::a or self::label][normalize-space()="` + text + `"]`)
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
