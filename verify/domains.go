package verify

import (
	_ "embed"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// largeProviders are the domains at which very many people have their mail. The list
// only spares them the budget of a single domain.
var largeProviders = Domains(largeProvidersText)

//go:embed large_providers.txt
var largeProvidersText string

// DisposableDomains are domains of mailboxes that are made for one message and open to
// everybody: control of such an address shows nothing. The list is a beginning, to be
// replaced by the operator's.
//
//go:embed disposable_domains.txt
var DisposableDomains string

// Domains reads a list of registrable domains, one a line; # begins a comment.
func Domains(text string) map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if name := strings.ToLower(strings.TrimSpace(line)); name != "" {
			list[name] = true
		}
	}
	return list
}

// listed tells whether a domain or one above it, up to the registrable one, is on the
// list.
func listed(list map[string]bool, domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	for name := domain; name != "" && name != suffix; {
		if list[name] {
			return true
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return false
}
