package page_test

import (
	"html/template"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"golang.org/x/net/html"

	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/internal/look"
	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/verify"
	"signet/verify/fraud"
	"signet/web/page"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// phrases are those of the pages, which take longer to read than most tests.
var phrases = sync.OnceValues(func() (*locale.Catalog, error) { return locale.Load("pages", os.DirFS("phrases")) })

// say is a phrase of the pages as the reader sees it.
func (w *world) say(key string, args ...any) string {
	w.Helper()
	catalog, err := phrases()
	w.must(err)
	phrase, err := catalog.In(w.reader).HTML(key, args...)
	w.must(err)
	return html.UnescapeString(tag.ReplaceAllString(string(phrase), ""))
}

// linkIn is the text of the link in a phrase.
func (w *world) linkIn(key string) string {
	w.Helper()
	catalog, err := phrases()
	w.must(err)
	phrase, err := catalog.In(w.reader).HTML(key, "url", "/", "home", "/", "server", "", "wait", template.HTML(""))
	w.must(err)
	_, text, _ := strings.Cut(string(phrase), `<a href="/">`)
	text, _, _ = strings.Cut(text, "</a>")
	return text
}

func TestTheLanguageOfAnAnswer(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		path, accept string
		want         locale.Language
		home         string
	}{
		{"/", "", locale.English, "/"},
		{"/", "de-CH,de;q=0.9,en;q=0.8", locale.German, "/"},
		{"/?lang=fr", "de", locale.French, "/?lang=fr"},
		{"/?lang=ar", "", locale.Arabic, "/?lang=ar"},
		{"/?lang=zh-CN", "de", locale.Chinese, "/?lang=zh"},
		{"/?lang=%22%3E%3Cscript%3E", "it", locale.Italian, "/?lang=it"},
		{"/?lang=" + strings.Repeat("x", 4000), "ja", locale.Japanese, "/?lang=ja"},
		{"/nowhere?lang=ru", "de", locale.Russian, "/?lang=ru"},
		{emailForm + "/AAAAAAAAAAAAAAAAAAAAAAAAAA", "pt-BR", locale.Portuguese, "/"},
		{submitLink(verify.Credentials{}, "x"), "es", locale.Spanish, "/"},
	} {
		r := w.request(http.MethodGet, test.path, "", "Accept-Language", test.accept+",*;q=0.1")
		if got := attr(r.one("html"), "lang"); got != test.want.String() {
			t.Errorf("%s for %q is in %q, want %v", test.path, test.accept, got, test.want)
		}
		if got := attr(r.one("header").FirstChild.NextSibling, "href"); got != test.home {
			t.Errorf("%s for %q leads home to %q, want %q", test.path, test.accept, got, test.home)
		}
	}
}

// Who chooses a language reads the same page in it, and all that follows from there.
func TestAChosenLanguageIsKept(t *testing.T) {
	w := newWorld(t)
	w.open()
	_, link := w.lastEmail()
	var german string
	for _, a := range w.get(link).all("a") {
		if attr(a, "lang") == "de" && attr(a, "hreflang") == "de" && words(a) == "Deutsch" {
			german = attr(a, "href")
		}
	}
	if german != "?lang=de" {
		t.Fatalf("the menu leads to %q", german)
	}
	asked := w.get(link + german)
	w.reader = locale.German
	asked.says(http.StatusOK, w.say("link-heading"), "alice@example.org")
	w.reader = locale.French // the browser's language, which the chosen one outweighs
	done := asked.press("")
	w.reader = locale.German
	done.says(http.StatusOK, w.say("verified-title"))
	if len(done.all("nav")) != 0 {
		t.Error("the answer of a form has a menu of languages, which would ask for what has no address")
	}
}

func TestAFormInALanguageIsAnsweredInIt(t *testing.T) {
	w := newWorld(t)
	w.reader = locale.Arabic
	waiting := w.send(emailForm, ask("medium", "email", "address", "alice@example.org", "lang", "ar"))
	heading := w.say("code-heading-email")
	w.reader = locale.English
	waiting.says(http.StatusOK, heading)
	again := waiting.press(againForm).says(http.StatusTooManyRequests, heading)
	again.press("", "code", "1").says(http.StatusBadRequest, heading)
	for _, path := range []string{emailForm, codeForm} {
		if to := w.get(path + "?lang=ar").Header.Get("Location"); to != "/?lang=ar" {
			t.Errorf("GET %s leads to %q", path, to)
		}
	}
}

// The specification's link is used up by opening it, so the page does not offer it
// again in another language.
func TestTheSpecificationsLinkHasNoMenu(t *testing.T) {
	w := newWorld(t)
	session := w.asked("")
	code, _ := w.lastEmail()
	if r := w.get(submitLink(session, code)).says(http.StatusOK); len(r.all("nav")) != 0 {
		t.Error("the page has a menu")
	}
	if r := w.get("/"); len(r.all("nav")) != 1 {
		t.Error("the front page has no menu")
	}
}

