package fedclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"signet/internal/matrix"
)

const (
	wellKnownMaxBytes = 50 << 10
	wellKnownHops     = 5
	wellKnownPort     = 443

	// How long a well-known file is kept (server-server API, "Resolving server
	// names", step 3). The shortest keeps a file that forbids caching from being
	// fetched with every request.
	wellKnownDefault  = 24 * time.Hour
	wellKnownLongest  = 48 * time.Hour
	wellKnownShortest = time.Minute
)

// A dead web server must leave time for the steps that come after it.
var wellKnownPatience = patience{fetch: 8 * time.Second, first: time.Minute, most: time.Hour}

// fetchWellKnown reads to which name a server delegates its federation.
func (c *Client) fetchWellKnown(ctx context.Context, name matrix.ServerName) (fetched[matrix.ServerName], error) {
	at := &url.URL{Scheme: "https", Host: name.String(), Path: "/.well-known/matrix/server"}
	for range wellKnownHops + 1 {
		answer, err := c.visit(ctx, at)
		if err != nil {
			return fetched[matrix.ServerName]{}, err
		}
		if !isRedirect(answer.Status) {
			delegate, err := parseWellKnown(answer)
			return fetched[matrix.ServerName]{value: delegate, life: freshness(answer.Header, c.now())}, err
		}
		if at, err = at.Parse(answer.Header.Get("Location")); err != nil {
			return fetched[matrix.ServerName]{}, fmt.Errorf("%w: redirect to nowhere", ErrBadAnswer)
		}
	}
	return fetched[matrix.ServerName]{}, fmt.Errorf("%w: too many redirects", ErrBadAnswer)
}

// visit fetches one hop. The host of a URL keeps the grammar of a server name, so
// it is read as one.
func (c *Client) visit(ctx context.Context, at *url.URL) (Response, error) {
	host, err := matrix.ParseServerName(at.Host)
	if err != nil || at.Scheme != "https" {
		return Response{}, fmt.Errorf("%w: redirect away from https", ErrBadAnswer)
	}
	answer, err := c.send(ctx, straight(host, wellKnownPort), message{
		method: http.MethodGet,
		path:   at.RequestURI(),
		header: c.header(),
		max:    wellKnownMaxBytes,
	})
	if err != nil {
		return Response{}, err
	}
	return answer.whole()
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// parseWellKnown reads m.server. The content type is not looked at (server-server
// API, GET /.well-known/matrix/server).
func parseWellKnown(answer Response) (matrix.ServerName, error) {
	if answer.Status != http.StatusOK {
		return "", fmt.Errorf("%w: status %d", ErrBadAnswer, answer.Status)
	}
	var file struct {
		Server string `json:"m.server"`
	}
	if err := answer.Decode(&file); err != nil {
		return "", err
	}
	name, err := matrix.ParseServerName(file.Server)
	if err != nil {
		return "", fmt.Errorf("%w: m.server is not a server name", ErrBadAnswer)
	}
	return name, nil
}

// freshness is how long an answer may be kept by its caching headers (RFC 9111,
// section 5), within our bounds.
func freshness(h http.Header, now time.Time) time.Duration {
	life := wellKnownDefault
	if expires := h.Get("Expires"); expires != "" {
		at, err := http.ParseTime(expires)
		life = at.Sub(now)
		if err != nil {
			life = 0 // "especially the value 0" means already expired
		}
	}
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return wellKnownShortest
		case "max-age":
			life = maxAge(value)
		}
	}
	return min(max(life, wellKnownShortest), wellKnownLongest)
}

// maxAge reads seconds. What is not a number counts as stale; a number that does
// not fit is read as the largest that does.
func maxAge(seconds string) time.Duration {
	n, _ := strconv.ParseUint(strings.Trim(seconds, `"`), 10, 64)
	return time.Duration(min(n, uint64(wellKnownLongest/time.Second))) * time.Second
}
