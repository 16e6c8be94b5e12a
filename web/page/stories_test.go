package page_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"signet/internal/locale"
	"signet/verify"
	"signet/web/page"
)

// A person types an address and the code from the mail, all by keyboard.
func byCode(b *browser) {
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.picture("home")
	b.tabTo("email")
	b.types("Alice@Example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.picture("code")
	code, _ := b.lastEmail()
	b.types(code + kb.Enter) // the field has the focus already
	b.reads(b.say("verified-title"))
	b.picture("verified")
	b.isValidated(1)
}

// The same by the link in the mail: opening it does nothing, the button does.
func byLink(b *browser) {
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	_, link := b.lastEmail()
	b.open(link + "?lang=" + b.reader.String())
	b.reads(b.say("link-heading"))
	b.picture("link")
	b.isValidated(0)
	b.tabTo(b.say("link-button"))
	b.types(kb.Enter)
	b.reads(b.say("verified-title"))
	b.isValidated(1)
}

// Whoever slips is told so and has the focus where it is mended.
func byMistake(b *browser) {
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo("phone")
	b.types("12" + kb.Enter)
	b.reads(b.say("home-title"))
	b.picture("home-error")
	if at := b.focus(); at != "phone" {
		b.Errorf("the focus is on %q, want the phone number", at)
	}
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.types("12345" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.picture("code-error")
	b.tabTo(b.say("code-again"))
	b.types(" ")
	b.reads(b.say("code-heading-email"))
	b.tabTo(b.say("code-edit-email"))
	b.types(" ")
	b.reads(b.say("home-title"))
	b.open(b.srv.URL + "/_signet/verify/AAAAAAAAAAAAAAAAAAAAAAAAAA?lang=" + b.reader.String())
	b.reads(b.say("problem-no-link-title"))
	b.picture("no-link")
}

// A developer finds the message in the mailbox and follows its link.
func mailboxStory(b *browser) {
	b.open(b.srv.URL + "/_signet/mailbox")
	b.reads("Mailbox")
	b.picture("mailbox-empty")
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	_, link := b.lastEmail()
	b.tabTo(b.linkIn("development-mailbox"))
	b.types(kb.Enter)
	b.reads("Mailbox")
	b.picture("mailbox")
	b.tabTo(b.newestMail().Subject)
	b.types(kb.Enter)
	b.reads(b.newestMail().Subject)
	b.picture("message")
	b.tabTo(link)
	b.types(kb.Enter)
	b.reads("Is this your address?") // in the language of the browser
}

// Somebody who cannot read the page finds her own language by its name.
func languageStory(b *browser) {
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo(b.say("language") + ": " + b.reader.Name())
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Enter)))
	b.picture("language")
	b.tabTo(locale.French.Name())
	b.types(kb.Enter)
	b.reader = locale.French
	b.reads(b.say("home-title"))
}

// Somebody who is suspected reads the digits off the picture, misses once, and goes on
// to the code; then passes the CAPTCHA of an app on its own page.
func captchaStory(b *browser) {
	b.verifier.When = verify.Always
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("challenge-title"))
	b.picture("captcha")
	b.types("000" + kb.Enter) // the field has the focus already
	b.reads(b.say("challenge-title"))
	b.picture("captcha-error")
	if at := b.focus(); at != "answer" {
		b.Errorf("the focus is on %q, want the answer", at)
	}
	b.tabTo(b.say("challenge-another"))
	b.types(" ")
	b.reads(b.say("challenge-title"))
	b.tabTo(b.say("challenge-audio-link"))
	b.tabTo("answer")
	b.types(b.solution() + kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.types(b.newestCode() + kb.Enter)
	b.reads(b.say("verified-title"))
	b.isValidated(1)
	b.passAlone()
	b.open(b.srv.URL + page.MailboxPath)
	b.picture("mailbox-captchas")
}

func (b *browser) passAlone() {
	b.Helper()
	_, path := b.challenged()
	b.open(b.srv.URL + path + "?lang=" + b.reader.String())
	b.reads(b.say("challenge-title"))
	b.picture("captcha-alone")
	b.types(b.solution() + kb.Enter)
	b.reads(b.say("passed-title"))
	b.picture("captcha-passed")
}

