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
	w.get(link).says(http.StatusOK, "@alice:example.org", "whoever asked can show that this address is theirs", "Confirm only what you have started yourself")
	r := w.get(link).press("").says(http.StatusOK, "Address verified", "go back to the app", "Continue to other.example")
	if a := r.linkNamed("Continue to other.example"); a != "https://other.example/welcome?a=1&b=2" {
		t.Errorf("the link goes to %q", a)
	}
}

// Whoever opens a link reads what it is for, and who wants it, before pressing.
func TestALinkSaysWhatItIsFor(t *testing.T) {
	for _, test := range []struct {
		purpose verify.Purpose
		user    matrix.UserID
		says    []string
	}{
		{verify.Verify, "", []string{"Show that this address is yours", "whoever asked can show"}},
		{verify.Verify, "@bob:example.org", []string{"Show that this address belongs to @bob:example.org"}},
		{verify.Register, "", []string{"Sign up for an account with this address"}},
		{verify.Register, "@new:example.org", []string{"Sign up as @new:example.org with this address"}},
		{verify.RegisterAndBind, "", []string{"Sign up for an account with this address, and be found by it", "whoever knows the address can find that account by it"}},
		{verify.RegisterAndBind, "@new:example.org", []string{"Sign up as @new:example.org with this address, and be found by it"}},
		{verify.Add, "@bob:example.org", []string{"Attach this address to @bob:example.org", "people can find the account by it"}},
		{verify.Reset, "@bob:example.org", []string{"Set a new password for @bob:example.org", "set a new password and use the account"}},
		{verify.Login, "", []string{"Sign in", "is signed in and can use the account"}},
	} {
		w := newWorld(t)
		w.requested(verify.Request{Caller: verify.Homeserver("example.org"), Purpose: test.purpose, User: test.user})
		_, link := w.lastEmail()
		r := w.get(link).says(http.StatusOK, append(test.says, "Asked by example.org", "Confirm only what you have started yourself")...)
		if user := test.user.String(); user != "" && !strings.Contains(r.body, "<bdi>"+user+"</bdi>") {
			t.Errorf("%s is not set apart from the words around it", user)
		}
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
	asked := w.get(link).says(http.StatusOK, "Asked by @…:example.org", address.String())
	done := asked.press("").says(http.StatusOK, address.String())
	for _, r := range []*reply{asked, done, w.send(emailForm, ask("medium", "email", "address", address.String())).says(http.StatusOK, address.String())} {
		if n := len(r.all("img")) + len(r.all("script")); n != 0 {
			t.Errorf("%d elements on the page are a stranger's", n)
		}
	}
}
