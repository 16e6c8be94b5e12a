package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/verify"
	"signet/web/page"
)

// challengeID is the id of the CAPTCHA on a page.
func (r *reply) challengeID() string {
	r.Helper()
	id, _, _ := strings.Cut(strings.TrimPrefix(attr(r.one("img"), "src"), "/_signet/captcha/"), "/")
	return id
}

// miss is an answer that is not the right one.
func (w *world) miss(id string) string { return wrong(w.captcha.Answer(id)) }

func TestACaptchaStandsBeforeAMessage(t *testing.T) {
	w := newWorld(t)
	w.verifier.When = verify.Always
	step := w.open().says(http.StatusOK, "Type the six digits", "alice@example.org")
	if w.post.count() != 0 {
		t.Fatal("a message was sent before the CAPTCHA was answered")
	}
	id := step.challengeID()
	again := step.press("", "answer", w.miss(id)).says(http.StatusBadRequest, "not the digits", "4 tries are left", "alice@example.org")
	if again.challengeID() != id || fieldOf(again, "aria-invalid") != "" || w.post.count() != 0 {
		t.Error("after a wrong answer the page is not the same with an empty field")
	}
	again.press("", "answer", "").says(http.StatusBadRequest, "not the digits")
	code := again.press("", "answer", w.captcha.Answer(id)).says(http.StatusOK, "Check your e-mail", "alice@example.org")
	if secretOf(code) != secretOf(step) {
		t.Error("the answered request is not the one that was asked")
	}
	digits, _ := w.lastEmail()
	code.press("", "code", digits).says(http.StatusOK, "Address verified")
}

func TestAnotherPicture(t *testing.T) {
	w := newWorld(t)
	w.verifier.When = verify.Always
	step := w.open()
	other := step.press(otherForm).says(http.StatusOK, "Type the six digits", "alice@example.org")
	if other.challengeID() == step.challengeID() {
		t.Error("the other picture is the same")
	}
	other.press("", "answer", w.captcha.Answer(other.challengeID())).says(http.StatusOK, "Check your e-mail")
}

func TestAfterFiveWrongAnswersAnotherPictureFollows(t *testing.T) {
	w := newWorld(t)
	w.verifier.When = verify.Always
	step := w.open()
	first := step.challengeID()
	for range 5 {
		step = step.press("", "answer", w.miss(step.challengeID())).says(http.StatusBadRequest, "not the digits")
	}
	if step.challengeID() == first {
		t.Fatal("the picture can be guessed at for ever")
	}
	step.press("", "answer", w.captcha.Answer(first)).says(http.StatusBadRequest)
	step.press("", "answer", w.captcha.Answer(step.challengeID())).says(http.StatusOK, "Check your e-mail")
}

func TestACaptchaBeforeAnotherMessageKeepsTheSession(t *testing.T) {
	w := newWorld(t)
	code := w.open()
	w.verifier.When = verify.Always
	w.clock.Advance(time.Minute)
	step := code.press(againForm).says(http.StatusOK, "Type the six digits")
	if secretOf(step) != secretOf(code) || len(step.all("button")) != 2 {
		t.Error("the session is lost, or another picture is offered that would be the same")
	}
	step.press("", "answer", w.captcha.Answer(step.challengeID())).says(http.StatusOK, "sent a new message to alice@example.org")
	if w.post.count() != 2 {
		t.Errorf("%d messages, want 2", w.post.count())
	}
}

func TestTheAddressBehindACaptchaMayBeCorrected(t *testing.T) {
	w := newWorld(t)
	w.verifier.When = verify.Always
	if got := fieldOf(w.open().press(editForm).says(http.StatusOK), "autofocus"); got != "alice@example.org" {
		t.Errorf("the form keeps %q", got)
	}
}

// The digits are read in the language of the page where there is a recording, and the
// page says so where there is none.
func TestTheLanguageOfTheRecording(t *testing.T) {
	for l, foreign := range map[locale.Language]bool{locale.English: false, locale.Russian: false, locale.Arabic: true, locale.German: true} {
		w := newWorld(t)
		w.verifier.When, w.reader = verify.Always, l
		step := w.open()
		audio := step.one("audio")
		if got := attr(audio, "src"); got != "/_signet/captcha/"+step.challengeID()+"/audio?lang="+l.String() {
			t.Errorf("%v: the recording is at %q", l, got)
		}
		if says := strings.Contains(words(step.doc), w.say("challenge-audio-english")); says != foreign {
			t.Errorf("%v: the page says that it is in English: %t", l, says)
		}
		if alt := attr(step.one("img"), "alt"); alt != w.say("challenge-alt") || strings.Contains(alt, w.captcha.Answer(step.challengeID())) {
			t.Errorf("%v: alt = %q", l, alt)
		}
	}
}

// Pictures are not to be had without end; the address stays typed.
func TestPicturesAreLimited(t *testing.T) {
	limit := matrix.LimitExceeded{RetryAfter: 10 * time.Minute}
	w := newWorld(t, func(o *page.Options) { o.Verifier = refusing{o.Verifier, limit} })
	step := ask("medium", "email", "address", "alice@example.org", "client_secret", "s", "send_attempt", "1", "sid", "", "captcha", "x")
	for _, path := range []string{stepForm, otherForm} {
		r := w.send(path, step).says(http.StatusTooManyRequests, "Please try again in 10 minutes")
		if got := fieldOf(r, "aria-invalid"); got != "alice@example.org" {
			t.Errorf("%s: the form keeps %q", path, got)
		}
	}
}
