package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/homeserver/contact"
	"signet/internal/threepid"
)

// addresses are those that accounts may have: of each kind the allowed, or all, but the
// refused.
type addresses struct {
	allowedDomains, refusedDomains     []string // as addresses have them
	allowedCountries, refusedCountries []string
}

func (r Registration) addresses() (a addresses, err error) {
	var errs [4]error
	a.allowedDomains, errs[0] = parseDomains(r.AllowedDomains)
	a.refusedDomains, errs[1] = parseDomains(r.RefusedDomains)
	a.allowedCountries, errs[2] = parseCountries(r.AllowedCountries)
	a.refusedCountries, errs[3] = parseCountries(r.RefusedCountries)
	return a, errors.Join(errs[:]...)
}

// check is contact.ErrDenied for an address that no account may have.
func (a addresses) check(address threepid.Address) error {
	allowed, refused, in := a.allowedDomains, a.refusedDomains, within(address.Domain())
	if address.Medium() == threepid.MSISDN {
		country := address.Country()
		allowed, refused, in = a.allowedCountries, a.refusedCountries, func(code string) bool { return code == country }
	}
	if slices.ContainsFunc(refused, in) || len(allowed) > 0 && !slices.ContainsFunc(allowed, in) {
		return contact.ErrDenied
	}
	return nil
}

// within tells whether a domain is the one that is asked about, or a subdomain of it.
func within(domain string) func(string) bool {
	return func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
}

// parseDomains reads domains into the form that addresses have. One that mail cannot go to
// itself, such as a whole top-level domain, is none.
func parseDomains(domains []string) (parsed []string, err error) {
	for _, domain := range domains {
		address, err := threepid.ParseEmail("x@" + domain)
		if err != nil || strings.ContainsAny(domain, "@\" ") {
			return nil, fmt.Errorf("%q is not a domain of e-mail addresses", domain)
		}
		parsed = append(parsed, address.Domain())
	}
	return parsed, nil
}

// parseCountries reads codes of countries that have phone numbers.
func parseCountries(countries []string) (parsed []string, err error) {
	for _, country := range countries {
		if _, err := threepid.ParsePhone("", country); errors.Is(err, threepid.ErrCountry) {
			return nil, fmt.Errorf("%q is not a country with phone numbers", country)
		}
		parsed = append(parsed, strings.ToUpper(country))
	}
	return parsed, nil
}
