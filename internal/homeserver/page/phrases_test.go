package page

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"signet/internal/locale"
	"signet/internal/look"
)

func phrases(t *testing.T, l locale.Language) (all map[string]any) {
	t.Helper()
	b, err := fs.ReadFile(texts, "phrases/pages."+l.String()+".yaml")
	if err == nil {
		err = yaml.Unmarshal(b, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each language has each phrase, with the same values and markup; what is the same in English
// must be meant to be.
func TestPhrasesAreTranslated(t *testing.T) {
	if _, err := library(); err != nil { // which is whole or does not load
		t.Fatal(err)
	}
	allowed := map[locale.Language][]string{
		locale.German: {"code-label"}, locale.French: {"code-label"}, locale.Spanish: {"page-title-error"}, locale.Italian: {"password-label"},
	}
	english := phrases(t, locale.English)
	for _, l := range locale.Languages()[1:] {
		for key, phrase := range phrases(t, l) {
			text, ok := phrase.(string)
			if ok && text == english[key] && !slices.Contains(allowed[l], key) {
				t.Errorf("%v: %s is %q, as in English", l, key, text)
			}
		}
	}
}

// What no page says is not to be translated.
func TestNoPhraseIsIdle(t *testing.T) {
	var said strings.Builder
	said.WriteString(look.Layout)
	for _, name := range []string{"layout", stageName, doneName, loginName, problemName} {
		b, err := fs.ReadFile(texts, "templates/"+name+".html")
		if err != nil {
			t.Fatal(err)
		}
		said.Write(b)
	}
	for _, title := range titles {
		said.WriteString(`"` + title + `"`)
	}
	composed := regexp.MustCompile(`^(wait|trouble|problem|asked)-|^stage-other$|^browser-on$|-(email|msisdn)$|^(login|code|consent)-title$`) // whose keys are put together, or stand in Go
	for key := range phrases(t, locale.English) {
		if !composed.MatchString(key) && !strings.Contains(said.String(), `"`+key+`"`) {
			t.Errorf("no page says %q", key)
		}
	}
}
