package page_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/store/storetest"
	"signet/internal/threepid"
	"signet/lookup"
	"signet/verify"
	"signet/web/page"
)

const ownerForm = "/_signet/owner"

// bound binds an address to a user, as an app does.
func (w *world) bound(address string, user matrix.UserID) {
	w.Helper()
	_, err := w.directory.Bind(w.Context(), w.proofOf(address, user), user)
	w.must(err)
}

// openOwner asks on the owner's page for a message.
func (w *world) openOwner(address string) *reply {
	w.Helper()
	return w.send(emailForm, values("purpose", "manage", "medium", "email", "address", address))
}

// ownerOf is the owner's page, by the code from the message.
func (w *world) ownerOf(address string) *reply {
	w.Helper()
	waiting := w.openOwner(address).says(http.StatusOK)
	code, _ := w.lastEmail()
	return waiting.press("", "code", code).says(http.StatusOK)
}

// behind is who is behind an address, as the table of bindings has it.
func (w *world) behind(address string) (user string) {
	w.Helper()
	a, err := threepid.ParseEmail(address)
	w.must(err)
	held, err := w.directory.Held(w.Context(), a)
	w.must(err)
	b, err := json.Marshal(held["binding"])
	w.must(err)
	var binding struct {
		UserID string `json:"user_id"`
	}
	w.must(json.Unmarshal(b, &binding))
	return binding.UserID
}

func TestAnOwnerSeesAndTakesBack(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@mallory:example.org")
	w.get("/").says(http.StatusOK, "What is stored about your address?")
	w.get(ownerForm).says(http.StatusOK, "What is stored about your address", "No account is needed")
	shown := w.ownerOf("Alice@Example.org").says(http.StatusOK, "alice@example.org", "@mallory:example.org", "14 November 2023", "13 November 2024")
	shown.press(ownerForm+"/unbind").says(http.StatusOK, "No account is found by this address any more", "No Matrix account is found")
	if user := w.behind("alice@example.org"); user != "" {
		t.Errorf("%q is still behind the address", user)
	}
	shown.press(ownerForm+"/unbind").says(http.StatusOK, "No Matrix account is found") // the same tab, gone back
}

// Since when somebody is found whom another server has found before is not known everywhere.
func TestAnOwnerOfWhatWasMovedHere(t *testing.T) {
	w := newWorld(t)
	a, err := threepid.ParseEmail("alice@example.org")
	w.must(err)
	_, err = w.directory.Move(w.Context(), []lookup.Moved{{Address: a, User: "@alice:example.org"}})
	w.must(err)
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "@alice:example.org", "13 November 2024")
	if strings.Contains(shown.body, "Since") {
		t.Errorf("a moment is told that nobody knows:\n%s", shown.body)
	}
}

func TestTheOwnerOfAPhoneNumber(t *testing.T) {
	w := newWorld(t)
	waiting := w.send(emailForm, values("purpose", "manage", "medium", "msisdn", "country", "GB", "address", "07400 123456"))
	waiting.says(http.StatusOK, "Check your phone", "+44 7400 123456")
	_, code, _ := strings.Cut(w.post.texts[0].Text, "#")
	shown := waiting.press("", "code", code).says(http.StatusOK, "+44 7400 123456", "No Matrix account is found")
	shown.press(ownerForm+"/refuse").says(http.StatusOK, "twice a day at most")
	sent := w.post.count()
	for range 2 { // the owner of the number, and an app
		w.send(emailForm, values("purpose", "manage", "medium", "msisdn", "country", "GB", "address", "07400 123456")).says(http.StatusOK)
		w.send(emailForm, ask("medium", "msisdn", "country", "GB", "address", "07400 123456")).says(http.StatusOK)
	}
	if w.post.count() != sent+2 {
		t.Errorf("%d messages, want two for the owner's page", w.post.count()-sent)
	}
	shown.press(ownerForm+"/erase", "sure", "1").says(http.StatusOK, "Erased", "+44 7400 123456")
}

