package page

import (
	"strings"
	"testing"
)

func TestParseNext(t *testing.T) {
	for _, test := range []struct{ link, url, host, origin string }{
		{"https://app.example.org", "https://app.example.org", "app.example.org", "https://app.example.org"},
		{"HTTPS://App.Example.ORG:443/A?b=C#d", "https://app.example.org/A?b=C#d", "app.example.org", "https://app.example.org"},
		{"http://localhost:8080/x", "http://localhost:8080/x", "localhost:8080", "http://localhost:8080"},
		{"http://app.example:80", "http://app.example", "app.example", "http://app.example"},
		{"https://[::1]:8443/", "https://[::1]:8443/", "[::1]:8443", "https://[::1]:8443"},
		{"https://[::1]/", "https://[::1]/", "[::1]", "https://[::1]"},
		{"https://bücher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example", "https://xn--bcher-kva.example"},
		{"https://evil.example。app.example/", "https://evil.example.app.example/", "evil.example.app.example", "https://evil.example.app.example"},
	} {
		n, ok := parseNext(test.link)
		if want := (next{test.url, test.host, test.origin}); !ok || n != want {
			t.Errorf("parseNext(%q) = %v, %t, want %v", test.link, n, ok, want)
		}
	}
	for _, link := range []string{
		"", "x", "/x", "//app.example", "javascript:alert(1)", "data:,x", "https:", "https:app.example", "https:///app.example",
		"https://u@app.example", "https://app.example:0", "https://app.example:99999", "https://a_b.example", "https://a\tb.example",
		"https://app.example\\.evil.example", "https://[::1", "https://[fe80::1%25eth0]/", "https://.example",
	} {
		if n, ok := parseNext(link); ok {
			t.Errorf("parseNext(%q) = %v, want none", link, n)
		}
	}
}

// What is parsed parses again to itself, and stands under the host that is shown.
func FuzzParseNext(f *testing.F) {
	for _, link := range []string{"https://app.example.org/a?b#c", "http://[::1]:80", "https://bücher.example:443", "https://a\\b", "http://\xd60"} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		n, ok := parseNext(link)
		if !ok {
			return
		}
		again, ok := parseNext(n.URL)
		if !ok || again != n {
			t.Errorf("parseNext(%q) = %v, and of that again %v, %t", link, n, again, ok)
		}
		rest := strings.TrimPrefix(n.URL, n.origin)
		if !strings.HasSuffix(n.origin, "://"+n.Host) || rest == n.URL || rest != "" && !strings.ContainsAny(rest[:1], "/?#") {
			t.Errorf("parseNext(%q) = %v, whose parts do not agree", link, n)
		}
	})
}
