package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
)

func TestReadingAMailedLinkChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.open()
	_, link := w.lastEmail()
	path := strings.TrimPrefix(link, w.srv.URL)
	for range 2 {
		w.get(path).says(http.StatusOK, "Is this your address?", "alice@example.org", "somebody on the page of id.example.org")
		if head := w.request(http.MethodHead, path, ""); head.StatusCode != http.StatusOK || head.body != "" {
			t.Errorf("HEAD = %d with %d octets, want 200 with none", head.StatusCode, len(head.body))
		}
		w.request(http.MethodOptions, path, "")
	}
	if n := w.validated(); n != 0 {
		t.Fatalf("%d sessions are validated by reading", n)
	}
	w.get(path).press("").says(http.StatusOK, "Address verified", "alice@example.org")
	if n := w.validated(); n != 1 {
		t.Fatalf("%d sessions are validated by the button, want 1", n)
	}
	w.get(path).says(http.StatusOK, "Address verified")
	w.send(path, nil).says(http.StatusOK, "Address verified")
}

func TestALinkSaysWhichAccountAsked(t *testing.T) {
	w := newWorld(t)
	w.asked("https://other.example/welcome?a=1&b=2")
	_, link := w.lastEmail()
	w.get(link).says(http.StatusOK, "@alice:example.org", "this Matrix account")
	r := w.get(link).press("").says(http.StatusOK, "Address verified", "go back to the app", "Continue to other.example")
	if a := r.linkNamed("Continue to other.example"); a != "https://other.example/welcome?a=1&b=2" {
		t.Errorf("the link goes to %q", a)
	}
}

// linkNamed is where the link of that text goes.
func (r *reply) linkNamed(text string) string {
	for _, a := range r.all("a") {
		if words(a) == text && attr(a, "rel") == "noreferrer" {
			return attr(a, "href")
		}
	}
	return ""
}

func TestALinkThatIsNone(t *testing.T) {
	w := newWorld(t)
	w.open()
	_, replaced := w.lastEmail()
	for _, path := range []string{emailForm + "/AAAAAAAAAAAAAAAAAAAAAAAAAA", emailForm + "/%3Cscript%3E", emailForm + "/%E2%82%AC"} {
		w.get(path).says(http.StatusNotFound, "This link does not work any more")
		w.send(path, nil).says(http.StatusNotFound, "This link does not work any more")
	}
	for _, path := range []string{emailForm + "/%00", emailForm + "/%ff", emailForm + "/a/b", emailForm + "/"} {
		w.get(path).says(http.StatusNotFound, "There is nothing here")
	}
	w.open().press(againForm)
	_, link := w.lastEmail()
	w.clock.Advance(61 * time.Minute)
	w.get(link).says(http.StatusGone, "This link has expired")
	w.send(link, nil).says(http.StatusGone, "This link has expired")
	w.send(replaced, nil).says(http.StatusGone)
	if n := w.validated(); n != 0 {
		t.Errorf("%d sessions are validated", n)
	}
}

// A Matrix id may hold what looks like markup or a sentence, and is not shown then;
// an address may look like markup, and is text.
func TestWhatStrangersWroteIsText(t *testing.T) {
	w := newWorld(t)
	address, err := threepid.ParseEmail("o'neil&amp@example.org")
	w.must(err)
	user, err := matrix.ParseUserID(`@"><img/src=x>:example.org`)
	w.must(err)
	_, err = w.verifier.Request(t.Context(), verify.Request{
		Address: address, ClientSecret: "s", Caller: verify.Account(user), SendAttempt: 1, NextLink: `https://example.org/?"><script>`,
	})
	w.must(err)
	_, link := w.lastEmail()
	asked := w.get(link).says(http.StatusOK, "an account of example.org", address.String())
	done := asked.press("").says(http.StatusOK, address.String())
	for _, r := range []*reply{asked, done, w.send(emailForm, values("medium", "email", "address", address.String())).says(http.StatusOK, address.String())} {
		if n := len(r.all("img")) + len(r.all("script")); n != 0 {
			t.Errorf("%d elements on the page are a stranger's", n)
		}
	}
}