// Developers' pages are in English for everybody.
func TestTheMailboxIsInEnglish(t *testing.T) {
	var box *deliver.Mailbox
	w := newWorld(t, withMailbox(t, &box))
	w.reader = locale.German
	r := w.get("/_signet/mailbox?lang=de").says(http.StatusOK, "No messages yet")
	if lang := attr(r.one("html"), "lang"); lang != "en" {
		t.Errorf("lang = %q", lang)
	}
}

// Each language has the countries by their names in it, in the order of its alphabet.
func TestTheCountriesOfEachLanguage(t *testing.T) {
	for l, want := range map[locale.Language]struct{ germany, before, after string }{
		locale.English:  {"Germany", "Åland Islands", "Albania"},
		locale.German:   {"Deutschland", "Österreich", "Pakistan"},
		locale.French:   {"Allemagne", "Équateur", "Érythrée"},
		locale.Spanish:  {"Alemania", "Nueva Zelanda", "Omán"},
		locale.Russian:  {"Германия", "Австралия", "Австрия"},
		locale.Arabic:   {"ألمانيا", "ألمانيا", "اليابان"},
		locale.Chinese:  {"德国", "阿尔巴尼亚", "中国"}, // by pinyin
		locale.Japanese: {"ドイツ", "アイルランド", "ドイツ"},
	} {
		w := newWorld(t)
		w.reader = l
		var names []string
		for _, o := range w.get("/").all("option")[1:] {
			names = append(names, words(o))
		}
		if !slices.Contains(names, want.germany) {
			t.Errorf("%v: there is no %q", l, want.germany)
		}
		before, after := slices.Index(names, want.before), slices.Index(names, want.after)
		if before < 0 || after < 0 || before >= after && want.before != want.after {
			t.Errorf("%v: %q is at %d and %q at %d", l, want.before, before, want.after, after)
		}
	}
}

func TestDates(t *testing.T) {
	for l, want := range map[locale.Language]string{
		locale.English: "14 November 2023", locale.German: "14. November 2023", locale.French: "14 novembre 2023",
		locale.Spanish: "14 de noviembre de 2023", locale.Portuguese: "14 de novembro de 2023", locale.Italian: "14 novembre 2023",
		locale.Russian: "14 ноября 2023 г.", locale.Arabic: "14 نوفمبر 2023", locale.Chinese: "2023年11月14日", locale.Japanese: "2023年11月14日",
	} {
		w := newWorld(t)
		w.reader = l
		_, err := w.ring.Rotate(t.Context())
		w.must(err)
		if got := words(w.get("/").one("time")); got != want {
			t.Errorf("%v: %q, want %q", l, got, want)
		}
	}
}

