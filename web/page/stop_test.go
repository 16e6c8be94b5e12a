package page_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"signet/verify"
	"signet/web/page"
)

var stopLink = regexp.MustCompile(`/n/[A-Z2-7]+`)

// disowned is the path of the page that ends what a stranger's message to Alice is for.
func (w *world) disowned() string {
	w.Helper()
	w.requested(verify.Request{Caller: verify.Homeserver("evil.example"), Purpose: verify.Reset})
	path := stopLink.FindString(w.newestMail().Text)
	if path == "" {
		w.Fatal("the message has no link to end it")
	}
	return path
}

// stands checks whether what a token ends is ended, and until when no message is sent.
func (w *world) stands(path string, stopped, silent bool) {
	w.Helper()
	s, err := w.verifier.StopPage(w.Context(), strings.TrimPrefix(path, page.StopPath("")))
	w.must(err)
	if s.Stopped != stopped || s.Suppressed.IsZero() == silent {
		w.Errorf("stopped = %t, silent until %v; want %t, %t", s.Stopped, s.Suppressed, stopped, silent)
	}
}

func TestReadingTheStopPageChangesNothing(t *testing.T) {
	w := newWorld(t)
	path := w.disowned()
	for range 2 {
		w.get(path).says(http.StatusOK, "You did not ask for this?", "alice@example.org", "evil.example", "Set a new password")
		if head := w.request(http.MethodHead, path, ""); head.StatusCode != http.StatusOK {
			t.Errorf("HEAD = %d", head.StatusCode)
		}
		if r := w.get(path + "/allow?lang=de"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != path+"?lang=de" {
			t.Errorf("GET allow = %d to %q", r.StatusCode, r.Header.Get("Location"))
		}
	}
	w.stands(path, false, false)
}

func TestAnOwnerEndsWhatAStrangerBegan(t *testing.T) {
	w := newWorld(t)
	path := w.disowned()
	ended := w.get(path).press("").says(http.StatusOK, "Ended", "alice@example.org", "Nobody can use the code")
	w.stands(path, true, false)
	_, link := w.lastEmail()
	w.get(link).says(http.StatusGone, "This link has expired")
	silent := ended.press("").says(http.StatusOK, "Ended", "no more messages to this address until 14 December 2023")
	w.stands(path, true, true)
	silent.press("").says(http.StatusOK, "Ended", "Send no more messages for 30 days")
	w.stands(path, true, false)
	w.get(path).says(http.StatusOK, "Ended")
}

func TestAnOwnerWantsNoMoreMessages(t *testing.T) {
	w := newWorld(t)
	path := w.disowned()
	w.get(path).press("", "silence", "1").says(http.StatusOK, "Ended", "until 14 December 2023", "Allow messages again")
	w.stands(path, true, true)
	before := w.post.count()
	w.open().says(http.StatusOK, "Check your e-mail") // nobody is told
	if w.post.count() != before {
		t.Error("a message was sent")
	}
}

// Word of an account has neither code nor link that would have to be ended; its page says so.
func TestAnOwnerWhoIsToldOfAnAccountDidNotAsk(t *testing.T) {
	w := newWorld(t)
	w.requested(verify.Request{Caller: verify.Homeserver("hs.example"), Purpose: verify.Register, Existing: true})
	path := stopLink.FindString(w.newestMail().Text)
	asked := w.get(path).says(http.StatusOK, "You did not ask for this?", "alice@example.org", "hs.example", "Nothing has happened to your account")
	ended := asked.press("", "silence", "1").says(http.StatusOK, "Thank you. Nothing has happened to your account", "Only word of logins still comes")
	w.stands(path, true, true)
	for _, r := range []*reply{asked, ended} {
		if strings.Contains(words(r.doc), "the code") {
			t.Errorf("it speaks of a code:\n%s", words(r.doc))
		}
	}
}

func TestAStopLinkThatIsNone(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{page.StopPath("x"), page.StopPath(`"><script>`)} {
		w.get(path).says(http.StatusNotFound, "There is nothing to end any more")
		w.send(path, nil).says(http.StatusNotFound, "There is nothing to end any more")
		w.send(path+"/allow", nil).says(http.StatusNotFound, "There is nothing to end any more")
	}
	w.send(page.StopPath("x"), values("silence", "\xff")).says(http.StatusBadRequest)
}

var anchors = regexp.MustCompile(`http://[^"<]+`)

// A program that looks for dangerous mail opens every address that a page or a message
// names, and what those name in turn, and neither proves nor ends anything.
func TestAScannerFollowsEveryLink(t *testing.T) {
	w := newWorld(t)
	w.requested(verify.Request{Caller: verify.Homeserver("example.org"), Purpose: verify.Login, NextLink: "https://app.example.org/"})
	mail := w.newestMail()
	stop := stopLink.FindString(mail.Text)
	seen := map[string]bool{}
	todo := slices.Concat(mailed.FindAllString(mail.Text, -1), anchors.FindAllString(mail.HTML, -1))
	if len(todo) != 5 {
		t.Fatalf("the message has the links %q", todo)
	}
	for len(todo) > 0 {
		path := strings.TrimPrefix(todo[0], w.srv.URL)
		todo = todo[1:]
		if seen[path] || !strings.HasPrefix(path, "/") {
			continue
		}
		seen[path] = true
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions} {
			r := w.request(method, path, "")
			if method == http.MethodGet && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") && len(seen) < 60 {
				todo = append(todo, r.leads()...)
			}
		}
	}
	w.stands(stop, false, false)
	if w.validated() != 0 || len(seen) < 20 {
		t.Errorf("after %d links %d sessions are validated", len(seen), w.validated())
	}
}

// leads are all addresses that a page names, those of its forms among them.
func (r *reply) leads() (all []string) {
	for _, name := range []string{"a", "form", "button", "link", "img", "audio"} {
		for _, n := range r.all(name) {
			for _, attribute := range []string{"href", "src", "action", "formaction"} {
				if to := attr(n, attribute); strings.HasPrefix(to, "?") {
					all = append(all, r.Request.URL.Path+to)
				} else if to != "" {
					all = append(all, to)
				}
			}
		}
	}
	return all
}
