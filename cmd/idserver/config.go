package main

import (
	"errors"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"signet/internal/caller"
	"signet/internal/config"
	"signet/internal/deliver"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/quota"
	"signet/keys/notary"
	"signet/keys/people"
	"signet/lookup"
	"signet/lookup/discovery"
	"signet/lookup/invite"
	invitewords "signet/lookup/invite/message"
	"signet/lookup/notice"
	"signet/lookup/notice/words"
	"signet/verify"
	"signet/verify/message"
	"signet/web/page"
)

// Config is the configuration of the identity server. The struct is the manual:
// docs/configuration.md is held against it.
type Config struct {
	config.Common `yaml:",inline"`

	// Email is how e-mail is sent.
	Email Email `yaml:"email"`
	// SMS is how text messages are sent, and to whom.
	SMS SMS `yaml:"sms"`
	// Federation is how far homeservers may be reached.
	Federation config.Federation `yaml:"federation"`
	// Limits is how the budgets against abuse are applied.
	Limits Limits `yaml:"limits"`
	// Captcha is when people are asked to show that they are people.
	Captcha Captcha `yaml:"captcha"`
	// Lookup is how people find each other.
	Lookup Lookup `yaml:"lookup"`
	// Invitations is how long invitations count, and where they lead.
	Invitations Invitations `yaml:"invitations"`
	// Notary is how this server vouches for the signing keys of other servers.
	Notary Notary `yaml:"notary"`
	// Keys is how the directory of keys is kept.
	Keys Keys `yaml:"keys"`
	// Homeservers is what is known of homeservers: "own" ones are the operator's, which
	// are no newcomers and are named in text messages. Example: {example.org: own}.
	Homeservers map[string]string `yaml:"homeservers"`
	// Terms is the documents that users must accept, by name. Default: none.
	Terms map[string]Document `yaml:"terms"`
	// Templates is a folder whose files replace the built-in message templates and
	// phrases of the same name. Default: none.
	Templates string `yaml:"templates"`
	// NextLinkOrigins is the sites, such as https://app.example.org, that a person
	// is sent to straight after a mailed link is confirmed; for any other site the
	// page names it and lets the person choose. Default: none.
	NextLinkOrigins []string `yaml:"next_link_origins"`
}

// Email is how e-mail is sent.
type Email struct {
	// SMTP is host:port of the mail server that takes our mail. Empty: in
	// development mode mail lands in the mailbox page, otherwise e-mail addresses
	// cannot be verified. Example: mail.example.org:587.
	SMTP string `yaml:"smtp"`
	// TLS is starttls (port 587), tls (port 465) or none (a relay on this machine).
	// Default: starttls.
	TLS deliver.TLSMode `yaml:"tls"`
	// From is the sender of all mail. Example: Signet <no-reply@example.org>.
	From string `yaml:"from"`
	// Username is the account at the mail server, if it wants one.
	Username string `yaml:"username"`
	// PasswordFile is the file of that account's password. The environment variable
	// SIGNET_SMTP_PASSWORD can hold it in its place.
	PasswordFile string `yaml:"password_file"`
	// CheckMX refuses addresses whose domain cannot receive mail, by asking the DNS;
	// development mode never asks. Default: true.
	CheckMX bool `yaml:"check_mx"`
	// DisposableDomains is a file that replaces the built-in list of mail domains whose
	// mailboxes are open to everybody: one a line, # for comments.
	DisposableDomains string `yaml:"disposable_domains"`
}

// Limits is how the budgets against abuse are applied.
type Limits struct {
	// DryRun counts in the metrics what a budget would refuse, and refuses nothing.
	// Default: false; true when started without --config.
	DryRun bool `yaml:"dry_run"`
	// Budgets replaces limits by the name of their budget, as idserver limits lists them.
	// Example: {email.deployment.hour: 5000}.
	Budgets map[string]int `yaml:"budgets"`
}

// Captcha is when people are asked to show that they are people.
type Captcha struct {
	// When is never, suspicion or always: before which messages one must be solved. With
	// never, an address whose messages a stranger has used up must wait. Default: suspicion.
	When string `yaml:"when"`
	// SuspectNetworks is networks where machines live rather than people, which counts
	// as a signal. Default: none.
	SuspectNetworks config.Networks `yaml:"suspect_networks"`
}

// Lookup is how people find each other.
type Lookup struct {
	// OfferNone lets clients look up addresses in the clear, besides hashed. Default: false.
	OfferNone bool `yaml:"offer_none"`
	// EmailLife is how long an e-mail address is found under a user unless it is bound
	// again; its owner is reminded a month before. Default: 8760h, a year.
	EmailLife time.Duration `yaml:"email_life"`
	// MSISDNLife is the same of a phone number, which is given to others sooner.
	// Default: 4368h, half a year.
	MSISDNLife time.Duration `yaml:"msisdn_life"`
	// NoticeLanguage is the language in which owners are told what becomes of their
	// bindings and keys: nobody knows which they read. Of their accounts they are told in the
	// one that the homeserver knows, if it does. Default: en.
	NoticeLanguage string `yaml:"notice_language"`
	// SMSNotices tells the owners of phone numbers too, by text message within the policy
	// for those. Each costs money, and a person who binds a number has one already.
	// Default: false.
	SMSNotices bool `yaml:"sms_notices"`
}