// sights are all pages, each at its worst: with errors, refusals and strangers.
func sights(w *world) map[string]*reply {
	start := func(pairs ...string) *reply { return w.send(emailForm, ask(pairs...)) }
	all := map[string]*reply{
		"home": w.get("/"), "no address": start("medium", "email", "address", "x"), "no phone": start("medium", "msisdn", "country", "GB", "address", "12"),
		"no country": start("medium", "msisdn", "address", "12"), "bad country": start("medium", "msisdn", "country", "XX", "address", "12"),
		"nothing": w.get("/nowhere"), "no form": w.send(emailForm, nil), "no link": w.get(emailForm + "/AAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"foreign": w.request(http.MethodPost, emailForm, "", "Sec-Fetch-Site", "cross-site"), "large": start("medium", strings.Repeat("x", 9000)),
		"no session": w.get(submitLink(verify.Credentials{SID: "x", ClientSecret: "y"}, "z")),
		"code":       w.open(),
	}
	_, link := w.lastEmail()
	all["link of the page"] = w.get(link)
	all["wrong code"] = all["code"].press("", "code", "1")
	all["too soon"] = all["code"].press(againForm)
	w.clock.Advance(time.Minute)
	all["resent"] = all["code"].press(againForm)
	code, _ := w.lastEmail()
	all["verified"] = all["resent"].press("", "code", code)
	w.clock.Advance(time.Hour)
	all["expired"] = w.send(link, nil)
	phone := start("medium", "msisdn", "country", "GB", "address", "07400123456")
	all["code for a phone"], all["wrong code of a phone"] = phone, phone.press("", "code", "1")
	session := w.asked("https://other.example/")
	code, link = w.lastEmail()
	all["link of an account"], all["wrong link"] = w.get(link), w.get(submitLink(session, wrong(code)))
	all["next"] = w.get(submitLink(session, code))
	seePurposes(w, all)
	seeChallenges(w, all)
	seeStops(w, all)
	seeInvitations(w, all)
	seeOwners(w, all)
	w.post.refuse(deliver.ErrRefused)
	all["not sent"] = start("medium", "email", "address", "bob@example.org")
	all["no text"] = start("medium", "msisdn", "address", "+447400123457")
	return all
}

func seePurposes(w *world, all map[string]*reply) {
	for _, purpose := range []verify.Purpose{verify.Verify, verify.Register, verify.RegisterAndBind, verify.Add, verify.Reset, verify.Login} {
		for _, user := range []matrix.UserID{"", "@bob:example.org"} {
			w.requested(verify.Request{Caller: verify.Homeserver("example.org"), Purpose: purpose, User: user})
			_, link := w.lastEmail()
			all["link to "+string(purpose)+user.String()] = w.get(link)
		}
	}
	w.requested(verify.Request{Caller: verify.Page, Purpose: verify.Manage})
	_, link := w.lastEmail()
	all["link to manage"] = w.get(link)
}

func seeChallenges(w *world, all map[string]*reply) {
	w.verifier.When = verify.Always
	all["step"] = w.open()
	all["wrong step"] = all["step"].press("", "answer", "1")
	w.verifier.When = verify.Never
	id, path := w.challenged()
	all["challenge"] = w.get(path)
	for all["last try"] = all["challenge"]; w.get(path).StatusCode == http.StatusOK; {
		all["last try"] = all["challenge"].press("", "answer", w.miss(id))
	}
	all["unknown challenge"] = w.get(page.ChallengePath("x"))
	id, path = w.challenged()
	all["passed"] = w.get(path).press("", "answer", w.captcha.Answer(id))
	for _, l := range []string{"en", "ja", "pt", "ru", "zh"} {
		w.must(errOf(w.captcha.Audio(w.Context(), id, l)))
	}
	all["heard too often"] = w.get(page.AudioPath(id))
	w.clock.Advance(11 * time.Minute)
	all["old challenge"] = w.get(path)
}

func errOf(_ []byte, err error) error { return err }

func seeStops(w *world, all map[string]*reply) {
	all["no stop"] = w.get(page.StopPath("x"))
	all["stop"] = w.get(w.disowned())
	all["stopped"] = all["stop"].press("")
	all["silent"] = all["stopped"].press("")
}

func seeOwners(w *world, all map[string]*reply) {
	all["ask owner"] = w.get(ownerForm)
	all["ask owner again"] = w.send(emailForm, values("purpose", "manage", "medium", "email", "address", "x"))
	w.bound("owner@example.org", "@owner:example.org")
	all["owner's code"] = w.openOwner("owner@example.org")
	all["not confirmed"] = all["owner's code"].press(ownerForm)
	code, link := w.lastEmail()
	all["owner"] = all["owner's code"].press("", "code", code)
	all["owner's link"] = w.get(link)
	all["unbound"] = all["owner"].press(ownerForm + "/unbind")
	all["refused"] = all["owner"].press(ownerForm + "/refuse")
	all["allowed"] = all["owner"].press(ownerForm + "/allow")
	all["unsure"] = all["owner"].press(ownerForm + "/erase")
	all["erased"] = all["owner"].press(ownerForm+"/erase", "sure", "1")
	all["erased before"] = all["owner"].press(ownerForm + "/unbind")
	late := w.ownerOf("owner@example.org")
	w.clock.Advance(30 * time.Minute)
	all["owner too late"] = late.press(ownerForm + "/refuse")
}

// seeHistories sees every kind of entry, of an address and one that was erased.
func seeHistories(w *world, all map[string]*reply) {
	w.seal()
	all["no history"] = w.ownerOf("alice@example.org")
	w.bound("alice@example.org", "@alice:example.org")
	w.publish(0, "a0", "")
	w.seal()
	w.unbind("alice@example.org", "@alice:example.org")
	w.publish(1, "a1", "a0")
	w.seal()
	w.publish(2, "a2", "")
	all["keys that wait"] = w.ownerOf("alice@example.org")
	w.clock.Advance(24 * time.Hour)
	w.seal()
	w.publish(3, "", "a2")
	all["history that is behind"] = w.ownerOf("alice@example.org")
	w.seal()
	all["history"] = w.ownerOf("alice@example.org")
	all["discarded"] = all["history"].press(ownerForm + "/discard")
	w.clock.Advance(2 * time.Hour)
	all["history that stands still"] = w.ownerOf("alice@example.org")
	all["history that stands still"].press(ownerForm+"/erase", "sure", "1")
	w.seal()
	w.clock.Advance(24 * time.Hour)
	w.seal()
	all["history of what was erased"] = w.ownerOf("alice@example.org")
}

// refusals are what a verifier may say that the world has no cause to.
var refusals = []error{
	verify.ErrUndeliverable, verify.ErrEmailNotServed, verify.ErrSMSNotServed, errNobodyNamed, verify.ErrNotValidated,
	verify.ErrDisposable, verify.ErrDestination, fraud.ErrOff, fraud.NotServed{Country: "XX"}, fraud.ErrNumberType, fraud.Paused{RetryAfter: time.Hour},
	fraud.CapReached{RetryAfter: 3 * time.Hour}, matrix.LimitExceeded{RetryAfter: time.Second}, matrix.LimitExceeded{RetryAfter: 5 * time.Hour}, threepid.ErrCountry,
}

// same are the words that are the same in English.
var same = map[locale.Language][]string{
	locale.German: {"Code"}, locale.French: {"Code"},
}

// No page of any language has words in English left, whether they stand in a template
// or have been forgotten in the phrases.
func TestEveryPageIsInEveryLanguage(t *testing.T) {
	english := map[string]bool{}
	for _, l := range locale.Languages() {
		t.Run(l.String(), func(t *testing.T) {
			for name, r := range everything(t, l) {
				if got := attr(r.one("html"), "lang"); got != l.String() {
					t.Errorf("%s is in %q", name, got)
				}
				for _, text := range r.texts() {
					switch {
					case l == locale.English:
						english[text] = true
					case english[text] && !slices.Contains(same[l], text):
						t.Errorf("%s says %q, as in English", name, text)
					}
				}
			}
		})
	}
}

func everything(t *testing.T, l locale.Language) map[string]*reply {
	w := newWorld(t, func(o *page.Options) {
		o.Development = true
	})
	w.reader = l
	_, err := w.ring.Rotate(t.Context())
	w.must(err)
	all := sights(w)
	logged := newWorld(t)
	logged.reader = l
	seeHistories(logged, all)
	closed := newWorld(t, func(o *page.Options) { o.Email, o.SMS = false, false })
	closed.reader = l
	all["closed"] = closed.get("/")
	no := &refusing{}
	refused := newWorld(t, func(o *page.Options) { no.Verifier, o.Verifier = o.Verifier, no })
	refused.reader = l
	for _, no.err = range refusals {
		for medium, address := range map[string]string{"email": "alice@example.org", "msisdn": "+447400123456"} {
			all[no.err.Error()+medium] = refused.send(emailForm, ask("medium", medium, "address", address))
			all[no.err.Error()+medium+" again"] = refused.send(againForm, ask("sid", "s", "client_secret", "c",
				"medium", medium, "send_attempt", "1", "address", strings.TrimPrefix(address, "+")))
		}
	}
	return all
}

// texts are the words of a page that are ours: those of strangers are set apart, and
// the names of countries and languages are not ours either.
func (r *reply) texts() (all []string) {
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode && strings.ContainsFunc(n.Data, unicode.IsLetter):
			all = append(all, n.Data)
		case slices.Contains([]string{"bdi", "code", "option", "svg"}, n.Data), n.Data == "a" && has(n, "lang"), attr(n, "class") == "languages":
			return
		}
		for _, name := range []string{"aria-label", "title", "alt"} {
			if has(n, name) {
				all = append(all, attr(n, name))
			}
		}
		for child := range n.ChildNodes() {
			walk(child)
		}
	}
	walk(r.doc)
	return all
}

