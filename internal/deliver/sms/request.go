package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"text/template"

	"golang.org/x/net/http/httpguts"
)

// A text is a template whose result is a string.
type text struct{ *template.Template }

// render gives the text for a message. What text/template says of a failure may
// quote a value, so it stays with the samples of newRequest.
func (t text) render(v values) (string, error) {
	if t.Template == nil {
		return "", nil
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", templateError{err}
	}
	return b.String(), nil
}

// templateError hides the words of text/template from everyone but explain.
type templateError struct{ cause error }

func (templateError) Error() string { return "the template cannot be filled in" }

// samples are messages that break what is not escaped.
var samples = []values{
	{To: "+12015550123", ToDigits: "12015550123", ID: "sample-1", Text: "Quote \" ' \\ & = ? # % + / <b>]]> {{.}} äß☃😀\r\n\tline\u2028end\x00"},
	{To: "+447400123456", ToDigits: "447400123456", ID: "sample-2", Text: ""},
}

// newRequest reads the templates of o and tries them.
func newRequest(o GatewayOptions) (request, error) {
	r := request{method: o.Method, contentType: o.ContentType, from: o.From, headers: map[string]text{}}
	if r.method == "" {
		r.method = http.MethodPost
	}
	place, err := placeOf(o)
	if err != nil {
		return request{}, err
	}
	r.place = place
	if r.sign, err = signer(o); err != nil {
		return request{}, err
	}
	if err := r.parse(o, place); err != nil {
		return request{}, err
	}
	for _, sample := range samples {
		req, err := r.build(context.Background(), sample)
		if err != nil {
			return request{}, explain(err)
		}
		r.host = req.URL.Host
	}
	return r, nil
}

func (r *request) parse(o GatewayOptions, body escaping) error {
	read := func(name, source string, place escaping) (text, error) {
		t, err := parseTemplate(name, source, place)
		return text{t}, err
	}
	var err error
	if r.url, err = read("URL", o.URL, asQuery); err != nil {
		return err
	}
	if r.body, err = read("body", o.Body, body); err != nil {
		return err
	}
	for name, source := range o.Headers {
		if err := checkHeaderName(name, o); err != nil {
			return err
		}
		if r.headers[name], err = read("header "+name, source, anything); err != nil {
			return err
		}
	}
	return nil
}

// explain adds what text/template said of a sample, where nothing is secret.
func explain(err error) error {
	var failed templateError
	if errors.As(err, &failed) {
		return fmt.Errorf("%w: %w", err, failed.cause)
	}
	return err
}

// placeOf is the escaping that values need in the body.
func placeOf(o GatewayOptions) (escaping, error) {
	switch o.Method {
	case "", http.MethodPost, http.MethodPut:
	case http.MethodGet:
		if o.Body != "" {
			return "", errors.New("a GET has no body")
		}
	default:
		return "", errors.New("the method must be GET, POST or PUT")
	}
	kind, _, err := mime.ParseMediaType(o.ContentType)
	switch {
	case o.Body == "" && o.ContentType == "":
		return anything, nil
	case err != nil, !httpguts.ValidHeaderFieldValue(o.ContentType):
		return "", errors.New("the content type is not one")
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		return asJSON, nil
	case kind == "application/x-www-form-urlencoded":
		return asQuery, nil
	case kind == "application/xml", kind == "text/xml", strings.HasSuffix(kind, "+xml"):
		return asXML, nil
	case kind == "text/plain":
		return anything, nil
	}
	return "", errors.New("the content type must be that of JSON, a form, XML or plain text")
}

// signer adds the credentials of o.
func signer(o GatewayOptions) (func(*http.Request), error) {
	basic := o.Username != "" || o.Password != ""
	switch {
	case basic && o.Bearer != "":
		return nil, errors.New("basic authentication and a bearer token exclude each other")
	case strings.Contains(o.Username, ":"):
		return nil, errors.New("the user name must have no colon") // RFC 7617, section 2
	case !httpguts.ValidHeaderFieldValue(o.Bearer):
		return nil, errors.New("the bearer token must be one line")
	case basic:
		return func(r *http.Request) { r.SetBasicAuth(o.Username, o.Password) }, nil
	case o.Bearer != "":
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+o.Bearer) }, nil
	}
	return func(*http.Request) {}, nil
}

// checkHeaderName refuses what is no name, and the names that are for others to set.
func checkHeaderName(name string, o GatewayOptions) error {
	switch key := http.CanonicalHeaderKey(name); {
	case !httpguts.ValidHeaderFieldName(name):
		return errors.New("a header's name is not valid")
	case key == "Host", key == "Connection", key == "Content-Length", key == "Transfer-Encoding", key == "Trailer", key == "Expect":
		return fmt.Errorf("the header %s is not for options to set", key)
	case key == "Content-Type":
		return errors.New("the content type is an option of its own")
	case key == "Authorization" && (o.Username != "" || o.Password != "" || o.Bearer != ""):
		return errors.New("there are two kinds of Authorization")
	}
	return nil
}

// content is the body for a message. Escaped as its values are it stays what the
// template makes it; that a JSON text is one is checked again, as it costs nothing.
func (r *request) content(v values) (string, error) {
	body, err := r.body.render(v)
	switch {
	case err != nil:
		return "", fmt.Errorf("body: %w", err)
	case r.place == asJSON && !json.Valid([]byte(body)):
		return "", errors.New("body: is not JSON; {{json .Text}} writes the quotes too")
	case r.place == asQuery && !form(body):
		return "", errors.New("body: is not a form")
	}
	return body, nil
}

func form(body string) bool {
	_, err := url.ParseQuery(body)
	return err == nil
}

func (r *request) fillHeader(h http.Header, v values) error {
	if r.contentType != "" {
		h.Set("Content-Type", r.contentType)
	}
	for name, t := range r.headers {
		value, err := t.render(v)
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("header %s: must be one line; {{query .Text}} is", name)
		}
		h.Set(name, value)
	}
	return nil
}
