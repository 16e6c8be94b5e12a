package locale_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"signet/internal/locale"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		explicit string
		headers  []string
		want     locale.Language
	}{
		{want: locale.English},
		{headers: []string{"de-CH,de;q=0.9,en;q=0.8"}, want: locale.German},
		{headers: []string{"pt-PT,pt;q=0.9,en;q=0.8"}, want: locale.Portuguese},
		{headers: []string{"pt-PT,en;q=0.8"}, want: locale.Portuguese},
		{headers: []string{"en;q=0.2, ja;q=0.7"}, want: locale.Japanese},
		{headers: []string{"zh-CN,zh;q=0.9"}, want: locale.Chinese},
		{headers: []string{"zh-TW"}, want: locale.Chinese},
		{headers: []string{"zh-TW, en;q=0.5"}, want: locale.English}, // rather than characters of another script
		{headers: []string{"ar-EG"}, want: locale.Arabic},
		{headers: []string{"gsw"}, want: locale.German},
		{headers: []string{"uk"}, want: locale.English},
		{headers: []string{"sv, nl", "fr;q=0.1"}, want: locale.French},
		{headers: []string{"en;q=0.1", "it"}, want: locale.Italian},
		{explicit: "ru", headers: []string{"de"}, want: locale.Russian},
		{explicit: "de_AT", want: locale.German},
		{explicit: "sv", headers: []string{"de"}, want: locale.German},
		{explicit: "../../etc/passwd", headers: []string{"es"}, want: locale.Spanish},
		{explicit: strings.Repeat("de-", 1000), headers: []string{"es"}, want: locale.Spanish},
	} {
		if got := locale.Match(c.explicit, c.headers...); got != c.want {
			t.Errorf("Match(%.40q, %q) = %v, want %v", c.explicit, c.headers, got, c.want)
		}
	}
}

// A bad entry is passed over, and its neighbours are read.
func TestMatchOfHostileHeaders(t *testing.T) {
	for _, bad := range []string{
		"xx-YY", "*", "de;q=0", "de;q=-1", "de;q=NaN", "de;q=Inf", "de;q=2", "de;q=1e309", "de;q=", "de;q", "de;r=1", ";q=1", "-", "--", "a-b-c",
		"\xff\xfe", "de\x00", "x-de", "und", "mul", strings.Repeat("d", 200), strings.Repeat("de-", 300),
	} {
		for _, header := range []string{bad + ",fr;q=0.5", "fr;q=0.5," + bad} {
			if got := locale.Match("", header); got != locale.French {
				t.Errorf("Match(%.40q) = %v, want fr", header, got)
			}
		}
		if got := locale.Match(bad); got != locale.English {
			t.Errorf("Match(%.40q) = %v, want en", bad, got)
		}
	}
}

// No more of a header is parsed than a browser sends, so that a huge one costs
// nothing.
func TestMatchIsCapped(t *testing.T) {
	for _, fill := range []string{"a", "-", ",", "xx,", "en;q=0.1,", "zh-hans-cn-", "de;q=0.00001,"} {
		huge := strings.Repeat(fill, 64<<10/len(fill))
		if got := locale.Match("", huge+",fr;q=1"); got == locale.French {
			t.Errorf("the end of 64 KiB of %q was read", fill)
		}
		if n := testing.AllocsPerRun(10, func() { locale.Match("", huge, huge) }); n > 1000 {
			t.Errorf("64 KiB of %q cost %v allocations", fill, n)
		}
	}
	if got := locale.Match("", strings.Repeat("sv,", 32)+"fr"); got != locale.English {
		t.Errorf("the 33rd wish was heard: %v", got)
	}
}

// The law: the answer is one of the languages, and asking for the answer gives it
// again.
func FuzzMatch(f *testing.F) {
	f.Add("de", "fr;q=0.5, en")
	f.Add("", "de;q=NaN,*;q=0,zh-Hant-TW;q=0.001")
	f.Add("x-", ",;,;q=;q")
	f.Fuzz(func(t *testing.T, explicit, header string) {
		got := locale.Match(explicit, header)
		if !slices.Contains(locale.Languages(), got) {
			t.Fatalf("Match(%q, %q) = %d", explicit, header, got)
		}
		if again := locale.Match(got.String(), header); again != got {
			t.Errorf("Match(%q) = %v", got, again)
		}
	})
}

func TestLanguages(t *testing.T) {
	var all []string
	for _, l := range locale.Languages() {
		all = append(all, l.String())
		if got, err := locale.ParseLanguage(l.String()); err != nil || got != l {
			t.Errorf("ParseLanguage(%q) = %v, %v", l, got, err)
		}
		if l.Tag().String() != l.String() || l.Name() == "" || !utf8.ValidString(l.Name()) {
			t.Errorf("%v has the tag %v and the name %q", l, l.Tag(), l.Name())
		}
		if want := map[bool]string{true: "rtl", false: "ltr"}[l == locale.Arabic]; l.Direction() != want {
			t.Errorf("%v runs %s", l, l.Direction())
		}
		var back locale.Language
		text, err := l.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != l {
			t.Errorf("%v is written %q and read as %v", l, text, back)
		}
	}
	if got := strings.Join(all, " "); got != "en de fr es pt it ru ar zh ja" {
		t.Errorf("languages = %s", got)
	}
	for _, bad := range []string{"", "EN", "de-DE", "xx", "zh-Hans"} {
		if _, err := locale.ParseLanguage(bad); err == nil {
			t.Errorf("ParseLanguage(%q) is accepted", bad)
		}
	}
}
