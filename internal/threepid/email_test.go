package threepid

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"
)

func TestParseEmail(t *testing.T) {
	tests := []struct{ name, input, canonical, mailbox string }{
		{"as it is", "alice@example.org", "alice@example.org", "alice@example.org"},
		{"case", "Alice.Smith+Tag@EXAMPLE.Org", "alice.smith+tag@example.org", "alice.smith+tag@example.org"},
		{"every atom", "!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~@x.org"},
		{"development", "Dev@LocalHost", "dev@localhost", "dev@localhost"},
		{"sharp s folds, and mail follows", "strauß@faß.de", "strauss@fass.de", "strauss@fass.de"},
		{"capital sharp s", "STRAUẞ@x.org", "strauss@x.org", "strauss@x.org"},
		{"the other sharp s domain", "a@xn--fa-hia.de", "a@xn--fa-hia.de", "a@xn--fa-hia.de"},
		{"final sigma", "ΟΔΥΣΣΕΥΣ@x.gr", "οδυσσευσ@x.gr", "οδυσσευσ@x.gr"},
		{"final sigma in ASCII", "a@xn--nxasmm1c.com", "a@xn--nxasmm1c.com", "a@xn--nxasmm1c.com"},
		{"ligature", "oﬃce@x.org", "office@x.org", "office@x.org"},
		{"long s and kelvin", "ſKelvin@x.org", "skelvin@x.org", "skelvin@x.org"},
		{"dotted I", "İ@x.org", "i\u0307@x.org", "i\u0307@x.org"},
		{"dotless i stays", "ı@x.org", "ı@x.org", "ı@x.org"},
		{"Cherokee small", "ꭰ@x.org", "Ꭰ@x.org", "Ꭰ@x.org"},
		{"Cherokee capital", "Ꭰ@x.org", "Ꭰ@x.org", "Ꭰ@x.org"},
		{"composed", "é@x.org", "é@x.org", "é@x.org"},
		{"decomposed is another", "e\u0301@x.org", "e\u0301@x.org", "e\u0301@x.org"},
		{"Unicode domain", "a@BÜCHER.example", "a@bücher.example", "a@xn--bcher-kva.example"},
		{"ASCII domain, same mailbox", "a@XN--BCHER-KVA.example", "a@bücher.example", "a@xn--bcher-kva.example"},
		{"decomposed domain, same mailbox", "a@bu\u0308cher.example", "a@bücher.example", "a@xn--bcher-kva.example"},
		{"fold leaves NFC, domain does not care", "a@ΐ.gr", "a@ι\u0308\u0301.gr", "a@xn--owa.gr"},
		{"ideographic full stop", "a@例え。jp", "a@例え.jp", "a@xn--r8jz45g.jp"},
		{"fullwidth domain", "a@ＥＸＡＭＰＬＥ.org", "a@example.org", "a@example.org"},
		{"joiner that the script needs", "a@ශ්\u200dරී.com", "a@ශ්\u200dරී.com", "a@xn--10cl1a0b660p.com"},
		{"looks like an encoded word", "=?utf-8?q?a?=@x.org", "=?utf-8?q?a?=@x.org", "=?utf-8?q?a?=@x.org"},
		{"254 octets", longEmail(254), longEmail(254), longEmail(254)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := ParseEmail(test.input)
			if err != nil || a.String() != test.canonical {
				t.Fatalf("ParseEmail(%q) = %q, %v, want %q", test.input, a.String(), err, test.canonical)
			}
			if a.Mailbox() != test.mailbox {
				t.Errorf("ParseEmail(%q).Mailbox() = %q, want %q", test.input, a.Mailbox(), test.mailbox)
			}
			if a.Medium() != Email || a.Country() != "" || a.International() != "" || a.NumberType() != Other {
				t.Errorf("ParseEmail(%q) has something of a phone number", test.input)
			}
			checkEmailLaws(t, a)
		})
	}
}

