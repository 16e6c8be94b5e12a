package webclient

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"signet/internal/locale"
)

func catalog(t *testing.T) *locale.Catalog {
	t.Helper()
	source, err := fs.Sub(texts, "phrases")
	if err != nil {
		t.Fatal(err)
	}
	c, err := locale.Load("web", source)
	if err != nil { // which is one that is not whole
		t.Fatal(err)
	}
	return c
}

// script is all that runs in the browser, without its comments.
func script(t *testing.T) (all string) {
	t.Helper()
	names, err := fs.Glob(static, "static/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(static, name)
		if err != nil {
			t.Fatal(err)
		}
		all += regexp.MustCompile(`(?m)(^|\s)// .*$`).ReplaceAllString(string(text), "")
	}
	return all
}

// The page has in it the phrases of its language, in the forms that the script says, and it is
// written from where that language begins.
func TestThePageInEachLanguage(t *testing.T) {
	c, err := New(Options{ServerName: "hs.test", PublicURL: "https://hs.test"})
	if err != nil {
		t.Fatal(err)
	}
	phrases := catalog(t)
	for _, l := range locale.Languages() {
		doc, err := html.Parse(strings.NewReader(string(c.pages[l])))
		if err != nil {
			t.Fatal(err)
		}
		var lang, dir, data string
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				switch {
				case n.Data == "html" && a.Key == "lang":
					lang = a.Val
				case n.Data == "html" && a.Key == "dir":
					dir = a.Val
				case n.Data == "script" && a.Val == "phrases":
					data = n.FirstChild.Data
				}
			}
		}
		if lang != l.String() || dir != l.Direction() {
			t.Errorf("the page in %v says %q and %q", l, lang, dir)
		}
		var said map[string]map[string]string
		if err := json.Unmarshal([]byte(data), &said); err != nil {
			t.Fatalf("the phrases in %v: %v", l, err)
		}
		for _, key := range phrases.Keys() {
			for form, text := range said[key] {
				if text == "" || strings.Contains(text, "<") {
					t.Errorf("%v: %s is %q in the form %s; the script knows no markup", l, key, text, form)
				}
			}
			if said[key]["other"] == "" || len(said) != len(phrases.Keys()) {
				t.Errorf("%v: the page has not %s", l, key)
			}
		}
	}
}

// What is the same in English must be meant to be.
func TestPhrasesAreTranslated(t *testing.T) {
	allowed := map[locale.Language][]string{
		locale.German: {"code-label"}, locale.French: {"code-label", "wait-minutes"}, locale.Italian: {"password", "menu"}, locale.Spanish: {},
	}
	phrases := catalog(t)
	for _, l := range locale.Languages()[1:] {
		for _, key := range phrases.Keys() {
			if text := phrases.In(l).Forms(key)["other"]; text == phrases.In(locale.English).Forms(key)["other"] && !slices.Contains(allowed[l], key) {
				t.Errorf("%v: %s is %q, as in English", l, key, text)
			}
		}
	}
}

var (
	// asked is how the script names a phrase; put is how it puts a key together.
	asked = regexp.MustCompile(`\b(?:t\(|Plain\(|\[|\? |: )"(did-[a-z-]+)"|\b(?:t|Plain)\("([^"]+)"`)
	put   = regexp.MustCompile(`^(code-(heading|sent)-(email|msisdn)|m-[a-z-]+)$`)
	// sentence is what people would read: a capital letter, or several words and a full stop.
	sentence = regexp.MustCompile("[\"`>]([A-Z][a-z]+( [^\"`]*)?|[^\"`]*[a-z] [a-z]+[.?!:…])[\"`]")
)

// Each phrase that the script says is there, and what it does not say is not to be translated.
func TestThePhrasesOfTheScript(t *testing.T) {
	text := script(t)
	index, err := fs.ReadFile(static, path.Join("static", indexName))
	if err != nil {
		t.Fatal(err)
	}
	keys := catalog(t).Keys()
	for _, m := range asked.FindAllStringSubmatch(text, -1) {
		if key := m[1] + m[2]; !slices.Contains(keys, key) {
			t.Errorf("the script says %q, and there is no such phrase", key)
		}
	}
	for _, key := range keys {
		if !put.MatchString(key) && !strings.Contains(text+string(index), `"`+key+`"`) {
			t.Errorf("nothing says %q", key)
		}
	}
}

// No text for people is left in the script.
func TestTheScriptSpeaksNoLanguage(t *testing.T) {
	names := []string{"Authorization", "Bearer ${token}"} // of HTTP
	for _, m := range sentence.FindAllStringSubmatch(script(t), -1) {
		if !slices.Contains(names, m[1]) {
			t.Errorf("the script says %q itself", m[1])
		}
	}
}
