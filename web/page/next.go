package page

import (
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/idna"

	"signet/internal/matrix"
)

// next is where a person goes from here: a page of somebody else's.
type next struct {
	URL    string
	Host   string // as it is compared and shown: in ASCII, with a port that is not the usual one
	origin string
}

// nextOf is the next page that a session names, nil if it names none.
func nextOf(link string) *next {
	if n, ok := parseNext(link); ok {
		return &n
	}
	return nil
}

// parseNext reads the address of a web page. The host is written out in ASCII, in
// the link too, so that a browser goes where the page says and no letter looks like
// another.
func parseNext(link string) (next, bool) {
	u, err := url.Parse(link)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return next{}, false
	}
	host, ok := canonicalHost(u)
	if !ok {
		return next{}, false
	}
	u.Host = host
	return next{URL: u.String(), Host: host, origin: u.Scheme + "://" + host}, true
}

// ValidOrigin tells whether text is an origin for Options.NextOrigins: a scheme and a
// host, as they are compared, and nothing else.
func ValidOrigin(text string) bool {
	n, ok := parseNext(text)
	return ok && n.origin == text
}

// canonicalHost is the host and port of u, each as every other spelling of it.
func canonicalHost(u *url.URL) (string, bool) {
	host, port := u.Hostname(), u.Port()
	if !strings.Contains(host, ":") { // an IPv6 address has no letters to fold
		ascii, err := idna.Lookup.ToASCII(host)
		again, errAgain := idna.Lookup.ToASCII(ascii)
		if err != nil || errAgain != nil || again != ascii {
			return "", false
		}
		host = ascii
	}
	if port == "" || port == usualPorts[u.Scheme] {
		host = strings.TrimSuffix(net.JoinHostPort(host, ""), ":")
	} else {
		host = net.JoinHostPort(host, port)
	}
	name, err := matrix.ParseServerName(host)
	return name.String(), err == nil
}

var usualPorts = map[string]string{"http": "80", "https": "443"}
