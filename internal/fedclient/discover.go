package fedclient

import (
	"context"
	"errors"
	"net/url"

	"signet/internal/matrix"
)

const (
	federationPort = 8448
	httpsPort      = 443
	httpPort       = 80
)

// route is the outcome of discovery: where a server may be connected to, and what
// its certificate and the Host header must say.
type route struct {
	certificate string // host name, or IP address without brackets; empty: there is none
	host        string // the Host header
	targets     []target
}

type target struct {
	host string // host name or IP address
	port uint16
}

// discover finds the way to a server (server-server API, "Resolving server names";
// the numbers are its steps). What a well-known file delegates to is treated like
// the name itself, except that it is not asked for a well-known file again.
func (c *Client) discover(ctx context.Context, name matrix.ServerName) (route, error) {
	if explicit(name) { // 1, 2
		return straight(name, federationPort), nil
	}
	delegate, err := c.delegates.get(ctx, name, anyAge)
	if err != nil {
		return c.advertised(ctx, name) // 4, 5, 6
	}
	if explicit(delegate) {
		return straight(delegate, federationPort), nil // 3.1, 3.2
	}
	return c.advertised(ctx, delegate) // 3.3, 3.4, 3.5
}

// explicit tells whether the name itself says where to connect.
func explicit(name matrix.ServerName) bool {
	_, literal := name.IP()
	return literal || name.Port() != 0
}

// straight is the route to the name's own host and port.
func straight(name matrix.ServerName, defaultPort uint16) route {
	port := uint16(name.Port())
	if port == 0 {
		port = defaultPort
	}
	return route{
		certificate: name.Host(),
		host:        name.String(),
		targets:     []target{{host: name.Host(), port: port}},
	}
}

// web is the route to a URL, without discovery.
func web(u *url.URL) (route, error) {
	host, err := matrix.ParseServerName(u.Host)
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if err != nil || *u != bare {
		return route{}, errRequest
	}
	switch u.Scheme {
	case "https":
		return straight(host, httpsPort), nil
	case "http":
		to := straight(host, httpPort)
		to.certificate = ""
		return to, nil
	}
	return route{}, errRequest
}

// advertised asks DNS for the server's SRV records, the registered service first;
// without any, the host itself is the server. An SRV record moves the connection
// but not the certificate: DNS proves nothing. A failed query counts as no record,
// for the certificate is the same either way.
func (c *Client) advertised(ctx context.Context, name matrix.ServerName) (route, error) {
	to := straight(name, federationPort)
	for _, service := range []string{"matrix-fed", "matrix"} {
		_, records, _ := c.resolver.LookupSRV(ctx, service, "tcp", name.Host())
		if len(records) == 0 {
			continue
		}
		to.targets = nil
		for _, r := range records[:min(len(records), maxAttempts)] {
			if r.Target != "." { // RFC 2782: decidedly not available
				to.targets = append(to.targets, target{host: r.Target, port: r.Port})
			}
		}
		if len(to.targets) == 0 {
			return route{}, connectError{cause: errors.New("its SRV record says that it offers no federation")}
		}
		return to, nil
	}
	return to, nil
}
