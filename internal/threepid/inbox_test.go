package threepid

import (
	"strings"
	"testing"
)

func TestInbox(t *testing.T) {
	for address, want := range map[string]string{
		"alice@example.org":             "alice@example.org",
		"alice+shop@example.org":        "alice@example.org",
		"+alice@example.org":            "+alice@example.org",
		"a.li.ce+x@googlemail.com":      "alice@gmail.com",
		"a.lice@example.org":            "a.lice@example.org",
		"alice+y@xn--bcher-kva.example": "alice@xn--bcher-kva.example",
	} {
		if got := mustParse(t, "email", address).Inbox(); got != want {
			t.Errorf("Inbox of %q = %q, want %q", address, got, want)
		}
	}
	if got := mustParse(t, "msisdn", "447400123456").Inbox(); got != "447400123456" {
		t.Errorf("Inbox of a number = %q", got)
	}
}

// A redacted address is a hint to those who know it and tells nobody else who it is.
func TestRedacted(t *testing.T) {
	for _, test := range []struct{ medium, address, want string }{
		{"email", "alice@example.org", "a...@e..."},
		{"email", "al@example.org", "...@e..."},
		{"email", "a@b.de", "...@b..."},
		{"email", "ünal@example.org", "ü...@e..."},
		{"msisdn", "447400123456", "+44...56"},
		{"msisdn", "12015550123", "+1...23"},
	} {
		got := mustParse(t, test.medium, test.address).Redacted()
		if got != test.want || strings.Contains(got, test.address) {
			t.Errorf("Redacted of %q = %q, want %q", test.address, got, test.want)
		}
	}
	if got := (Address{}).Redacted(); got != "" {
		t.Errorf("Redacted of no address = %q", got)
	}
}
