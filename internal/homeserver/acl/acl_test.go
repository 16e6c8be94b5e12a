package acl_test

import (
	"regexp"
	"strings"
	"testing"

	"signet/internal/homeserver/acl"
	"signet/internal/homeserver/event"
	"signet/internal/matrix"
)

func TestAllows(t *testing.T) {
	for _, tc := range []struct {
		content string
		server  matrix.ServerName
		want    bool
	}{
		{`{"allow":["*"]}`, "good.test", true},
		{`{"allow":["*"]}`, "1.2.3.4", true},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "1.2.3.4:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "[2001:db8::1]:8448", false},
		{`{"allow":["*"],"allow_ip_literals":false}`, "good.test", true},
		{`{"allow":["*"],"allow_ip_literals":"false"}`, "1.2.3.4", true},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evil.test:8448", false},
		{`{"allow":["*"],"deny":["evil.test"]}`, "more.evil.test", true},
		{`{"allow":["*"],"deny":["EVIL.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["*.evil.test"]}`, "more.evil.test", false},
		{`{"allow":["*"],"deny":["*.evil.test"]}`, "evil.test", true},
		{`{"allow":["*"],"deny":["evi?.test"]}`, "evil.test", false},
		{`{"allow":["*"],"deny":["evi?.test"]}`, "evi.test", true},
		{`{"allow":["*"],"deny":["evil.test","(.*","[a","\\"]}`, "good.test", true},
		{`{"allow":["*"],"deny":["evilxtest"]}`, "evil.test", true},
		{`{"allow":["*"],"deny":["evil.test"]}`, "evilxtest", true},
		{`{"allow":["*"],"deny":[1,null,{}]}`, "good.test", true},
		{`{"allow":["*"],"deny":"*"}`, "good.test", true},
		{`{"allow":["good.test"]}`, "other.test", false},
		{`{"allow":["good.test","other.*"]}`, "other.test", true},
		{`{"allow":["a|good.test"]}`, "good.test", false},
		{`{"allow":"*"}`, "good.test", false},
		{`{}`, "good.test", false},
		{`{"deny":["evil.test"]}`, "good.test", false},
	} {
		canonical, err := event.Canonical([]byte(tc.content), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := acl.Parse(canonical).Allows(tc.server); got != tc.want {
			t.Errorf("%s allows %s = %v, want %v", tc.content, tc.server, got, tc.want)
		}
	}
}

func TestNoList(t *testing.T) {
	if !(*acl.List)(nil).Allows("good.test") {
		t.Error("a room without server ACLs turns servers away")
	}
}

// hostile are lists of patterns that are as many, and each as nasty, as an event holds.
var hostile = map[string]string{
	"many":            strings.Repeat(`*a*b","`, 8000),
	"one of stars":    strings.Repeat("*", 60_000),
	"one of both":     strings.Repeat("*?", 30_000),
	"long and nearly": strings.Repeat(`*`+strings.Repeat("a", 120)+`c","`, 500),
	"half of a name":  strings.Repeat(strings.Repeat("*a", 110)+`*b*c","`, 270),
}

// nearly is a name that such patterns nearly match.
var nearly = matrix.ServerName(strings.Repeat(strings.Repeat("a", 61)+".", 3) + strings.Repeat("a", 60))

func TestHostilePatterns(t *testing.T) {
	for name, deny := range hostile {
		l := acl.Parse(event.Value(`{"allow":["*"],"deny":["` + deny + `-","evil.test"]}`))
		for range 20 {
			if !l.Allows(nearly) || l.Allows("evil.test") {
				t.Errorf("%s: it says something else", name)
			}
		}
	}
}

func BenchmarkAllows(b *testing.B) {
	for name, deny := range hostile {
		b.Run(name, func(b *testing.B) {
			content := event.Value(`{"allow":["*"],"deny":["` + deny + `-"]}`)
			for b.Loop() {
				acl.Parse(content).Allows(nearly)
			}
		})
	}
}

// A pattern says the same as the regular expression that it stands for.
func FuzzPattern(f *testing.F) {
	for glob, name := range map[string]string{"*": "a", "a*b*c": "aXbXbc", "*.a?.*a": "b.ab.aa", "**?*": "", "a": "A", "*a*a*a": "aa", "?": ""} {
		f.Add(glob, name)
	}
	f.Fuzz(func(t *testing.T, glob, name string) {
		server, err := matrix.ParseServerName(name)
		if err != nil || strings.ContainsFunc(glob, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) || len(glob) > 300 {
			return
		}
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(glob))
		want := regexp.MustCompile(`(?i)^(?:` + expression + `)$`).MatchString(server.WithoutPort().String())
		if got := acl.Parse(event.Value(`{"allow":["` + glob + `"]}`)).Allows(server); got != want {
			t.Errorf("%q matches %s: %v, want %v", glob, server, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`{"allow":["*"],"deny":["?"]}`, "a")
	f.Add(`{"allow":["\ud800*"],"allow_ip_literals":false}`, "[::1]:1")
	f.Fuzz(func(t *testing.T, content, name string) {
		canonical, err := event.Canonical([]byte(content), false)
		if err != nil {
			return
		}
		server, err := matrix.ParseServerName(name)
		if err != nil {
			return
		}
		l := acl.Parse(canonical)
		if l.Allows(server) != l.Allows(server.WithoutPort()) {
			t.Errorf("%s: the port of %s counts", content, server)
		}
	})
}