// What is the same in English must be meant to be.
func TestPhrasesAreTranslated(t *testing.T) {
	read := func(l locale.Language) (phrases map[string]any) {
		b, err := os.ReadFile("phrases/pages." + l.String() + ".yaml")
		if err == nil {
			err = yaml.Unmarshal(b, &phrases)
		}
		if err != nil {
			t.Fatal(err)
		}
		return phrases
	}
	allowed := map[locale.Language][]string{
		locale.German: {"code-label", "country-any", "month-4", "month-8", "month-9", "month-11"}, locale.French: {"code-label", "country-any"},
		locale.Spanish: {"page-title-error"},
	}
	english := read(locale.English)
	for _, l := range locale.Languages()[1:] {
		for key, phrase := range read(l) {
			text, ok := phrase.(string)
			if ok && text == english[key] && !slices.Contains(allowed[l], key) {
				t.Errorf("%v: %s is %q, as in English", l, key, text)
			}
		}
	}
}

// What no page says is not to be translated.
func TestNoPhraseIsIdle(t *testing.T) {
	catalog, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`^(month|wait|trouble|problem|purpose|means|happened)-|-(email|msisdn)$`) // whose keys are put together
	files, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	var templates strings.Builder
	templates.WriteString(look.Layout)
	for _, f := range files {
		b, err := os.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		templates.Write(b)
	}
	for _, key := range catalog.Keys() {
		if !said.MatchString(key) && key != "date" && !strings.Contains(templates.String(), `"`+key+`"`) {
			t.Errorf("no page says %q", key)
		}
	}
}
