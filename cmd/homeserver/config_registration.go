package main

import (
	"net/url"
	"slices"

	"signet/internal/config"
	"signet/internal/homeserver/account"
)

// Registration is who may make an account, and how.
type Registration struct {
	// Flows is the ways to register of which a person chooses one, each a list of
	// stages: m.login.registration_token asks for a token that homeserver
	// registration-tokens has made, im.signet.captcha for digits that people can read,
	// m.login.terms to accept the terms, m.login.email.identity and m.login.msisdn for an
	// address that is theirs, m.login.dummy for nothing. Default: while listen is loopback
	// and no proxy stands before it, [[m.login.dummy]]; otherwise with an identity_server
	// [[im.signet.captcha, m.login.email.identity], [im.signet.captcha, m.login.msisdn]],
	// with m.login.terms after the first of each where there are terms, and without that of
	// an address to which it has said that it sends no codes; otherwise none, where nobody
	// can register. Example: [[m.login.registration_token]].
	Flows [][]string `yaml:"flows"`
	// SharedSecretFile is the file of a secret by which operators' tools register
	// accounts, administrators among them, whatever flows says. Default: none, so that
	// they cannot.
	SharedSecretFile string `yaml:"shared_secret_file"`
	// Terms is the documents that people accept where a flow has m.login.terms, by name.
	// Default: none.
	Terms map[string]Document `yaml:"terms"`
	// AllowedDomains is the domains, with their subdomains, of the e-mail addresses that
	// accounts may have. Default: none, where all may be. Example: [example.org].
	AllowedDomains []string `yaml:"allowed_domains"`
	// RefusedDomains is those of addresses that they may not have, whatever is allowed.
	// Default: none. Example: [mail.example.net].
	RefusedDomains []string `yaml:"refused_domains"`
	// AllowedCountries is the countries, by their codes of two letters (ISO 3166-1), of the
	// phone numbers that accounts may have. Default: none, where all may be. Example: [DE, FR].
	AllowedCountries []string `yaml:"allowed_countries"`
	// RefusedCountries is those of numbers that they may not have. Default: none.
	RefusedCountries []string `yaml:"refused_countries"`
	// TellInUse is whether everybody is told who asks for a code whether an account has the
	// address (M_THREEPID_IN_USE); otherwise its owner is, by a message. Default: false.
	TellInUse bool `yaml:"tell_in_use"`
}

// Document is one version of a document that people accept.
type Document struct {
	// Version is any text; a new one comes with new URLs. Default: none. Example: "1.2".
	Version string `yaml:"version"`
	// Languages is the document's translations, by language code.
	Languages map[string]Translation `yaml:"languages"`
}

// Translation is a document in one language.
type Translation struct {
	// Name is what people see. Default: none. Example: Privacy policy.
	Name string `yaml:"name"`
	// URL is where it can be read; it stands for the version and the language too.
	// Default: none. Example: https://example.org/privacy-1.2-en.html.
	URL string `yaml:"url"`
}

func (c *Config) checkRegistration() (p config.Problems) {
	flows := c.flows()
	stages := flows.Stages()
	if err := flows.CheckRegistration(); err != nil {
		p.Add("registration.flows", err.Error(), "such as [[m.login.registration_token]]")
	}
	for _, stage := range []account.Stage{account.StageCaptcha, account.StageEmail, account.StageMSISDN} {
		if slices.Contains(stages, stage) && c.IdentityServer == "" {
			p.Add("registration.flows", string(stage)+" needs an identity server", "name it as identity_server")
		}
	}
	if slices.Contains(stages, account.StageTerms) && len(c.Registration.Terms) == 0 {
		p.Add("registration.flows", string(account.StageTerms)+" needs documents to accept", "write them under registration.terms")
	}
	if _, err := c.sharedSecret(); err != nil {
		p.Add("registration.shared_secret_file", err.Error(), "a file that this user can read and others cannot write")
	}
	for name, document := range c.Registration.Terms {
		p = append(p, document.check("registration.terms."+name)...)
	}
	return append(p, c.Registration.checkAddresses()...)
}

func (r Registration) checkAddresses() (p config.Problems) {
	for key, domains := range map[string][]string{"allowed_domains": r.AllowedDomains, "refused_domains": r.RefusedDomains} {
		if _, err := parseDomains(domains); err != nil {
			p.Add("registration."+key, err.Error(), "such as example.org")
		}
	}
	for key, countries := range map[string][]string{"allowed_countries": r.AllowedCountries, "refused_countries": r.RefusedCountries} {
		if _, err := parseCountries(countries); err != nil {
			p.Add("registration."+key, err.Error(), "such as DE")
		}
	}
	return p
}

func (d Document) check(key string) (p config.Problems) {
	if d.Version == "" {
		p.Add(key+".version", "is missing", `such as "1.0"`)
	}
	if len(d.Languages) == 0 {
		p.Add(key+".languages", "is missing", "at least one language, such as en")
	}
	for language, t := range d.Languages {
		key := key + ".languages." + language
		if language == "version" { // which stands beside the languages where clients read it
			p.Add(key, "is no language", "a code such as en")
		}
		if t.Name == "" {
			p.Add(key+".name", "is missing", "what people see")
		}
		if u, err := url.Parse(t.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.Add(key+".url", "must be an absolute http or https URL", "such as https://example.org/privacy-1.2-en.html")
		}
	}
	return p
}

// flows are the ways to register. Without any configured everybody may where only this
// machine reaches the client API, directly and through no proxy; elsewhere who is a person
// with an address, if an identity server says so.
func (c *Config) flows() account.Flows {
	var flows account.Flows
	for _, stages := range c.Registration.Flows {
		var flow account.Flow
		for _, stage := range stages {
			flow = append(flow, account.Stage(stage))
		}
		flows = append(flows, flow)
	}
	switch {
	case len(flows) > 0:
		return flows
	case c.alone():
		return account.Flows{{account.StageDummy}}
	case c.IdentityServer != "":
		return account.Flows{c.byAddress(account.StageEmail), c.byAddress(account.StageMSISDN)}
	}
	return nil
}

// byAddress is the flow of those who have an address.
func (c *Config) byAddress(stage account.Stage) account.Flow {
	if len(c.Registration.Terms) > 0 {
		return account.Flow{account.StageCaptcha, account.StageTerms, stage}
	}
	return account.Flow{account.StageCaptcha, stage}
}

// terms are the documents as accounts accept them.
func (c *Config) terms() account.Terms {
	terms := account.Terms{}
	for name, document := range c.Registration.Terms {
		d := account.Document{Version: document.Version, Languages: map[string]account.Translation{}}
		for language, t := range document.Languages {
			d.Languages[language] = account.Translation(t)
		}
		terms[name] = d
	}
	return terms
}

// openRegistration tells whether anybody may register without having been given
// anything, having solved anything, or having an address.
func (c *Config) openRegistration() bool {
	asks := []account.Stage{account.StageRegistrationToken, account.StageCaptcha, account.StageEmail, account.StageMSISDN}
	return slices.ContainsFunc(c.flows(), func(flow account.Flow) bool {
		return !slices.ContainsFunc(flow, func(stage account.Stage) bool { return slices.Contains(asks, stage) })
	})
}

// sharedSecret is empty where there is none.
func (c *Config) sharedSecret() ([]byte, error) {
	if c.Registration.SharedSecretFile == "" {
		return nil, nil
	}
	secret, err := config.Secret(c.Registration.SharedSecretFile, "")
	return []byte(secret), err
}
