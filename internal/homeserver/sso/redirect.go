package sso

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"signet/internal/matrix"
)

// ErrRedirect says that a browser is not sent to an address with a login token.
var ErrRedirect = errors.New("redirectUrl must be an https URL, or an http one of this machine, or one of an app, such as io.element.app:/")

// Site is who gets a login token: the origin of a site, as "https://app.example.org", or the
// scheme of an app's addresses with its colon, as "io.element.app:".
type Site string

// App tells whether it is an app on the person's device, whichever has taken the scheme.
func (s Site) App() bool { return strings.HasSuffix(string(s), ":") }

// Redirect is an address that a login token can be added to.
type Redirect struct {
	text string
	site Site
}

// Site is who has the address.
func (r Redirect) Site() Site { return r.site }

// String is the inverse of ParseRedirect.
func (r Redirect) String() string { return r.text }

const (
	maxRedirect = 2000 // octets
	loginToken  = "loginToken"
)

var (
	// plainURL is an address as browsers write it, without what they read otherwise than they write.
	plainURL = regexp.MustCompile(`^[!#-;=?-\[\]-~]+$`)
	// appScheme is that of an app that has its scheme by its domain (RFC 8252, section 7.1).
	appScheme = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$`)
)

// known are the schemes of apps that have been there for longer than that custom.
var known = []string{"element"}

// active are schemes of addresses that a browser shows or runs itself.
var active = []string{"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "vbscript", "view-source", "ws", "wss"}

// ParseRedirect reads an address by its form. The error is ErrRedirect.
func ParseRedirect(text string) (Redirect, error) {
	if len(text) > maxRedirect || !plainURL.MatchString(text) {
		return Redirect{}, ErrRedirect
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.User != nil || slices.Contains(active, u.Scheme) {
		return Redirect{}, ErrRedirect
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return Redirect{text, Site(u.Scheme + ":")}, nil
	}
	site, err := siteOf(u)
	if err != nil || !begins(text, u) {
		return Redirect{}, ErrRedirect
	}
	return Redirect{text, site}, nil
}

// siteOf is the origin of a web address, without a port that it has anyway.
func siteOf(u *url.URL) (Site, error) {
	host, err := matrix.ParseServerName(u.Host)
	if err != nil {
		return "", ErrRedirect
	}
	name := host.String()
	if usual := map[string]int{"https": 443, "http": 80}; host.Port() == usual[u.Scheme] {
		name = strings.TrimSuffix(name, fmt.Sprintf(":%d", host.Port()))
	}
	return Site(u.Scheme + "://" + name), nil
}

// begins tells whether the text has scheme and host as they were read, so that nobody can read
// another host in it.
func begins(text string, u *url.URL) bool {
	rest, found := strings.CutPrefix(strings.ToLower(text), u.Scheme+"://"+strings.ToLower(u.Host))
	return found && (rest == "" || strings.ContainsRune("/?#", rune(rest[0])))
}

// ParseSite reads a site that the operator trusts. The error is ErrRedirect.
func ParseSite(text string) (Site, error) {
	if strings.HasSuffix(text, ":") {
		r, err := ParseRedirect(text + "/")
		if err != nil || !r.site.App() || string(r.site) != text {
			return "", ErrRedirect
		}
		return r.site, nil
	}
	r, err := ParseRedirect(text)
	if err != nil || string(r.site) != text {
		return "", ErrRedirect
	}
	return r.site, nil
}

// safe tells whether a site may be asked about that the operator does not trust: not one that
// the token would reach in the clear, and no app but one that says whose it is. Others may do
// anything with an address that a stranger makes up.
func (s Site) safe() bool {
	if scheme, app := strings.CutSuffix(string(s), ":"); app {
		return appScheme.MatchString(scheme) || slices.Contains(known, scheme)
	}
	host, clear := strings.CutPrefix(string(s), "http://")
	return !clear || loopback(host)
}

// loopback tells whether a host with or without a port is the person's own machine.
func loopback(host string) bool {
	u := url.URL{Host: host}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// With is the address with a login token in its query, in place of any that is there, and
// otherwise as it is.
func (r Redirect) With(token string) string {
	rest, fragment, hashed := strings.Cut(r.text, "#")
	base, query, asked := strings.Cut(rest, "?")
	var pairs []string
	if asked && query != "" {
		pairs = slices.DeleteFunc(strings.Split(query, "&"), isLoginToken)
	}
	text := base + "?" + strings.Join(append(pairs, loginToken+"="+url.QueryEscape(token)), "&")
	if hashed {
		text += "#" + fragment
	}
	return text
}

func isLoginToken(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	plain, err := url.QueryUnescape(name)
	return err == nil && plain == loginToken
}
