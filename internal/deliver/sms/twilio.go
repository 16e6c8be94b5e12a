package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"

	"signet/internal/deliver"
)

// twilioAPI is where the library addresses its requests, and so the default.
const twilioAPI = "https://api.twilio.com"

// TwilioOptions says whose account sends, and as whom.
type TwilioOptions struct {
	Name       string // empty for "twilio"
	AccountSID string // AC and 32 hexadecimal digits

	// Either the account's token, or an API key with its secret.
	AuthToken    string
	APIKeySID    string // SK and 32 hexadecimal digits
	APIKeySecret string

	// Either a sender, which is a number such as +12015550123, a short code or a name
	// of up to 11 characters; or a Messaging Service (MG and 32 hexadecimal digits).
	From                string
	MessagingServiceSID string

	BaseURL string // for another region, such as https://api.dublin.ie1.twilio.com
	Network Network
}

// Twilio sends by Twilio's Programmable Messaging. It asks for no delivery receipts.
type Twilio struct {
	wire
	account string
	base    string
	sign    func(*http.Request) // a function, so that no dump of a Twilio prints a secret
	from    func(*twilio.CreateMessageParams)
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	apiKeySID  = regexp.MustCompile(`^SK[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	senderForm = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[0-9A-Za-z +&_-]{1,11})$`)
)

// NewTwilio makes a Twilio. Errors say all that is wrong with o and quote nothing.
func NewTwilio(o TwilioOptions) (*Twilio, error) {
	if o.Name == "" {
		o.Name = "twilio"
	}
	if o.BaseURL == "" {
		o.BaseURL = twilioAPI
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	t := &Twilio{wire: newWire(o.Name, o.Network), account: o.AccountSID, base: strings.TrimSuffix(o.BaseURL, "/")}
	user, password := o.AccountSID, o.AuthToken
	if o.APIKeySID != "" {
		user, password = o.APIKeySID, o.APIKeySecret
	}
	t.sign = func(r *http.Request) { r.SetBasicAuth(user, password) }
	t.from = func(p *twilio.CreateMessageParams) { p.SetFrom(o.From) }
	if o.MessagingServiceSID != "" {
		t.from = func(p *twilio.CreateMessageParams) { p.SetMessagingServiceSid(o.MessagingServiceSID) }
	}
	return t, nil
}

func (o TwilioOptions) check() error {
	var problems []error
	demand := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	key := o.APIKeySID != "" || o.APIKeySecret != ""
	demand(providerName.MatchString(o.Name), errProviderName.Error())
	demand(accountSID.MatchString(o.AccountSID), "the account SID must be AC and 32 hexadecimal digits")
	demand(key != (o.AuthToken != ""), "exactly one of auth token and API key is needed")
	demand(!key || apiKeySID.MatchString(o.APIKeySID), "the API key's SID must be SK and 32 hexadecimal digits")
	demand(!key || o.APIKeySecret != "", "the API key's secret is missing")
	demand((o.From != "") != (o.MessagingServiceSID != ""), "exactly one of sender and Messaging Service is needed")
	demand(o.From == "" || senderForm.MatchString(o.From), "the sender must be an international number with +, a short code or a name of up to 11 characters")
	demand(o.MessagingServiceSID == "" || serviceSID.MatchString(o.MessagingServiceSID), "the Messaging Service's SID must be MG and 32 hexadecimal digits")
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		err = errPlainURL // the text of err quotes the URL
	} else if err = checkURL(u); err == nil && (u.RawQuery != "" || u.ForceQuery) {
		err = errors.New("must have no query")
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("the base URL %w", err))
	}
	return errors.Join(problems...)
}

// Name is what the options say.
func (t *Twilio) Name() string { return t.provider }

// SendSMS creates a message at Twilio; see Provider.
func (t *Twilio) SendSMS(ctx context.Context, m deliver.SMS) error {
	number, err := digits(m.To)
	if err != nil {
		return t.failed(deliver.ErrRefused, err)
	}
	params := (&twilio.CreateMessageParams{}).SetTo("+" + number).SetBody(m.Text)
	t.from(params)
	// Not by NewRequestHandler, which asks the environment for a region.
	service := twilio.NewApiService(&client.RequestHandler{Client: &twilioCall{ctx, t}})
	created, err := service.CreateMessage(params)
	return t.outcome(created, err)
}

// outcome judges what the library makes of an answer. Without the SID of a message
// nobody has told us that there is one, whatever the status.
func (t *Twilio) outcome(m *twilio.ApiV2010Message, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case err != nil:
		return t.failed(deliver.ErrUnknownOutcome, errors.New("answer is not a message"))
	case m.Sid == nil || *m.Sid == "":
		return t.failed(deliver.ErrUnknownOutcome, errors.New("answer has no SID"))
	case m.Status != nil && (*m.Status == "failed" || *m.Status == "undelivered"):
		return t.stillborn(m.ErrorCode)
	}
	return nil
}

// stillborn is a message that Twilio took and gave up in the same breath.
func (t *Twilio) stillborn(code *int) error {
	e := &Error{Provider: t.provider, kind: deliver.ErrUnknownOutcome}
	if code == nil {
		return e
	}
	e.Code = twilioCode(*code)
	if kind, known := twilioKinds[e.Code]; known {
		e.kind = kind
	}
	return e
}

// refusal judges an answer that is no success. The code counts only where Twilio
// decided: a server that failed may have sent the message.
func (t *Twilio) refusal(a answer) error {
	var said struct {
		Code int `json:"code"`
	}
	e := &Error{Provider: t.provider, Status: a.status, kind: kindOfStatus(a.status)}
	if json.Unmarshal(a.body, &said) != nil {
		return e
	}
	e.Code = twilioCode(said.Code)
	if kind, known := twilioKinds[e.Code]; known && a.status/100 == 4 {
		e.kind = kind
	}
	return e
}

// twilioCall is the library's way to the network for one message: with the caller's
// context, and with answers read and closed before the library sees them.
type twilioCall struct {
	ctx context.Context
	*Twilio
}

func (c *twilioCall) AccountSid() string       { return c.account }
func (c *twilioCall) SetTimeout(time.Duration) {} // the context has it
func (c *twilioCall) SetOauth(client.OAuth)    {}
func (c *twilioCall) OAuth() client.OAuth      { return nil }

// SendRequest sends a form to the configured server.
func (c *twilioCall) SendRequest(method, rawURL string, form url.Values, _ map[string]any, _ ...byte) (*http.Response, error) {
	path, ok := strings.CutPrefix(rawURL, twilioAPI)
	if !ok {
		return nil, c.failed(deliver.ErrMisconfigured, errors.New("the library asks for another server"))
	}
	req, err := http.NewRequestWithContext(c.ctx, method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, c.failed(deliver.ErrMisconfigured, errors.New("the base URL is not usable"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	c.sign(req)
	a, err := c.exchange(req)
	switch {
	case err != nil:
		return nil, err
	case a.status/100 != 2:
		return nil, c.refusal(a)
	case a.cut != nil:
		return nil, &Error{Provider: c.provider, Status: a.status, kind: deliver.ErrUnknownOutcome, cause: a.cut}
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(bytes.NewReader(a.body))}, nil
}