// A CAPTCHA, a slip of the keys and another message lead on to the owner's page too.
func TestTheWayToTheOwnersPage(t *testing.T) {
	w := newWorld(t)
	w.verifier.When = verify.Always
	step := w.openOwner("alice@example.org").says(http.StatusOK, "Type the six digits")
	waiting := step.press("", "answer", w.captcha.Answer(step.challengeID())).says(http.StatusOK, "Check your e-mail")
	w.verifier.When = verify.Never
	wrongOne := waiting.press("", "code", "1").says(http.StatusBadRequest, "This is not the right code")
	if again := attr(wrongOne.byID("code-error").LastChild.PrevSibling, "href"); again != ownerForm+"?lang=en" {
		t.Errorf("one begins again at %q", again)
	}
	edited := wrongOne.press(editForm).says(http.StatusOK, "What is stored about your address")
	if got := fieldOf(edited, "autofocus"); got != "alice@example.org" {
		t.Errorf("the form keeps %q", got)
	}
	w.clock.Advance(time.Minute)
	again := waiting.press(againForm).says(http.StatusOK, "We have sent a new message")
	code, _ := w.lastEmail()
	again.press("", "code", code).says(http.StatusOK, "Your address", "alice@example.org")
}

// Whoever confirms by the link sees nothing there, but goes back to the page that asked.
func TestAnOwnerConfirmsByTheLink(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	waiting := w.openOwner("alice@example.org")
	waiting.press(ownerForm).says(http.StatusBadRequest, "The link has not been confirmed yet")
	_, link := w.lastEmail()
	confirmed := w.get(link).says(http.StatusOK, "See and manage what is stored about this address").press("")
	confirmed.says(http.StatusOK, "press “Yes, continue” there")
	if strings.Contains(confirmed.body, "@alice") {
		t.Error("the page behind the link tells who is bound")
	}
	waiting.press(ownerForm).says(http.StatusOK, "@alice:example.org")
}

// A program that opens each address in the message before anybody has read it, and what those
// pages lead to, opens the owner's page to nobody: it stays shut to whoever asked for the message.
// Nor can another site press the button. Once it was pressed the page opens in the browser that
// asked, and with the secret of that browser alone.
func TestAProgramThatOpensTheMessageOpensNoOwnersPage(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	waiting, before := w.openOwner("alice@example.org"), w.validated()
	mail := w.newestMail()
	_, link := w.lastEmail()
	todo := slices.Concat(mailed.FindAllString(mail.Text, -1), anchors.FindAllString(mail.HTML, -1), w.get(link).leads())
	for _, address := range todo {
		path := strings.TrimPrefix(address, w.srv.URL)
		if !strings.HasPrefix(path, "/") {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			if r := w.request(method, path, ""); strings.Contains(r.body, "@alice:") {
				t.Errorf("%s %s tells who is bound", method, path)
			}
		}
	}
	for _, site := range []string{"cross-site", "same-site"} {
		w.request(http.MethodPost, strings.TrimPrefix(link, w.srv.URL), "", "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", site).
			says(http.StatusForbidden, "We did not take that")
	}
	for _, action := range []string{"", "/unbind", "/refuse", "/erase", "/download"} {
		r := w.send(ownerForm+action, waiting.fields()).says(http.StatusBadRequest, "The link has not been confirmed yet")
		if strings.Contains(r.body, "@alice:") {
			t.Errorf("%q is open to whoever asked", action)
		}
	}
	if n := w.validated(); n != before {
		t.Fatalf("%d sessions are validated by reading", n-before)
	}
	w.get(link).press("").says(http.StatusOK, "Address verified")
	stranger := waiting.fields()
	stranger.Set("client_secret", "guessed")
	w.send(ownerForm, stranger).says(http.StatusNotFound, "We do not know this verification")
	waiting.press(ownerForm).says(http.StatusOK, "@alice:example.org")
}

func TestAnOwnerRefusesAndAllowsMessages(t *testing.T) {
	w := newWorld(t)
	shown := w.ownerOf("alice@example.org").says(http.StatusOK, "No Matrix account", "Whoever types this address")
	refused := shown.press(ownerForm+"/refuse").says(http.StatusOK, "until 14 December 2023", "twice a day at most")
	before := w.post.count()
	w.open().says(http.StatusOK, "Check your e-mail")
	if w.post.count() != before {
		t.Error("a message was sent to whoever wants none")
	}
	later := w.ownerOf("alice@example.org").says(http.StatusOK, "until 14 December 2023")
	refused.press(ownerForm+"/allow").says(http.StatusOK, "Messages are allowed again")
	w.open()
	if w.post.count() != before+2 {
		t.Errorf("%d messages after they were allowed, want one for each page", w.post.count()-before)
	}
	later.press(ownerForm+"/allow").says(http.StatusOK, "Whoever types this address")
}

