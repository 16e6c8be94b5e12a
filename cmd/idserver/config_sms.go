package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"signet/internal/config"
	"signet/internal/deliver/sms"
	"signet/verify"
	"signet/verify/fraud"
)

// SMS is how text messages are sent, and to whom.
type SMS struct {
	// Order is the providers by name, the preferred one first. Each is tried once a
	// message, until one takes it. Empty: in development mode text messages land in the
	// mailbox page, otherwise phone numbers cannot be verified.
	Order []string `yaml:"order"`
	// Twilio is providers by Twilio's Programmable Messaging, by name.
	Twilio map[string]Twilio `yaml:"twilio"`
	// HTTP is providers by any other gateway that takes one HTTP request a message, by
	// name.
	HTTP map[string]Gateway `yaml:"http"`

	// Countries is the countries whose numbers are served: ISO 3166-1 codes such as GB,
	// or "*" for all. Default: none; in development mode, whose mailbox costs nothing, all.
	Countries []string `yaml:"countries"`
	// RiskyCountries is countries where a CAPTCHA is asked before each message.
	// Default: none.
	RiskyCountries []string `yaml:"risky_countries"`
	// Prices is what one segment of a message costs, by country, "*" for any other, in
	// the currency of the caps. A long message has several. Default: 0.10. Example: {GB: "0.0412"}.
	Prices map[string]string `yaml:"prices"`
	// CapPerDay and CapPerMonth are the most that is spent in a day and a calendar month
	// (UTC). Empty: no cap. Example: "25".
	CapPerDay   string `yaml:"cap_per_day"`
	CapPerMonth string `yaml:"cap_per_month"`
	// Conversion is what share of codes must come back.
	Conversion Conversion `yaml:"conversion"`
}

// Twilio is an account at Twilio.
type Twilio struct {
	// AccountSID is the account, AC and 32 hexadecimal digits.
	AccountSID string `yaml:"account_sid"`
	// AuthTokenFile is the file of the account's token; or else APIKeySID and
	// APIKeySecretFile are an API key.
	AuthTokenFile    string `yaml:"auth_token_file"`
	APIKeySID        string `yaml:"api_key_sid"`
	APIKeySecretFile string `yaml:"api_key_secret_file"`
	// From is the sender: a number such as +12015550123, a short code or a name; or else
	// MessagingServiceSID is a Messaging Service.
	From                string `yaml:"from"`
	MessagingServiceSID string `yaml:"messaging_service_sid"`
	// BaseURL is for another region. Default: https://api.twilio.com.
	BaseURL string `yaml:"base_url"`
}

// Gateway is a gateway that takes HTTP requests. URL, Headers and Body are templates
// over .To, .ToDigits, .Text, .ID and .From, each value escaped by json, query or xml.
type Gateway struct {
	// URL is https, or http on this machine.
	URL string `yaml:"url"`
	// Method is GET, POST or PUT. Default: POST.
	Method string `yaml:"method"`
	// Headers are further headers. Example: {X-Sender: "{{.From}}"}.
	Headers map[string]string `yaml:"headers"`
	// ContentType is the body's. Example: application/json.
	ContentType string `yaml:"content_type"`
	// Body is what is sent. Example: '{"to": {{json .To}}, "text": {{json .Text}}}'.
	Body string `yaml:"body"`
	// From is the sender that the templates may name.
	From string `yaml:"from"`
	// Username and PasswordFile are for basic authentication; or else BearerFile is the
	// file of a token.
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	BearerFile   string `yaml:"bearer_file"`
	// SuccessPointer and SuccessMatch say what a 2xx answer must hold: a JSON pointer to
	// the place, empty for all of the answer, and a regular expression to find there.
	SuccessPointer string `yaml:"success_pointer"`
	SuccessMatch   string `yaml:"success_match"`
	// RefusedStatus is the 4xx by which this gateway says that the number is bad.
	// Default: none.
	RefusedStatus []int `yaml:"refused_status"`
}

// Conversion is what share of codes must come back, of the last day's messages to a
// block of numbers or a country.
type Conversion struct {
	// After is how many messages are judged at the least. Default: 20.
	After int `yaml:"after"`
	// CaptchaBelow is the share in percent below which a CAPTCHA is asked. Default: 10.
	CaptchaBelow int `yaml:"captcha_below"`
	// PauseBelow is the share in percent, of messages for which a CAPTCHA was solved, below
	// which a block is paused. Default: 5.
	PauseBelow int `yaml:"pause_below"`
	// PauseFor is how long. Default: 24h.
	PauseFor time.Duration `yaml:"pause_for"`
}

