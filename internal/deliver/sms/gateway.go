package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"signet/internal/deliver"
)

// GatewayOptions describes a gateway that takes one HTTP request a message. URL,
// Headers and Body are texts in the language of text/template, with the values .To
// (+447400123456), .ToDigits (447400123456), .Text, .ID (the same for every try) and
// .From. A value must be escaped for its place: {{query .Text}} in the URL and in a
// form, {{json .Text}} in JSON, which writes the quotes too, {{xml .Text}} in XML.
type GatewayOptions struct {
	Name        string
	URL         string // https, or http on a loopback address; the host is fixed
	Method      string // empty for POST
	Headers     map[string]string
	ContentType string // of the body: JSON, a form, XML or plain text
	Body        string // empty for none
	From        string

	Username string // with Password, for basic authentication
	Password string
	Bearer   string // instead, a token

	Success       Success
	RefusedStatus []int // 4xx by which this gateway says that the number is bad; none by default: 400 may be about us
	Network       Network
}

// Success says what a 2xx answer must hold to be believed. The zero value believes
// the status.
type Success struct {
	Pointer string // a JSON pointer (RFC 6901) to a string, number or boolean; empty for the whole body
	Match   string // a regular expression to find there, such as ^0$; empty if it must only be there
}

// Gateway sends by an HTTP request that its options describe.
type Gateway struct {
	wire
	request request
	verdict verdict
	refused []int
}

// NewGateway makes a Gateway. It refuses options by which some message could not be
// sent as it is: every template is tried with samples. Errors quote values of
// templates, not the text around them, where keys may stand.
func NewGateway(o GatewayOptions) (*Gateway, error) {
	if !providerName.MatchString(o.Name) {
		return nil, errProviderName
	}
	for _, status := range o.RefusedStatus {
		if status/100 != 4 || status == http.StatusTooManyRequests {
			return nil, errors.New("a refusal of the number is a 4xx status other than 429")
		}
	}
	verdict, err := newVerdict(o.Success)
	if err != nil {
		return nil, err
	}
	request, err := newRequest(o)
	if err != nil {
		return nil, err
	}
	return &Gateway{newWire(o.Name, o.Network), request, verdict, slices.Clone(o.RefusedStatus)}, nil
}

// Name is what the options say.
func (g *Gateway) Name() string { return g.provider }

// SendSMS sends one request to the gateway; see Provider.
func (g *Gateway) SendSMS(ctx context.Context, m deliver.SMS) error {
	number, err := digits(m.To)
	if err != nil {
		return g.failed(deliver.ErrRefused, err)
	}
	req, err := g.request.build(ctx, values{To: "+" + number, ToDigits: number, Text: m.Text, ID: m.ID})
	if err != nil {
		return g.failed(deliver.ErrMisconfigured, err)
	}
	a, err := g.exchange(req)
	if err != nil {
		return err
	}
	return g.outcome(a)
}

func (g *Gateway) outcome(a answer) error {
	e := &Error{Provider: g.provider, Status: a.status}
	switch {
	case slices.Contains(g.refused, a.status):
		e.kind = deliver.ErrRefused
	case a.status/100 != 2:
		e.kind = kindOfStatus(a.status)
	default:
		e.kind, e.cause = g.verdict.on(a)
	}
	if e.kind == nil {
		return nil
	}
	return e
}

// A request is what a gateway is sent, as templates that have been tried.
type request struct {
	method      string
	host        string // where every message goes, whatever it says
	url, body   text
	headers     map[string]text
	contentType string
	place       escaping // of values in the body
	from        string
	sign        func(*http.Request) // a function, so that no dump of a Gateway prints a secret
}

// build makes the request for one message. Errors quote nothing of it.
func (r *request) build(ctx context.Context, v values) (*http.Request, error) {
	v.From = r.from
	target, err := r.target(v)
	if err != nil {
		return nil, err
	}
	body, err := r.content(v)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	if err := r.fillHeader(req.Header, v); err != nil {
		return nil, err
	}
	r.sign(req)
	return req, nil
}

// target is the URL for a message. Values are escaped in it, and a server that
// they could choose is refused all the same.
func (r *request) target(v values) (string, error) {
	s, err := r.url.render(v)
	if err != nil {
		return "", fmt.Errorf("URL: %w", err)
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("URL: is none") // the text of err quotes it
	}
	if err := checkURL(u); err != nil {
		return "", fmt.Errorf("URL: %w", err)
	}
	if r.host != "" && u.Host != r.host {
		return "", errors.New("URL: the host must not depend on the message")
	}
	return s, nil
}
