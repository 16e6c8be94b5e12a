package fedclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

const defaultMaxBytes = 64 << 10

var errRequest = errors.New("request has no valid method or escaped path")

// Request is one question to another server. An identity server is asked where its name or its
// operator says, as Web: https, or http on this machine alone.
type Request struct {
	Server   matrix.ServerName
	Web      *url.URL // where the server is, of no other parts than scheme and host; nil: by discovery
	Method   string
	Path     string    // escaped, with its query if any, exactly as it is signed
	Body     []byte    // JSON; nil for none
	MaxBytes int64     // the longest answer to read; 0 means 64 KiB
	Sign     *Identity // who asks (X-Matrix); nil asks unsigned
	Bearer   string    // the access token on whose behalf it is asked; empty for none
}

// Identity is the server that signs a request, with its key.
type Identity struct {
	Server matrix.ServerName
	Key    matrix.SigningKey
}

// Response is a whole answer, of whatever status. A redirect is an answer too.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Decode reads the body as strict JSON into v. ErrBadAnswer is its only error,
// whose text quotes nothing of the body.
func (r Response) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("%w: not JSON of the expected shape", ErrBadAnswer)
	}
	return nil
}

// message is a request without its destination.
type message struct {
	method string
	path   string
	header http.Header
	body   []byte
	max    int64
}

// message writes the request down and signs it. The signature names the server
// before any delegation (specification, "Request Authentication").
func (c *Client) message(r Request) (message, error) {
	m := message{method: r.Method, path: r.Path, body: r.Body, header: c.header(), max: r.MaxBytes}
	if m.max == 0 {
		m.max = defaultMaxBytes
	}
	if len(r.Body) > 0 {
		m.header.Set("Content-Type", "application/json")
	}
	if r.Bearer != "" {
		m.header.Set("Authorization", "Bearer "+r.Bearer)
	}
	if r.Sign == nil {
		return m, nil
	}
	x, err := matrix.SignedRequest{
		Method:      r.Method,
		URI:         r.Path,
		Origin:      r.Sign.Server,
		Destination: r.Server,
		Content:     r.Body,
	}.Authorize(r.Sign.Key)
	if err != nil {
		return message{}, fmt.Errorf("signing request: %w", err)
	}
	m.header.Set("Authorization", x.String())
	return m, nil
}

// escaped tells whether the path, behind a host, is sent exactly as it stands. One
// that changed the host, or needed escaping, would not be read back whole.
func escaped(path string) bool {
	u, err := url.Parse("https://host" + path)
	invisible := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	return err == nil && u.RequestURI() == path && !strings.ContainsFunc(path, invisible)
}

func (c *Client) header() http.Header {
	return http.Header{"User-Agent": {c.userAgent}, "Accept": {"application/json"}}
}
