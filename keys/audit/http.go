package audit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// HTTP is the Source of a log that is served by C2SP tlog-tiles. Its fields may be changed
// before it is used.
type HTTP struct {
	// Timeout is how long one answer may take to its last octet.
	Timeout time.Duration
	// Pause is how long to wait before a question is asked again that a busy server did not
	// answer; longer each time.
	Pause time.Duration

	base   string
	client *http.Client
}

// attempts is how often a question is asked at most.
const attempts = 3

var (
	errScheme = errors.New("a log is read over https, or over http from this machine")
	errMoved  = errors.New("it refers to another place, which is not followed")
)

// NewHTTP reads the log whose checkpoint is at base + "/checkpoint", over https, or over
// http from a loopback address.
func NewHTTP(base string) (*HTTP, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%q: %w", base, errScheme)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = inFlight
	return &HTTP{Timeout: 30 * time.Second, Pause: time.Second, base: strings.TrimRight(base, "/") + "/",
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return errMoved }}}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Fetch asks the server, again if it was busy or the way there broken.
func (h *HTTP) Fetch(ctx context.Context, path string) (body []byte, err error) {
	for attempt := time.Duration(1); ; attempt++ {
		var again bool
		body, again, err = h.get(ctx, path)
		if !again || attempt == attempts {
			return body, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(attempt * h.Pause):
		}
	}
}

// get asks once, and tells whether to ask again.
func (h *HTTP) get(ctx context.Context, path string) (body []byte, again bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, h.Timeout, fmt.Errorf("no answer within %v", h.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+path, nil)
	if err != nil {
		return nil, false, err
	}
	request.Header.Set("User-Agent", "signet-audit")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, !errors.Is(err, errMoved), why(ctx, err)
	}
	defer response.Body.Close()
	switch status := response.StatusCode; {
	case status == http.StatusNotFound:
		return nil, false, fmt.Errorf("%w: the server answers %s", ErrNotFound, response.Status)
	case status != http.StatusOK:
		return nil, status == http.StatusTooManyRequests || status >= 500, fmt.Errorf("the server answers %s", response.Status)
	}
	body, err = readAll(response.Body, response.ContentLength)
	return body, err != nil && !errors.Is(err, ErrTooLong), why(ctx, err)
}

// why is err, or why ctx ended if that was the reason.
func why(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