func TestParseEmailRefuses(t *testing.T) {
	tests := []struct{ name, input string }{
		{"nothing", ""},
		{"no at", "example.org"},
		{"no local part", "@example.org"},
		{"no domain", "alice@"},
		{"two at", "alice@bob@example.org"},
		{"display name", "Alice <alice@example.org>"},
		{"angle brackets", "<alice@example.org>"},
		{"comment", "alice@example.org (Alice)"},
		{"list", "alice@example.org, bob@example.org"},
		{"group", "friends: alice@example.org;"},
		{"quoted local part", `"quoted local"@x.org`},
		{"quoted for nothing", `"alice"@x.org`},
		{"quoted at", `"alice@evil.org"@x.org`},
		{"leading blank", " alice@example.org"},
		{"trailing blank", "alice@example.org "},
		{"line end", "alice@example.org\n"},
		{"header injection", "alice@example.org\r\nBcc: bob@example.org"},
		{"command injection", "alice@example.org>\r\nRCPT TO:<bob@example.org"},
		{"NUL", "alice\x00@example.org"},
		{"DEL", "alice\x7f@example.org"},
		{"C1 control", "alice\u0085@example.org"},
		{"invalid UTF-8", "alice\xff@example.org"},
		{"replacement character", "alice\ufffd@example.org"},
		{"dot first", ".alice@example.org"},
		{"dot last", "alice.@example.org"},
		{"two dots", "al..ice@example.org"},
		{"no-break space", "al\u00a0ice@example.org"},
		{"zero width space", "al\u200bice@example.org"},
		{"zero width joiner", "al\u200dice@example.org"},
		{"right-to-left override", "al\u202eice@example.org"},
		{"isolate", "al\u2066ice@example.org"},
		{"soft hyphen", "al\u00adice@example.org"},
		{"variation selector", "al\ufe0fice@example.org"},
		{"Hangul filler", "al\u3164ice@example.org"},
		{"private use", "al\ue000ice@example.org"},
		{"unassigned", "al\u0378ice@example.org"},
		{"IPv4 literal", "alice@[127.0.0.1]"},
		{"IPv6 literal", "alice@[IPv6:::1]"},
		{"bare IPv4", "alice@127.0.0.1"},
		{"bare hexadecimal", "alice@127.0x1"},
		{"single label", "alice@intranet"},
		{"top level", "alice@org"},
		{"trailing dot", "alice@example.org."},
		{"trailing ideographic full stop", "alice@example.org。"},
		{"leading dot", "alice@.org"},
		{"empty label", "alice@example..org"},
		{"empty label by mapping", "alice@example.。org"},
		{"hyphen first", "alice@-example.org"},
		{"hyphen last", "alice@example-.org"},
		{"underscore", "alice@ex_ample.org"},
		{"fullwidth at", "alice@example＠evil.org"},
		{"fullwidth solidus", "alice@evil.org／example.org"},
		{"account of", "alice@℀.org"},
		{"broken punycode", "alice@xn--a.org"},
		{"empty punycode", "alice@xn--.org"},
		{"punycode of ASCII", "alice@xn--abc-.org"},
		{"joiner that no script needs", "alice@exam\u200dple.org"},
		{"non-joiner that no script needs", "alice@exam\u200cple.org"},
		{"override in the domain", "alice@\u202eexample.org"},
		{"soft hyphen in the domain", "alice@exam\u00adple.org"},
		{"mixed directions", "alice@1א.org"},
		{"combining mark first", "alice@\u0301a.org"},
		{"label of 64", "alice@" + strings.Repeat("a", 64) + ".org"},
		{"255 octets", longEmail(255)},
		{"255 octets on the wire", strings.Repeat("a", 200) + "@" + strings.Repeat("ü.", 10) + "org"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := ParseEmail(test.input)
			if !errors.Is(err, ErrEmail) || !a.IsZero() {
				t.Errorf("ParseEmail(%q) = %q, %v, want %v", test.input, a.String(), err, ErrEmail)
			}
		})
	}
}

// longEmail is an address of n octets.
func longEmail(n int) string {
	domain := "@" + strings.Repeat(strings.Repeat("d", 60)+".", 3) + "org"
	return strings.Repeat("a", n-len(domain)) + domain
}

var wireDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)

// checkEmailLaws states what holds of every e-mail address there is.
func checkEmailLaws(t *testing.T, a Address) {
	t.Helper()
	for _, form := range []string{a.String(), a.Mailbox()} {
		if again, err := ParseEmail(form); err != nil || again != a {
			t.Errorf("ParseEmail(%q) = %q, %v, want the address it comes from, %q", form, again.String(), err, a.String())
		}
	}
	if folded := cases.Fold().String(a.String()); fold(folded) != a.String() {
		t.Errorf("%q is not folded", a.String())
	}
	if !wireDomain.MatchString(a.Domain()) {
		t.Errorf("%q has domain %q, want letters, digits, hyphens and dots", a.String(), a.Domain())
	}
	if len(a.String()) > maxEmail || len(a.Mailbox()) > maxEmail {
		t.Errorf("%q is longer than %d octets", a.String(), maxEmail)
	}
	if strings.Count(a.Mailbox(), "@") != 1 || strings.ContainsFunc(a.Mailbox(), unicode.IsControl) {
		t.Errorf("mailbox %q could end a line or begin an address", a.Mailbox())
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{
		"Alice@Example.org", "strauß@faß.de", "a@xn--fa-hia.de", "a@bücher.example", "İ@x。jp", "ꭰ@x.org", "a@ΐ.gr",
		"\"q\"@x.org", "a@[::1]", "a@b@c.d", "a@b.c\r\nX: y", "a@ශ්\u200dරී.com", "a@xn--10cl1a0b660p.com", "a@1א.org", "a@localhost", "\xff@x.org",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseEmail(s)
		if err != nil {
			if !a.IsZero() {
				t.Errorf("ParseEmail(%q) gives an address and %v", s, err)
			}
			return
		}
		checkEmailLaws(t, a)
	})
}