func (l Lookup) check() (p config.Problems) {
	for key, life := range map[string]time.Duration{"lookup.email_life": l.EmailLife, "lookup.msisdn_life": l.MSISDNLife} {
		if life < leastLife {
			p.Add(key, "is less than 60 days, and the reminder comes a month before", "give more, such as 4368h")
		}
	}
	if _, err := locale.ParseLanguage(l.NoticeLanguage); err != nil {
		p.Add("lookup.notice_language", err.Error(), "such as en or de")
	}
	return p
}

// leastLife leaves a binding a month before its owner is reminded.
const leastLife = 60 * 24 * time.Hour

// Document is one version of a document that users must accept.
type Document struct {
	// Version is any text; a new one comes with new URLs. Example: "1.2".
	Version string `yaml:"version"`
	// Languages is the document's translations, by language code.
	Languages map[string]Translation `yaml:"languages"`
}

// Translation is a document in one language.
type Translation struct {
	// Name is what people see. Example: Privacy policy.
	Name string `yaml:"name"`
	// URL is where it can be read; it stands for the version and the language too.
	// Example: https://example.org/privacy-1.2-en.html.
	URL string `yaml:"url"`
}

// smtpPasswordVariable is the environment variable that can hold the mail server's
// password in place of a file.
const smtpPasswordVariable = "SIGNET_SMTP_PASSWORD"

// defaults is the configuration of a file that names no key.
func defaults() Config {
	c := Config{
		Common:      config.Defaults(),
		Email:       Email{TLS: deliver.StartTLS, CheckMX: true},
		SMS:         smsDefaults(),
		Captcha:     Captcha{When: string(verify.OnSuspicion)},
		Lookup:      Lookup{EmailLife: lookup.DefaultLives.Email, MSISDNLife: lookup.DefaultLives.MSISDN, NoticeLanguage: locale.English.String()},
		Invitations: Invitations{ExpireAfter: 7 * 24 * time.Hour},
		Notary:      Notary{Enabled: true, HoldNew: notary.DefaultHoldDown.New, HoldValid: notary.DefaultHoldDown.Valid},
		Keys:        Keys{HoldDown: people.DefaultHoldDown},
	}
	c.Listen = "127.0.0.1:8090"
	c.Database = "sqlite:signet-data/idserver.db"
	c.KeyFile = "signet-data/idserver.kek"
	c.MetricsListen = "127.0.0.1:9090"
	return c
}

// development is the configuration of a program started without --config.
func development() Config {
	c := defaults()
	c.Development = true
	c.ServerName = "localhost:8090"
	c.PublicURL = "http://localhost:8090"
	c.Limits.DryRun = true // whoever tries things out asks for more than people do
	return c
}

// load reads the configuration at path, or that of development mode for no path.
func load(path string) (*Config, error) {
	c := defaults()
	if path == "" {
		c = development()
	}
	return &c, config.Load(path, &c)
}

// Check tells every rule that the configuration breaks.
func (c *Config) Check() config.Problems {
	p := c.Common.Check()
	p = append(p, c.Email.check()...)
	p = append(p, c.SMS.check()...)
	p = append(p, c.Federation.Check()...)
	p = append(p, config.CheckOneOf("captcha.when", c.Captcha.When, string(verify.Never), string(verify.OnSuspicion), string(verify.Always))...)
	p = append(p, c.Lookup.check()...)
	p = append(p, c.Invitations.check()...)
	p = append(p, c.Notary.check()...)
	p = append(p, c.Keys.check()...)
	p = append(p, c.checkHomeservers()...)
	if _, err := c.budgets(); err != nil {
		p.Add("limits.budgets", err.Error(), "idserver limits --share 0 lists the names")
	}
	p = append(p, c.checkTerms()...)
	p = append(p, c.checkNextLinks()...)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Path != "" {
		p.Add("public_url", "has a path, and the pages stand at the root of their host", "give the server a host of its own")
	}
	if c.Templates != "" {
		p = append(p, c.checkTemplates()...)
	}
	return p
}

func (e Email) check() config.Problems {
	p := config.CheckOneOf("email.tls", string(e.TLS), string(deliver.StartTLS), string(deliver.ImplicitTLS), string(deliver.NoTLS))
	if e.SMTP == "" {
		return p
	}
	host, port, err := net.SplitHostPort(e.SMTP)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil {
		p.Add("email.smtp", "must be host:port", "such as mail.example.org:587")
	}
	if _, err := config.Secret(e.PasswordFile, smtpPasswordVariable); err != nil {
		p.Add("email.password_file", err.Error(), "a file that this user can read, or the variable "+smtpPasswordVariable)
	}
	if _, err := e.disposable(); err != nil {
		p.Add("email.disposable_domains", err.Error(), "a text file, one domain a line")
	}
	if _, err := mail.ParseAddress(e.From); err != nil {
		p.Add("email.from", "must be an address", "such as Signet <no-reply@example.org>")
	}
	return p
}