// solution is the answer to the CAPTCHA in the browser, as the mailbox tells it.
func (b *browser) solution() string {
	b.Helper()
	picture := evaluate[string](b, `document.querySelector("img.picture").getAttribute("src")`)
	if width := evaluate[int](b, `document.querySelector("img.picture").naturalWidth`); width != 240 {
		b.Errorf("the picture is %d wide, so it did not load", width)
	}
	path := strings.TrimSuffix(picture, "/image")
	for _, row := range b.get(page.MailboxPath).all("li") {
		if id := strings.TrimPrefix(path, page.ChallengePath("")); strings.Contains(words(row), "CAPTCHA "+id) {
			fields := strings.Fields(words(row))
			return fields[len(fields)-1]
		}
	}
	b.Fatalf("the mailbox does not know %s", path)
	return ""
}

// newestCode is the code of the newest message in the mailbox.
func (b *browser) newestCode() string {
	b.Helper()
	for _, p := range b.get(page.MailboxPath).all("p") {
		if attr(p, "class") == "digits" {
			return strings.TrimPrefix(words(p), "Code ")
		}
	}
	b.Fatal("the mailbox has no code")
	return ""
}

// An owner ends what somebody else has begun, then confirms something of her own that
// leads to a host with a long and misleading name.
func notMeStory(b *browser) {
	b.open(b.srv.URL + b.disowned() + "?lang=" + b.reader.String())
	b.reads(b.say("stop-heading"))
	b.picture("stop")
	b.tabTo("silence")
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(" ")))
	b.tabTo(b.say("stop-button"))
	b.types(kb.Enter)
	b.reads(b.say("stopped-title"))
	b.picture("stopped")
	b.tabTo(b.say("stopped-allow"))
	b.types(kb.Enter)
	b.reads(b.say("stopped-title"))

	next := url.URL{Scheme: "https", Host: strings.Repeat("login.app.example.org.", 6) + "evil.example", Path: "/"}
	b.requested(verify.Request{Caller: verify.Homeserver("example.org"), Purpose: verify.Add, User: "@alice:example.org", NextLink: next.String()})
	_, link := b.lastEmail()
	b.open(link + "?lang=" + b.reader.String())
	b.picture("link-add")
	b.tabTo(b.say("link-button"))
	b.types(kb.Enter)
	b.reads(b.say("verified-title"))
	b.picture("next")
}

func invitationStory(b *browser) {
	token, _, never := b.invited()
	long := mailed.FindString(b.newestMail().Text)
	_, key, _ := strings.Cut(long, "&key=")
	in := "?lang=" + b.reader.String()
	for _, link := range []string{strings.Replace(long, "#", in+"#", 1), b.srv.URL + "/i" + in + "#" + token + key} {
		b.open("about:blank") // another fragment alone would be the same page
		b.open(link)
		b.reads(b.say("invitation-title"))
		if !b.scripts {
			if seen := evaluate[bool](b, `getComputedStyle(document.getElementById("no-script")).display != "none" && getComputedStyle(document.forms[0]).display == "none"`); !seen {
				b.Error("without scripts the page does not say what to do")
			}
			continue
		}
		b.until(`!document.forms[0].hidden`)
		b.picture("invitation")
		if sent := evaluate[string](b, `new URLSearchParams(new FormData(document.forms[0])).toString()`); strings.Contains(sent, key) || !strings.Contains(sent, token) {
			b.Errorf("the form sends %q", sent)
		}
		b.tabTo(b.say("invitation-button"))
		b.types(kb.Enter)
		b.reads(b.say("invitation-title"))
		if text := evaluate[string](b, `document.querySelector("main").innerText + location.href`); !strings.Contains(text, "<b>Bob</b>") || !strings.Contains(text, "@bob:example.com") || strings.Contains(text, key) {
			b.Errorf("the page says %q", text)
		}
		b.picture("invited")
	}
	if b.scripts {
		b.open(b.srv.URL + "/invitation" + in + "#token=" + token)
		b.open(b.srv.URL + "/i" + in + "#" + token)
		b.until(`!document.getElementById("broken").hidden && document.forms[0].hidden`)
		b.picture("invitation-broken")
	}
	b.open(b.srv.URL + never + in)
	b.picture("never")
	b.tabTo(b.say("never-button"))
	b.types(kb.Enter)
	b.reads(b.say("never-title"))
	if !b.refusing(never) {
		b.Error("invitations still come")
	}
}

