package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/contact"
	"signet/internal/threepid"
)

func TestAddressesThatAccountsMayHave(t *testing.T) {
	for _, tt := range []struct {
		name            string
		r               Registration
		allowed, denied []string
	}{
		{"all", Registration{}, []string{"a@example.org", "+4915112345678", "+12015550123"}, nil},
		{"one domain", Registration{AllowedDomains: []string{"Example.org"}},
			[]string{"a@example.org", "a@EXAMPLE.org", "a@mail.example.org", "+4915112345678"},
			[]string{"a@example.com", "a@badexample.org", "a@example.org.evil.com", "a@org.example"}},
		{"but one", Registration{RefusedDomains: []string{"example.org"}}, []string{"a@example.com", "a@notexample.org"}, []string{"a@example.org", "a@b.c.example.org"}},
		{"within an allowed one", Registration{AllowedDomains: []string{"example.org"}, RefusedDomains: []string{"bad.example.org"}},
			[]string{"a@example.org", "a@good.example.org"}, []string{"a@bad.example.org", "a@x.bad.example.org"}},
		{"of another script", Registration{RefusedDomains: []string{"bücher.example.com"}}, nil, []string{"a@bücher.example.com", "a@xn--bcher-kva.example.com", "a@BÜCHER.example.com"}},
		{"one country", Registration{AllowedCountries: []string{"de"}}, []string{"+4915112345678", "a@example.org"}, []string{"+12015550123", "+33612345678"}},
		{"but one country", Registration{RefusedCountries: []string{"US"}}, []string{"+4915112345678", "+14165550123"}, []string{"+12015550123"}},
	} {
		a, err := tt.r.addresses()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, text := range slices.Concat(tt.allowed, tt.denied) {
			address, err := threepid.ParseEmail(text)
			if strings.HasPrefix(text, "+") {
				address, err = threepid.ParsePhone(text, "GB")
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", tt.name, text, err)
			}
			denied := a.check(address)
			if want := slices.Contains(tt.denied, text); errors.Is(denied, contact.ErrDenied) != want {
				t.Errorf("%s: check(%s) = %v, want it denied: %v", tt.name, text, denied, want)
			}
		}
	}
}

func TestDomainsAndCountriesThatAreNone(t *testing.T) {
	for _, domain := range []string{"", ".", "a@example.org", "*.example.org", "exa mple.org", "https://example.org", "example.org.", "-.org", "\x00.org", "1.2.3.4"} {
		if got, err := parseDomains([]string{"example.org", domain}); err == nil {
			t.Errorf("parseDomains(%q) = %q", domain, got)
		}
	}
	for _, country := range []string{"", "Germany", "QQ", "49", "001", "D"} {
		if got, err := parseCountries([]string{"DE", country}); err == nil {
			t.Errorf("parseCountries(%q) = %q", country, got)
		}
	}
}

// What is read as a domain has its subdomains in it, whatever their names, and reads the same
// when it is read again.
func FuzzDomains(f *testing.F) {
	for _, domain := range []string{"example.org", "Bücher.example", "xn--bcher-kva.example", "a.b.c.d", "*", "a@b.test", "example.org."} {
		f.Add(domain)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		parsed, err := parseDomains([]string{domain})
		if err != nil {
			return
		}
		again, err := parseDomains(parsed)
		if err != nil || !slices.Equal(again, parsed) {
			t.Errorf("%q is read as %q, and that as %q, %v", domain, parsed, again, err)
		}
		a := addresses{refusedDomains: parsed}
		for _, text := range []string{"x@" + parsed[0], "x@sub." + parsed[0]} {
			if address, err := threepid.ParseEmail(text); err == nil && a.check(address) == nil {
				t.Errorf("%q lets %q through", domain, text)
			}
		}
	})
}