// disposable is the mail domains whose mailboxes are open to everybody.
func (e Email) disposable() (map[string]bool, error) {
	if e.DisposableDomains == "" {
		return verify.Domains(verify.DisposableDomains), nil
	}
	text, err := os.ReadFile(e.DisposableDomains)
	if err != nil {
		return nil, err
	}
	return verify.Domains(string(text)), nil
}

// budgets is all limits, as the operator has set them.
func (c *Config) budgets() ([]quota.Budget, error) {
	return quota.Override(slices.Concat(caller.Budgets(c.Limits.DryRun), verify.Budgets(c.Limits.DryRun),
		discovery.Budgets(c.Limits.DryRun), invite.Budgets(c.Limits.DryRun), notice.Budgets(c.Limits.DryRun),
		notary.Budgets(c.Limits.DryRun), people.Budgets(c.Limits.DryRun)), c.Limits.Budgets)
}

// own is the standing of the operator's homeservers.
const own = "own"

func (c *Config) checkHomeservers() config.Problems {
	var p config.Problems
	for name, standing := range c.Homeservers {
		if parsed, err := matrix.ParseServerName(name); err != nil || parsed.String() != name {
			p.Add("homeservers", "must be server names in lower case", "such as example.org")
		}
		p = append(p, config.CheckOneOf("homeservers."+name, standing, own)...)
	}
	return p
}

// ownHomeservers is the operator's homeservers.
func (c *Config) ownHomeservers() map[matrix.ServerName]bool {
	list := map[matrix.ServerName]bool{}
	for name, standing := range c.Homeservers {
		list[matrix.ServerName(name)] = standing == own
	}
	return list
}

func (c *Config) checkTerms() config.Problems {
	var p config.Problems
	for name, document := range c.Terms {
		key := "terms." + name
		if document.Version == "" {
			p.Add(key+".version", "is missing", `such as "1.0"`)
		}
		if len(document.Languages) == 0 {
			p.Add(key+".languages", "is missing", "at least one language, such as en")
		}
		for language, t := range document.Languages {
			if t.Name == "" {
				p.Add(key+".languages."+language+".name", "is missing", "what people see")
			}
			if !absolute(t.URL) {
				p.Add(key+".languages."+language+".url", "must be an absolute http or https URL", "such as https://example.org/privacy-1.2-en.html")
			}
		}
	}
	return p
}

// absolute tells whether an address is one of the web.
func absolute(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

func (c *Config) checkNextLinks() config.Problems {
	var p config.Problems
	for _, origin := range c.NextLinkOrigins {
		if !page.ValidOrigin(origin) {
			p.Add("next_link_origins", "must be origins: a scheme and a host", "such as https://app.example.org")
		}
	}
	return p
}

func (c *Config) checkTemplates() config.Problems {
	var p config.Problems
	if info, err := os.Stat(c.Templates); err != nil || !info.IsDir() {
		p.Add("templates", "is not a folder", "name a folder, or leave it empty for the built-in words")
		return p
	}
	_, err := message.New(c.Templates, c.ServerName.String(), c.host())
	_, inviteErr := invitewords.New(c.Templates, c.ServerName.String(), c.host())
	if err := errors.Join(err, inviteErr); err != nil {
		p.Add("templates", err.Error(), "the built-in templates show what can be used")
	} else if _, err := words.New(c.Templates, c.ServerName.String()); err != nil {
		p.Add("templates", err.Error(), "the built-in templates show what can be used")
	}
	return p
}

// host is the host of the server's pages.
func (c *Config) host() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// terms is the documents as callers accept them.
func (c *Config) terms() caller.Terms {
	terms := caller.Terms{}
	for name, document := range c.Terms {
		d := caller.Document{Version: document.Version, Languages: map[string]caller.Translation{}}
		for language, t := range document.Languages {
			d.Languages[language] = caller.Translation(t)
		}
		terms[name] = d
	}
	return terms
}

// termsLinks is the documents as the front page links to them: by name, in English
// where there is English, else in the first language there is.
func (c *Config) termsLinks() []page.TermsLink {
	var links []page.TermsLink
	for _, name := range slices.Sorted(maps.Keys(c.Terms)) {
		languages := c.Terms[name].Languages
		t, english := languages["en"]
		if !english {
			t = languages[slices.Min(slices.Collect(maps.Keys(languages)))]
		}
		links = append(links, page.TermsLink{Title: t.Name, URL: t.URL})
	}
	return links
}
