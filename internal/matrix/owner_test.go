package matrix_test

import (
	"strings"
	"testing"

	"signet/internal/matrix"
)

// All that one owner can have for nothing is one owner's, and no more.
func TestOwner(t *testing.T) {
	for text, want := range map[string]string{
		"evil.example": "evil.example", "evil.example:8448": "evil.example", "EVIL.Example:1": "evil.example",
		"a.evil.example": "evil.example", "a.b.c.evil.example:443": "evil.example", "notevil.example": "notevil.example",
		"hs.victim.co.uk:8448": "victim.co.uk", "victim.co.uk": "victim.co.uk", "co.uk": "co.uk", "uk:8448": "uk",
		"alice.github.io": "alice.github.io", "a.alice.github.io": "alice.github.io", "github.io": "github.io",
		"hs.example.ck": "hs.example.ck", "a.hs.example.ck": "hs.example.ck", "www.ck": "www.ck", "a.www.ck": "www.ck",
		"localhost": "localhost", "localhost:8448": "localhost", "a.localhost": "a.localhost", "xn--nxasmq6b.example": "xn--nxasmq6b.example",
		"a.xn--55qx5d.cn": "a.xn--55qx5d.cn", "b.a.xn--55qx5d.cn": "a.xn--55qx5d.cn",
		"192.0.2.1": "192.0.2.1/32", "192.0.2.1:8448": "192.0.2.1/32", "[::ffff:192.0.2.1]:8448": "192.0.2.1/32", "[::ffff:c000:201]": "192.0.2.1/32",
		"[2001:DB8::1]": "2001:db8::/64", "[2001:db8:0:0:ffff::1]:8448": "2001:db8::/64", "[2001:db8:0:1::1]": "2001:db8:0:1::/64", "[::1]": "::/64",
	} {
		name, err := matrix.ParseServerName(text)
		if got := name.Owner(); err != nil || got != want {
			t.Errorf("%q.Owner() = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestIsPublicSuffix(t *testing.T) {
	for text, want := range map[string]bool{
		"co.uk": true, "CO.UK:8448": true, "com": true, "github.io": true, "example.ck": true,
		"victim.co.uk": false, "example.com": false, "www.ck": false, "alice.github.io": false, "localhost": false, "synapse:8448": false,
		"192.0.2.1": false, "[2001:db8::1]": false, "[::ffff:192.0.2.1]": false,
	} {
		name, err := matrix.ParseServerName(text)
		if got := name.IsPublicSuffix(); err != nil || got != want {
			t.Errorf("%q.IsPublicSuffix() = %t, %v; want %t", text, got, err, want)
		}
	}
}

// A port changes no owner, and the owner of a domain is that domain.
func FuzzOwner(f *testing.F) {
	for _, s := range []string{"a.example.org:8448", "[2001:db8::1]:80", "1.2.3.4", "co.uk", "a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := matrix.ParseServerName(text)
		if err != nil {
			return
		}
		owner := name.Owner()
		if owner == "" || name.WithoutPort().Owner() != owner {
			t.Errorf("%q.Owner() = %q, without its port %q", name, owner, name.WithoutPort().Owner())
		}
		if _, literal := name.IP(); literal != strings.Contains(owner, "/") {
			t.Errorf("%q.Owner() = %q, literal: %t", name, owner, literal)
		} else if again := matrix.ServerName(owner); !literal && again.Owner() != owner {
			t.Errorf("%q.Owner() = %q, whose owner is %q", name, owner, again.Owner())
		}
	})
}
