package locale_test

import (
	"errors"
	"html/template"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	texttemplate "text/template"

	"signet/internal/locale"
)

// minutes is a phrase that shows which plural form was chosen.
var minutes = map[string]string{
	"en": "{one: '{count} one', other: '{count} other'}",
	"de": "{one: '{count} one', other: '{count} other'}",
	"fr": "{one: '{count} one', other: '{count} other'}",
	"es": "{one: '{count} one', other: '{count} other'}",
	"pt": "{one: '{count} one', other: '{count} other'}",
	"it": "{one: '{count} one', other: '{count} other'}",
	"ru": "{one: '{count} one', few: '{count} few', many: '{count} many', other: '{count} other'}",
	"ar": "{zero: '{count} zero', one: '{count} one', two: '{count} two', few: '{count} few', many: '{count} many', other: '{count} other'}",
	"zh": "{other: '{count} other'}",
	"ja": "{other: '{count} other'}",
}

const others = `
hello: "Hello {name}, & welcome!"
rich: "<strong>{name}</strong> has a <a href=\"{url}\">page</a>, isn't it?<br>"
`

// folder is a whole catalog, with the changes of pairs of file and content.
func folder(changes ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for language, m := range minutes {
		files["test."+language+".yaml"] = &fstest.MapFile{Data: []byte("minutes: " + m + others)}
	}
	return with(files, changes...)
}

func with(files fstest.MapFS, changes ...string) fstest.MapFS {
	for i := 0; i < len(changes); i += 2 {
		files[changes[i]] = &fstest.MapFile{Data: []byte(changes[i+1])}
	}
	return files
}

