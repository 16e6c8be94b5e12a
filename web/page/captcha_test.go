package page_test

import (
	"bytes"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/internal/deliver"
	"signet/verify/captcha"
	"signet/web/page"
)

// challenged is a CAPTCHA that an app was given, and the path of its page.
func (w *world) challenged() (id, path string) {
	w.Helper()
	found, err := w.captcha.OpenNew(w.Context(), []byte("an app"))
	w.must(err)
	return found.ID, page.ChallengePath(found.ID)
}

func TestAPersonPassesACaptchaOnItsPage(t *testing.T) {
	w := newWorld(t)
	id, path := w.challenged()
	asked := w.get(path).says(http.StatusOK, "Your app asks whether you are a person")
	missed := asked.press("", "answer", w.miss(id)).says(http.StatusBadRequest, "not the digits", "4 tries are left")
	missed.press("", "answer", "nonsense").says(http.StatusBadRequest, "4 tries are left")
	missed.press("", "answer", w.captcha.Answer(id)).says(http.StatusOK, "Done", "Go back to your app now")
	w.get(path).says(http.StatusOK, "Done")
}

func TestACaptchaThatCannotBePassed(t *testing.T) {
	w := newWorld(t)
	dead, deadPath := w.challenged()
	asked := w.get(deadPath)
	for range 4 {
		asked.press("", "answer", w.miss(dead)).says(http.StatusBadRequest)
	}
	asked.press("", "answer", w.miss(dead)).says(http.StatusGone, "Too many wrong answers", "Go back to your app")
	_, old := w.challenged()
	w.clock.Advance(11 * time.Minute)
	unknown := page.ChallengePath("AAAAAAAAAAAAAAAAAAAAAAAAAA")
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		old:                                     {http.StatusGone, "This picture is too old"},
		unknown:                                 {http.StatusNotFound, "We do not know this picture"},
		page.ChallengePath(`"><script>`):        {http.StatusNotFound, "We do not know this picture"},
		page.ChallengePath(":") + "%00":         {http.StatusNotFound, "There is nothing here"},
		page.ImagePath("AAAAAAAAAAAAAAAAAAAAA"): {http.StatusNotFound, "We do not know this picture"},
	} {
		w.get(path).says(want.status, want.says)
		if !strings.HasSuffix(path, "/image") {
			w.send(path, values("answer", "123456")).says(want.status, want.says)
		}
	}
}

func TestThePictureMayBeShownElsewhere(t *testing.T) {
	w := newWorld(t)
	id, _ := w.challenged()
	r := w.get(page.ImagePath(id))
	if _, err := png.Decode(strings.NewReader(r.body)); err != nil || r.Header.Get("Content-Type") != "image/png" {
		t.Fatalf("the picture is %q: %v", r.Header.Get("Content-Type"), err)
	}
	r.embeds()
	if head := w.request(http.MethodHead, page.ImagePath(id), ""); head.StatusCode != http.StatusOK || head.body != "" {
		t.Errorf("HEAD = %d", head.StatusCode)
	}
}

// embeds checks that other sites may show what they must not read or keep.
func (r *reply) embeds() {
	r.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Access-Control-Allow-Origin": "", "Set-Cookie": "",
	} {
		if got := r.Header.Get(name); got != want {
			r.Errorf("%s: %s = %q, want %q", r.Request.URL.Path, name, got, want)
		}
	}
}

// A reading is counted once, however often a browser fetches it, whole or in parts.
func TestARecordingInPieces(t *testing.T) {
	w := newWorld(t)
	id, _ := w.challenged()
	path := page.AudioPath(id)
	if head := w.request(http.MethodHead, path, ""); head.StatusCode != http.StatusOK || head.readings(id) != 0 {
		t.Fatalf("HEAD = %d, and %d readings", head.StatusCode, head.readings(id))
	}
	whole := w.get(path)
	whole.embeds()
	if whole.Header.Get("Content-Type") != "audio/wav" || !strings.HasPrefix(whole.body, "RIFF") {
		t.Fatalf("the recording is %q", whole.Header.Get("Content-Type"))
	}
	first := w.request(http.MethodGet, path, "", "Range", "bytes=0-999")
	rest := w.request(http.MethodGet, path, "", "Range", "bytes=1000-")
	if first.StatusCode != http.StatusPartialContent || first.body+rest.body != whole.body {
		t.Errorf("the pieces are %d and %d long, of %d", len(first.body), len(rest.body), len(whole.body))
	}
	if n := w.readings(id); n != 1 {
		t.Errorf("%d readings, want 1", n)
	}
}

func (w *world) readings(id string) (n int) {
	w.Helper()
	w.must(w.db.QueryRow(w.Context(), "SELECT readings FROM captcha_challenges WHERE id = $1", id).Scan(&n))
	return n
}

func TestWhatIsReadAloudTooOften(t *testing.T) {
	w := newWorld(t)
	id, _ := w.challenged()
	for _, l := range []string{"en", "ja", "pt", "ru", "zh"} {
		if r := w.get(page.AudioPath(id) + "?lang=" + l); r.StatusCode != http.StatusOK {
			t.Fatalf("%s = %d", l, r.StatusCode)
		}
	}
	_, err := w.captcha.Audio(t.Context(), id, "en")
	if err != captcha.ErrTooOften {
		t.Fatalf("the sixth reading = %v", err)
	}
	if r := w.get(page.AudioPath(id) + "?lang=de"); r.StatusCode != http.StatusOK {
		t.Errorf("what was read in English already = %d", r.StatusCode)
	}
	w.forget()
	w.get(page.AudioPath(id)).says(http.StatusTooManyRequests, "Read aloud too often")
}

// forget has so many others listen that nothing of before is kept.
func (w *world) forget() {
	w.Helper()
	for range 32 {
		id, _ := w.challenged()
		w.get(page.AudioPath(id))
	}
}

func TestWithoutCaptchasThereAreNoPagesOfThem(t *testing.T) {
	w := newWorld(t, func(o *page.Options) { o.Captcha = nil })
	_, path := w.challenged()
	w.get(path).says(http.StatusNotFound, "There is nothing here")
}

// A developer, or a test in a browser, reads the answer in the mailbox.
func TestTheMailboxKnowsTheAnswers(t *testing.T) {
	var box *deliver.Mailbox
	w := newWorld(t, withMailbox(t, &box))
	id, path := w.challenged()
	r := w.get(page.MailboxPath).says(http.StatusOK, "Open CAPTCHAs", "CAPTCHA "+id, w.captcha.Answer(id))
	if !strings.Contains(r.body, `href="`+path+`"`) {
		t.Error("the mailbox does not lead to the page of the CAPTCHA")
	}
	if bytes.Contains([]byte(w.get(path).body), []byte(w.captcha.Answer(id))) {
		t.Error("the page tells the answer")
	}
}
