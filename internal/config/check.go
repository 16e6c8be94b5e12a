package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckListener tells whether the program may listen on addr. Secured says that
// strangers may reach it: it speaks TLS or stands behind a proxy.
func (c *Common) CheckListener(key, addr string, secured bool) Problems {
	var p Problems
	switch {
	case !validListen(addr):
		p.Add(key, "must be an IP address and a port", "such as 127.0.0.1:8090 or [::1]:8090; :8090 is every interface")
	case Loopback(addr):
	case c.Development:
		p.Add(key, "development mode listens on loopback only", "write 127.0.0.1, or set development: false")
	case !secured:
		p.Add(key, "is open to other machines without TLS", "set tls.cert and tls.key, or behind_proxy to the networks of your proxies")
	}
	return p
}

// validListen wants an IP address: what a name resolves to can change between
// the check and the bind, and with it who can connect.
func validListen(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	_, hostErr := netip.ParseAddr(host)
	return err == nil && (host == "" || hostErr == nil)
}

// Loopback tells whether only this machine can connect to the listen address.
func Loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// CheckURL tells whether value is an absolute http or https URL to which a path
// can be appended: no query, fragment, user or closing slash.
func CheckURL(key, value string) Problems {
	var p Problems
	u, err := url.Parse(value)
	switch {
	case value == "":
		p.Add(key, "is missing", "such as https://id.example.org")
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		p.Add(key, "must be an absolute http or https URL", "such as https://id.example.org")
	case u.User != nil || strings.ContainsAny(value, "?#"):
		p.Add(key, "must have no user, query or fragment", "write "+u.Scheme+"://"+u.Host+u.EscapedPath())
	case strings.HasSuffix(value, "/"):
		p.Add(key, "must not end with a slash", "write "+strings.TrimRight(value, "/"))
	}
	return p
}

// CheckOneOf tells whether value is one of the allowed words.
func CheckOneOf(key, value string, allowed ...string) Problems {
	var p Problems
	if !slices.Contains(allowed, value) {
		p.Add(key, "is not a known choice", "one of "+strings.Join(allowed, ", "))
	}
	return p
}