func smsDefaults() SMS {
	d := fraud.DefaultConversion
	return SMS{Conversion: Conversion{After: d.After, CaptchaBelow: int(100*d.CaptchaBelow + 0.5), PauseBelow: int(100*d.PauseBelow + 0.5), PauseFor: d.PauseFor}}
}

func (s SMS) check() config.Problems {
	var p config.Problems
	if _, err := s.chain(sms.Network{}, nil); err != nil {
		p.Add("sms", err.Error(), "see docs/configuration.md")
	}
	policy, err := s.policy()
	if err != nil {
		p.Add("sms", err.Error(), `amounts are text such as "0.0412"`)
		return p
	}
	for _, err := range policy.Check() {
		problem, _ := errors.AsType[fraud.Problem](err)
		p.Add("sms."+problem.Field, problem.Reason, "")
	}
	return p
}

// smsPolicy is what the operator decides on text messages.
func (c *Config) smsPolicy() (fraud.Policy, error) {
	s := c.SMS
	if c.Development && len(s.Order) == 0 && len(s.Countries) == 0 {
		s.Countries = []string{fraud.Any}
	}
	p, err := s.policy()
	p.NoCaptcha = c.Captcha.When == string(verify.Never)
	return p, err
}

func (s SMS) policy() (p fraud.Policy, err error) {
	p = fraud.Policy{Countries: s.Countries, RiskyCountries: s.RiskyCountries, Prices: map[string]fraud.Money{}, Conversion: fraud.Conversion{
		After: s.Conversion.After, CaptchaBelow: float64(s.Conversion.CaptchaBelow) / 100,
		PauseBelow: float64(s.Conversion.PauseBelow) / 100, PauseFor: s.Conversion.PauseFor,
	}}
	var errs []error
	amount := func(key, text string) (m fraud.Money) {
		if text == "" {
			return 0
		}
		m, err := fraud.ParseMoney(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		return m
	}
	p.CapPerDay, p.CapPerMonth = amount("cap_per_day", s.CapPerDay), amount("cap_per_month", s.CapPerMonth)
	for _, country := range slices.Sorted(maps.Keys(s.Prices)) {
		p.Prices[country] = amount("prices."+country, s.Prices[country])
	}
	return p, errors.Join(errs...)
}

// chain is the providers in their order, nil if there are none.
func (s SMS) chain(n sms.Network, observe func(string, sms.Outcome)) (*sms.Chain, error) {
	if len(s.Order) == 0 {
		return nil, nil
	}
	var providers []sms.Provider
	var errs []error
	for _, name := range s.Order {
		provider, err := s.provider(name, n)
		if err != nil {
			errs = append(errs, fmt.Errorf("provider %s: %w", name, err))
		}
		providers = append(providers, provider)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return sms.NewChain(sms.ChainOptions{Providers: providers, Observe: observe})
}

func (s SMS) provider(name string, n sms.Network) (sms.Provider, error) {
	twilio, isTwilio := s.Twilio[name]
	gateway, isGateway := s.HTTP[name]
	switch {
	case isTwilio && isGateway:
		return nil, errors.New("is both in sms.twilio and in sms.http")
	case isTwilio:
		return twilio.provider(name, n)
	case isGateway:
		return gateway.provider(name, n)
	}
	return nil, errors.New("is neither in sms.twilio nor in sms.http")
}

func (t Twilio) provider(name string, n sms.Network) (sms.Provider, error) {
	token, tokenErr := config.Secret(t.AuthTokenFile, "")
	secret, secretErr := config.Secret(t.APIKeySecretFile, "")
	if err := errors.Join(tokenErr, secretErr); err != nil {
		return nil, err
	}
	return sms.NewTwilio(sms.TwilioOptions{
		Name: name, AccountSID: t.AccountSID, AuthToken: token, APIKeySID: t.APIKeySID, APIKeySecret: secret,
		From: t.From, MessagingServiceSID: t.MessagingServiceSID, BaseURL: t.BaseURL, Network: n,
	})
}

func (g Gateway) provider(name string, n sms.Network) (sms.Provider, error) {
	password, passwordErr := config.Secret(g.PasswordFile, "")
	bearer, bearerErr := config.Secret(g.BearerFile, "")
	if err := errors.Join(passwordErr, bearerErr); err != nil {
		return nil, err
	}
	return sms.NewGateway(sms.GatewayOptions{
		Name: name, URL: g.URL, Method: g.Method, Headers: g.Headers, ContentType: g.ContentType, Body: g.Body, From: g.From,
		Username: g.Username, Password: password, Bearer: bearer,
		Success: sms.Success{Pointer: g.SuccessPointer, Match: g.SuccessMatch}, RefusedStatus: g.RefusedStatus, Network: n,
	})
}
