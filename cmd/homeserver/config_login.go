package main

import (
	"signet/internal/config"
	"signet/internal/homeserver/sso"
	"signet/internal/program"
)

// Login is how people log in besides by their password.
type Login struct {
	// ByCode is whether people log in without a password, on a page of this server, by a
	// code that is sent to an address of their account. Whoever reads the messages to an
	// address, or has its number moved to a card of their own, then has the account: they
	// may all that who knows the password may, but for what asks for the password itself,
	// and unlike who sets a new one by that address they end nobody's devices. The default
	// flows of registration give every account an address. It needs an identity_server.
	// Default: false.
	ByCode bool `yaml:"by_code"`
	// TrustedSites is the origins of sites, and the schemes of apps with their colon, to
	// which the page goes back without a question once the code was typed. Others it names,
	// and asks. Default: none. Example: ["https://app.example.org", "io.element.app:"].
	TrustedSites []string `yaml:"trusted_sites"`
	// ByOtherDevice is whether a device that is logged in may let another one of its user in, by a
	// token that it asks for with the password (/login/get_token). Default: false.
	ByOtherDevice bool `yaml:"by_other_device"`
}

func (c *Config) checkLogin() (p config.Problems) {
	if c.Login.ByCode && c.IdentityServer == "" {
		p.Add("login.by_code", "needs an identity server", "name it as identity_server")
	}
	if _, err := c.Login.sites(); err != nil {
		p.Add("login.trusted_sites", "has what is neither an origin nor the scheme of an app", "such as https://app.example.org or io.element.app:")
	}
	return p
}

func (l Login) sites() (sites []sso.Site, err error) {
	for _, text := range l.TrustedSites {
		site, err := sso.ParseSite(text)
		if err != nil {
			return nil, err
		}
		sites = append(sites, site)
	}
	return sites, nil
}

// buildLogins comes after the contacts, which have the codes sent.
func (s *server) buildLogins(f program.Frame) error {
	if !s.cfg.Login.ByCode {
		return nil
	}
	sites, err := s.cfg.Login.sites()
	if err != nil {
		return err
	}
	s.logins, err = sso.New(f.Ctx, sso.Options{DB: s.DB, Vault: s.Vault, Accounts: s.accounts, Contacts: s.contacts, Trusted: sites, Now: f.Now})
	return err
}
