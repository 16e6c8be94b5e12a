package page_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/internal/clocktest"
	"signet/internal/deliver"
	"signet/internal/threepid"
	"signet/web/page"
)

// withMailbox is development mode with a mailbox, which it gives to the test too.
func withMailbox(t *testing.T, box **deliver.Mailbox) func(*page.Options) {
	return func(o *page.Options) {
		m, err := deliver.NewMailbox(t.TempDir(), clocktest.New().Now)
		if err != nil {
			t.Fatal(err)
		}
		o.Mailbox, o.Development, *box = m, true, m
	}
}

func TestTheMailboxShowsWhatWouldHaveBeenSent(t *testing.T) {
	var box *deliver.Mailbox
	w := newWorld(t, withMailbox(t, &box))
	w.get("/").says(http.StatusOK, "Development mode", "development mailbox")
	w.get("/_signet/mailbox").says(http.StatusOK, "No messages yet")
	w.open()
	code, link := w.lastEmail()
	list := w.get("/_signet/mailbox").says(http.StatusOK, "alice@example.org", code, "14 November 2023, 22:13:20 UTC")
	one := w.get(attr(list.one("h2").FirstChild, "href")).
		says(http.StatusOK, "alice@example.org", code, "press the button there")
	for _, r := range []*reply{list, one} {
		if !r.linksTo(link) {
			t.Errorf("%s does not link to %s", r.Request.URL, link)
		}
	}
	frame := one.one("iframe")
	if !has(frame, "sandbox") || attr(frame, "sandbox") != "" || attr(frame, "title") == "" {
		t.Errorf("the frame's sandbox is %q, its title %q", attr(frame, "sandbox"), attr(frame, "title"))
	}
	shown := w.get(attr(frame, "src"))
	policy := shown.Header.Get("Content-Security-Policy")
	if shown.StatusCode != http.StatusOK || !strings.Contains(shown.body, code) ||
		!strings.HasPrefix(policy, "sandbox; default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'self'") {
		t.Errorf("the HTML version = %d under %q", shown.StatusCode, policy)
	}
}

// linksTo tells whether a link goes to an address that is also its text.
func (r *reply) linksTo(href string) bool {
	return slices.ContainsFunc(r.all("a"), func(a *html.Node) bool { return attr(a, "href") == href && words(a) == href })
}

func TestTheMailboxShowsHostileMessagesAsText(t *testing.T) {
	var box *deliver.Mailbox
	w := newWorld(t, withMailbox(t, &box))
	to, err := threepid.ParseEmail("o'neil&sons@example.org")
	w.must(err)
	hostile := `<script>alert(1)</script>`
	w.must(box.SendEmail(t.Context(), deliver.Email{
		ID: "../a b?c#d", To: to, Subject: hostile, Text: hostile + " javascript:alert(1) https://x.example/\"onclick=\"1 http://y.example/a.", HTML: hostile,
	}))
	phone, err := threepid.ParsePhone("07400123456", "GB")
	w.must(err)
	w.must(box.SendSMS(t.Context(), deliver.SMS{ID: "sms", To: phone, Text: "123456 is your code"}))

	list := w.get("/_signet/mailbox").says(http.StatusOK, hostile, "o'neil&sons@example.org", "+447400123456", "123456")
	var links []string
	for _, a := range list.all("a") {
		links = append(links, attr(a, "href"))
	}
	got := strings.Join(links, " ")
	for _, want := range []string{"/_signet/mailbox/..%2Fa%20b%3Fc%23d", "https://x.example/", "http://y.example/a", "/_signet/mailbox/sms"} {
		if !strings.Contains(got+" ", want+" ") {
			t.Errorf("the links are %s; want %s among them", got, want)
		}
	}
	if strings.Contains(got, "javascript") {
		t.Errorf("the links are %s", got)
	}
	w.get("/_signet/mailbox/..%2Fa%20b%3Fc%23d").says(http.StatusOK, hostile)
	w.get("/_signet/mailbox/sms").says(http.StatusOK, "Text message", "123456")
	w.get("/_signet/mailbox/sms/html").says(http.StatusNotFound)
	w.get("/_signet/mailbox/unknown").says(http.StatusNotFound, "There is nothing here")
	w.get("/_signet/mailbox/unknown/html").says(http.StatusNotFound)
}