// Who has once refused all invitations needs no old message to have them again.
func TestAnOwnerRefusesAndAllowsInvitations(t *testing.T) {
	w := newWorld(t)
	_, _, path := w.invited()
	w.must(w.invites.Refuse(w.Context(), strings.TrimPrefix(path, page.NeverPath(""))))
	never := path + "?lang=en"
	shown := w.ownerOf("dora@example.org").says(http.StatusOK, "No more invitations")
	if !slices.Contains(shown.leads(), never) {
		t.Fatalf("the page does not lead to %q", never)
	}
	w.get(never).says(http.StatusOK, "we send no invitations to this address").press(path + "/allow")
	if w.refusing(path) {
		t.Error("invitations do not come again")
	}
}

func TestAnOwnerTakesACopyAlong(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org")
	file := shown.press(ownerForm + "/download")
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Content-Disposition": `attachment; filename="signet.json"`, "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Set-Cookie": "",
	} {
		if got := file.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	var held struct {
		Server, Medium, Address string
		Held                    map[string]json.RawMessage
	}
	w.must(json.Unmarshal([]byte(file.body), &held))
	if held.Server != "id.example.org" || held.Address != "alice@example.org" || !strings.Contains(string(held.Held["binding"]), "@alice:example.org") ||
		!strings.Contains(string(held.Held["verification"]), `"purpose": "manage"`) {
		t.Errorf("the file is %s", file.body)
	}
	if secret := secretOf(shown); strings.Contains(file.body, secret) {
		t.Error("the file has the session's secret")
	}
}

// Erasing takes a tick and ends the session; what is left tells of nobody.
func TestAnOwnerErases(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org")
	unsure := shown.press(ownerForm+"/erase").says(http.StatusBadRequest, "Tick the box first")
	if w.behind("alice@example.org") == "" {
		t.Fatal("it was erased without the tick")
	}
	unsure.press(ownerForm+"/erase", "sure", "1").says(http.StatusOK, "Erased", "This page has ended too")
	for _, action := range []string{"", "/unbind", "/refuse", "/allow", "/erase", "/download"} {
		shown.press(ownerForm+action, "sure", "1").says(http.StatusNotFound, "We do not know this verification")
	}
	left := storetest.Dump(t, w.db, "lookup_bindings", "lookup_changes", "verify_sessions", "verify_suppressions", "outbox_jobs")
	if strings.Contains(left, "alice") || strings.Contains(left, "sid=") {
		t.Errorf("left are\n%s", left)
	}
}

func TestTwoTabsOfAnOwnerErase(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org")
	fields := shown.fields()
	fields.Set("sure", "1")
	var statuses [4]int
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			res, err := w.srv.Client().PostForm(w.srv.URL+ownerForm+"/erase", fields)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			statuses[i] = res.StatusCode
		})
	}
	wg.Wait()
	slices.Sort(statuses[:])
	if statuses != [4]int{200, 404, 404, 404} {
		t.Errorf("the tabs are told %v", statuses)
	}
}

// fields are the hidden fields of the page's first form.
func (r *reply) fields() url.Values {
	fields := make(url.Values)
	for _, input := range r.all("input") {
		if attr(input, "type") == "hidden" {
			fields.Set(attr(input, "name"), attr(input, "value"))
		}
	}
	return fields
}

// A session opens the page of its own address, whatever the form says; one of anything else
// opens none; and nobody who has proved nothing learns whether an address is bound.
func TestWhoIsNoOwner(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	stranger := w.ownerOf("mallory@example.org").fields()
	stranger.Set("address", "alice@example.org")
	for _, action := range []string{"", "/unbind"} {
		r := w.send(ownerForm+action, stranger).says(http.StatusOK, "mallory@example.org", "No Matrix account")
		if strings.Contains(r.body, "alice") {
			t.Errorf("%q shows another's address: %s", action, r.body)
		}
	}
	if file := w.send(ownerForm+"/download", stranger); strings.Contains(file.body, "alice") {
		t.Errorf("the download has another's address: %s", file.body)
	}
	verified := w.open()
	code, _ := w.lastEmail()
	verified.press("", "code", code).says(http.StatusOK, "Address verified")
	other := verified.fields()
	for _, purpose := range []string{"manage", "verify", "reset", ""} {
		other.Set("purpose", purpose)
		for _, action := range []string{"", "/unbind", "/refuse", "/allow", "/erase", "/download"} {
			r := w.send(ownerForm+action, other)
			if r.StatusCode != http.StatusNotFound && r.StatusCode != http.StatusBadRequest || strings.Contains(r.body, "@alice") {
				t.Errorf("%q with a session to verify that says %q = %d", action, purpose, r.StatusCode)
			}
		}
	}
	guessed := stranger
	for _, address := range []string{"alice@example.org", "nobody@example.org"} {
		guessed.Set("client_secret", "guessed")
		guessed.Set("address", address)
		if r := w.send(ownerForm, guessed).says(http.StatusNotFound); strings.Contains(r.body, address) {
			t.Errorf("the answer depends on %s", address)
		}
	}
	if w.behind("alice@example.org") != "@alice:example.org" {
		t.Error("a stranger took it back")
	}
}