func load(t *testing.T, overrides ...fs.FS) *locale.Catalog {
	t.Helper()
	c, err := locale.Load("test", folder(), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The forms are those of CLDR's table "Language Plural Rules".
func TestPluralForms(t *testing.T) {
	c := load(t)
	numbers := []int64{0, 1, 2, 3, 5, 11, 21, 100, 10_000_000, -1}
	germanic := strings.Fields("other one other other other other other other other one")
	for language, want := range map[locale.Language][]string{
		locale.English: germanic, locale.German: germanic, locale.Spanish: germanic, locale.Italian: germanic,
		locale.French:     strings.Fields("one one other other other other other other other one"),
		locale.Portuguese: strings.Fields("one one other other other other other other other one"),
		locale.Russian:    strings.Fields("many one few few many many one many many one"),
		locale.Arabic:     strings.Fields("zero one two few few many many other other one"),
		locale.Chinese:    strings.Fields("other other other other other other other other other other"),
		locale.Japanese:   strings.Fields("other other other other other other other other other other"),
	} {
		for i, n := range numbers {
			got, err := c.In(language).Text("minutes", "count", n)
			if _, form, _ := strings.Cut(got, " "); err != nil || form != want[i] {
				t.Errorf("%v: %d is %q, %v, want %q", language, n, got, err, want[i])
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	c := load(t)
	for language, want := range map[locale.Language]string{
		locale.English: "12,345 other", locale.German: "12.345 other", locale.Russian: "12\u00a0345 many", locale.Arabic: "12,345 many", locale.Japanese: "12,345 other",
	} {
		if got, err := c.In(language).Text("minutes", "count", 12345); err != nil || got != want {
			t.Errorf("%v: %q, %v, want %q", language, got, err, want)
		}
	}
}

type name struct{}

func (name) String() string { return "<Al & ice>" }

func TestText(t *testing.T) {
	c := load(t)
	for _, value := range []any{name{}, "<Al & ice>", template.URL("<Al & ice>")} {
		if got, err := c.In(locale.German).Text("hello", "name", value); err != nil || got != "Hello <Al & ice>, & welcome!" {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := c.In(locale.Arabic).Text("hello", "name", value); err != nil || got != "Hello \u2068<Al & ice>\u2069, & welcome!" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got, err := c.In(locale.English).Text("hello", "name", "نور"); err != nil || got != "Hello \u2068نور\u2069, & welcome!" {
		t.Errorf("an Arabic name in English: %q, %v", got, err)
	}
	if got, err := c.In(locale.Arabic).Text("hello", "name", "123456"); err != nil || got != "Hello 123456, & welcome!" {
		t.Errorf("a code in Arabic: %q, %v", got, err)
	}
}

// Who says phrases elsewhere is given them as they were written.
func TestForms(t *testing.T) {
	c := load(t)
	for key, want := range map[string]map[string]string{
		"hello":   {"other": "Hello {name}, & welcome!"},
		"rich":    {"other": `<strong>{name}</strong> has a <a href="{url}">page</a>, isn't it?<br>`},
		"minutes": {"one": "{count} one", "few": "{count} few", "many": "{count} many", "other": "{count} other"},
		"nothing": {},
	} {
		if got := c.In(locale.Russian).Forms(key); !maps.Equal(got, want) {
			t.Errorf("Forms(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestHTML(t *testing.T) {
	p := load(t).In(locale.Arabic)
	got, err := p.HTML("rich", "name", `<script>"`, "url", `https://x.org/?a&"b`)
	want := `<strong>&lt;script&gt;&#34;</strong> has a <a href="https://x.org/?a&amp;&#34;b">page</a>, isn&#39;t it?<br>`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	got, err = p.HTML("hello", "name", template.HTML("<bdi>@a:b</bdi>"))
	if err != nil || got != "Hello <bdi>@a:b</bdi>, &amp; welcome!" {
		t.Errorf("%s, %v", got, err)
	}
	for _, url := range []any{"javascript:alert(1)", "data:x", "JavaScript:x", "", "//x.org", " https://x.org", 5, nil, template.HTML("https://x.org")} {
		if got, err := p.HTML("rich", "name", "x", "url", url); !errors.Is(err, locale.ErrPhrase) {
			t.Errorf("a link to %q: %s, %v", url, got, err)
		}
	}
}

// What a template asks for wrongly is an error when it is executed.
func TestWhatCannotBeSaid(t *testing.T) {
	p := load(t).In(locale.Russian)
	for _, args := range [][]any{
		{"unknown"}, {"hello"}, {"hello", "name"}, {"hello", "nam", "x"}, {"hello", 1, 2}, {"hello", "name", nil}, {"hello", "name", 1.5},
		{"hello", "name", []byte("x")}, {"minutes"}, {"minutes", "count", "5"}, {"minutes", "count", 1.0}, {"minutes", "n", 1},
	} {
		if got, err := p.Text(args[0].(string), args[1:]...); !errors.Is(err, locale.ErrPhrase) {
			t.Errorf("Text(%v) = %q, %v", args, got, err)
		}
		if got, err := p.HTML(args[0].(string), args[1:]...); !errors.Is(err, locale.ErrPhrase) {
			t.Errorf("HTML(%v) = %q, %v", args, got, err)
		}
	}
	for _, args := range [][]any{{"rich", "name", "x", "url", "https://x.org"}, {"hello", "name", template.HTML("<b>")}} {
		if got, err := p.Text(args[0].(string), args[1:]...); !errors.Is(err, locale.ErrPhrase) {
			t.Errorf("Text(%v) = %q, %v", args, got, err)
		}
	}
}

func TestTemplates(t *testing.T) {
	p := load(t).In(locale.English)
	var b strings.Builder
	text := texttemplate.Must(texttemplate.New("").Funcs(p.TextFuncs()).Parse(`{{T "hello" "name" .}} {{T "minutes" "count" 3}}`))
	if err := text.Execute(&b, "<b>"); err != nil || b.String() != "Hello <b>, & welcome! 3 other" {
		t.Errorf("text = %q, %v", b.String(), err)
	}
	b.Reset()
	html := template.Must(template.New("").Funcs(p.HTMLFuncs()).Parse(`<p title="{{T "hello" "name" .}}">{{T "hello" "name" .}}</p>`))
	if err := html.Execute(&b, `"<b>`); err != nil || b.String() != `<p title="Hello &#34;&lt;b&gt;, &amp; welcome!">Hello &#34;&lt;b&gt;, &amp; welcome!</p>` {
		t.Errorf("HTML = %q, %v", b.String(), err)
	}
	if err := template.Must(template.New("").Funcs(p.HTMLFuncs()).Parse(`{{T "hello"}}`)).Execute(&b, nil); !errors.Is(err, locale.ErrPhrase) {
		t.Errorf("a value is missing: %v", err)
	}
}

// The operator replaces some phrases of some languages, and the rest stay.
func TestOverrides(t *testing.T) {
	c := load(t, fstest.MapFS{
		"test.de.yaml":  {Data: []byte("hello: 'Moin {name}'")},
		"notes.de.yaml": {Data: []byte("of: another domain")},
		"readme.txt":    {Data: []byte("mine")},
	})
	for language, want := range map[locale.Language]string{locale.German: "Moin A", locale.English: "Hello A, & welcome!"} {
		if got, err := c.In(language).Text("hello", "name", "A"); err != nil || got != want {
			t.Errorf("%v: %q, %v, want %q", language, got, err, want)
		}
	}
	if got, err := c.In(locale.German).Text("minutes", "count", 1); err != nil || got != "1 one" {
		t.Errorf("what was not replaced: %q, %v", got, err)
	}
}

// Each fault is told with its file and its key, and all of them at once.
func TestLoadRefuses(t *testing.T) {
	faults := []struct{ language, entry, want string }{
		{"de", "hello: 'Hallo'", `test.de.yaml: hello: other: it holds ""`},
		{"fr", "hello: 'Bonjour {nom}'", `test.fr.yaml: hello: other: it holds "{nom}"`},
		{"es", "hello: 'Hola {name} <strong>ya</strong>'", "test.es.yaml: hello: other: it holds"},
		{"it", "hello: 5", "test.it.yaml: hello: it is neither"},
		{"pt", "hello: ''", "test.pt.yaml: hello: it is empty"},
		{"ja", "hello: '{name} <img src=x>'", `test.ja.yaml: hello: "<img src=x>"`},
		{"zh", "hello: '{name} }'", `test.zh.yaml: hello: "}"`},
		{"ru", "minutes: {one: '{count}', other: '{count}'}", `test.ru.yaml: minutes: the plural form "few" is missing`},
		{"ar", "extra: 'x'", "test.ar.yaml: extra: there is no such phrase in English"},
		{"en", "minutes: 'minutes'", "test.en.yaml: minutes: it has plural forms, or has none"},
	}
	var files []string
	for _, f := range faults {
		files = append(files, "test."+f.language+".yaml", f.entry)
	}
	_, err := locale.Load("test", folder(), with(fstest.MapFS{}, files...))
	for _, f := range faults {
		if err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("%s: %q is not reported", f.language, f.want)
		}
	}
	for _, entry := range []string{
		"minutes: {one: '{count}', few: '{count}', other: '{count}'}", // German has no few
		"minutes: {one: '{count}', other: '{count} {name}'}",
		"minutes: {one: 1, other: '{count}'}", "minutes: {a: b, one: '{count}', other: '{count}'}", "minutes: []", "minutes: {}", "- minutes", "minutes: x\nminutes: y", "\x00", "{",
		"rich: '<strong>{name}</strong> <a href=\"{url}\">x<br>'", "rich: '{name}</strong><strong> <a href=\"{url}\">x</a><br>'",
		"rich: '<strong>{name}</strong> <a href=\"https://evil.example\">x</a><br>'", "rich: '<strong>{name} <a href=\"{url}\"></strong></a><br>'",
		"hello: \"{name}\\u0007\"", "hello: '{name'", "hello: '{Name}'", "hello: '{{name}}'", "hello: '{name} <a>'",
	} {
		if _, err := locale.Load("test", folder(), with(fstest.MapFS{}, "test.de.yaml", entry)); err == nil {
			t.Errorf("%q is accepted", entry)
		}
	}
	for file, content := range map[string]string{"test.fr.yaml": "", "test.en.yaml": "", "test.xx.yaml": "hello: x", "test.deu.yaml": ""} {
		if _, err := locale.Load("test", folder(file, content)); err == nil {
			t.Errorf("a catalog with %s holding %q is accepted", file, content)
		}
	}
	missing := folder()
	delete(missing, "test.ja.yaml")
	if _, err := locale.Load("test", missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a catalog without Japanese: %v", err)
	}
}

// The laws: no content makes loading panic, and what loads can be said, in both
// ways, with no value's markup in the HTML.
func FuzzPhrase(f *testing.F) {
	f.Add("Hello {name}", "<b>")
	f.Add("<strong>{name}</strong><br>", "x")
	f.Add("<a href=\"{url}\">{name}</a>", `javascript:alert("x")`)
	f.Add("{count", "'")
	f.Fuzz(func(t *testing.T, text, value string) {
		files := fstest.MapFS{}
		for _, l := range locale.Languages() {
			files["fuzz."+l.String()+".yaml"] = &fstest.MapFile{Data: []byte("key: |2-\n  " + strings.ReplaceAll(text, "\n", "\n  "))}
		}
		c, err := locale.Load("fuzz", files)
		if err != nil {
			return
		}
		args := []any{"name", "<i>" + value, "url", "https://x.org/\"<i>" + value}
		for _, l := range []locale.Language{locale.English, locale.Arabic} {
			for _, key := range c.Keys() {
				html, err := c.In(l).HTML(key, args...)
				if err == nil && strings.Contains(string(html), "<i>") {
					t.Errorf("%q with %q = %q", text, value, html)
				}
				if _, err := c.In(l).Text(key, args...); err != nil && !errors.Is(err, locale.ErrPhrase) {
					t.Errorf("%q with %q: %v", text, value, err)
				}
			}
		}
	})
}