// Somebody with a number that was another's: sees who is found, takes that back, refuses
// messages and allows them again, and erases, but not before the tick.
func ownerStory(b *browser) {
	b.bound("alice@example.org", "@mallory:example.org")
	b.open(b.srv.URL + "/?lang=" + b.reader.String())
	b.tabTo(b.linkIn("home-owner"))
	b.types(kb.Enter)
	b.reads(b.say("owner-title"))
	b.picture("owner-ask")
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.tabTo(b.say("owner-confirmed"))
	b.types(kb.Enter)
	b.reads(b.say("code-heading-email"))
	b.picture("owner-code")
	code, _ := b.lastEmail()
	b.types(code + kb.Enter) // the field has the focus again
	b.reads(b.say("owner-heading"))
	b.picture("owner")
	for _, step := range []struct{ button, says string }{
		{"owner-unbind", "owner-did-unbind"}, {"stopped-silence", "owner-did-refuse"}, {"stopped-allow", "owner-did-allow"},
	} {
		b.tabTo(b.say(step.button))
		b.types(kb.Enter)
		b.reads(b.say("owner-heading"))
		if got := evaluate[string](b, `document.querySelector("[role=status]").textContent`); got != b.say(step.says) {
			b.Errorf("after %s the page says %q", step.button, got)
		}
		b.picture("owner-" + step.button)
	}
	b.downloads()
	b.tabTo(b.say("owner-erase-button"))
	b.types(kb.Enter)
	b.reads(b.say("owner-heading"))
	b.picture("owner-unsure")
	if at := b.focus(); at != "sure" {
		b.Errorf("the focus is on %q, want the box", at)
	}
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(" ")))
	b.tabTo(b.say("owner-erase-button"))
	b.types(kb.Enter)
	b.reads(b.say("owner-erased-title"))
	b.picture("owner-erased")
}

// An owner reads what was published about her address, finds keys that wait and discards
// them, and sees how to check; then the server's tables are changed, and the page says so.
func historyStory(b *browser) {
	b.bound("alice@example.org", "@alice:example.org")
	b.publish(0, "a0", "")
	b.seal()
	b.unbind("alice@example.org", "@alice:example.org")
	b.publish(1, "a1", "a0")
	b.seal()
	b.publish(2, "a2", "")
	b.clock.Advance(24 * time.Hour)
	b.seal()
	b.bound("alice@example.org", "@mallory:example.org")
	b.publish(3, "thief", "")
	b.open(b.srv.URL + "/_signet/owner?lang=" + b.reader.String())
	b.tabTo("email")
	b.types("alice@example.org" + kb.Enter)
	b.reads(b.say("code-heading-email"))
	code, _ := b.lastEmail()
	b.types(code + kb.Enter)
	b.reads(b.say("owner-heading"))
	b.picture("history-waits")
	b.seal()
	b.tabTo(b.say("history-discard"))
	b.types(kb.Enter)
	b.reads(b.say("owner-heading"))
	b.tabTo(b.say("history-more", "count", 2))
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Enter)))
	for _, more := range []string{"history-steps", "history-others"} {
		b.tabTo(b.say(more))
		b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Enter)))
	}
	b.picture("history")
	if n := evaluate[int](b, `document.querySelectorAll("ol.timeline > li").length`); n != 6 {
		b.Errorf("the history has %d entries, want 6", n)
	}
	b.exec(`DELETE FROM people_versions WHERE position = 1`)
	b.tabTo(b.say("stopped-silence"))
	b.types(kb.Enter)
	b.reads(b.say("owner-heading"))
	if said := evaluate[string](b, `document.querySelector("[role=alert]").textContent`); !strings.Contains(said, b.say("history-failed-title")) {
		b.Errorf("of a history that lies the page says %q", said)
	}
	b.picture("history-failed")
}

// downloads presses the button for the copy and waits for the file.
func (b *browser) downloads() {
	b.Helper()
	folder := b.TempDir()
	_, err := chromedp.Call(b.ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID})
	b.must(err)
	b.tabTo(b.say("owner-download"))
	b.must(chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Enter)))
	b.await("there is a copy", func() bool {
		file, err := os.ReadFile(filepath.Join(folder, "signet.json"))
		return err == nil && strings.Contains(string(file), "alice@example.org")
	})
	b.reads(b.say("owner-heading"))
}