// The page is open for half an hour, and a browser on another site's errand is refused.
func TestAnOwnersPageEnds(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org")
	foreign := w.request(http.MethodPost, ownerForm+"/unbind", shown.fields().Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site")
	foreign.says(http.StatusForbidden, "We did not take that")
	w.clock.Advance(30 * time.Minute)
	for _, action := range []string{"", "/unbind", "/refuse", "/allow", "/erase", "/download"} {
		shown.press(ownerForm+action, "sure", "1").says(http.StatusGone, "Your time on this page is over")
	}
	if w.behind("alice@example.org") == "" {
		t.Error("it was taken back too late")
	}
}

// A program that opens every address of the page and of its message changes nothing, and
// no address holds a session.
func TestAScannerOpensTheOwnersPage(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	shown := w.ownerOf("alice@example.org")
	mail := w.newestMail()
	todo := slices.Concat(shown.leads(), w.get(ownerForm).leads(), mailed.FindAllString(mail.Text, -1), anchors.FindAllString(mail.HTML, -1))
	for _, address := range todo {
		if strings.Contains(address, secretOf(shown)) {
			t.Errorf("the address %q holds a secret", address)
		}
		path := strings.TrimPrefix(address, w.srv.URL)
		if !strings.HasPrefix(path, "/") {
			continue
		}
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodOptions} {
			if r := w.request(method, path, ""); strings.Contains(r.body, "@alice:") {
				t.Errorf("%s %s tells who is bound", method, path)
			}
		}
	}
	for _, action := range []string{"unbind", "refuse", "allow", "erase", "download"} {
		if to := w.get(ownerForm + "/" + action + "?lang=fr").Header.Get("Location"); to != ownerForm+"?lang=fr" {
			t.Errorf("GET %s leads to %q", action, to)
		}
	}
	if w.behind("alice@example.org") != "@alice:example.org" {
		t.Error("a scanner took it back")
	}
	shown.press(ownerForm).says(http.StatusOK, "Whoever types this address") // nor refused, nor erased
}

// What no page of ours sends changes nothing.
func TestBadFormsOfAnOwner(t *testing.T) {
	w := newWorld(t)
	w.bound("alice@example.org", "@alice:example.org")
	good := w.ownerOf("alice@example.org").fields()
	for name, change := range map[string]func(f url.Values){
		"no session":        func(f url.Values) { f.Del("sid") },
		"no secret":         func(f url.Values) { f.Del("client_secret") },
		"a field twice":     func(f url.Values) { f.Add("sid", "x") },
		"no UTF-8":          func(f url.Values) { f.Set("sid", "\xff") },
		"NUL":               func(f url.Values) { f.Set("sid", "\x00") },
		"no address":        func(f url.Values) { f.Set("address", "alice") },
		"an unknown medium": func(f url.Values) { f.Set("medium", "pigeon") },
		"no attempt":        func(f url.Values) { f.Set("send_attempt", "-1") },
		"no purpose":        func(f url.Values) { f.Set("purpose", "login") },
		"too long":          func(f url.Values) { f.Set("x", strings.Repeat("x", 9000)) },
	} {
		form := url.Values{}
		for key, values := range good {
			form[key] = slices.Clone(values)
		}
		change(form)
		form.Set("sure", "1")
		for _, action := range []string{"", "/unbind", "/refuse", "/allow", "/erase", "/download"} {
			if r := w.send(ownerForm+action, form); r.StatusCode < 400 || r.StatusCode >= 500 {
				t.Errorf("%s: POST %q = %d", name, action, r.StatusCode)
			}
		}
	}
	if w.behind("alice@example.org") != "@alice:example.org" {
		t.Error("a bad form took it back")
	}
	w.send(page.StopPath("x"), good).says(http.StatusNotFound)
}
