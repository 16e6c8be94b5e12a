package config

import (
	"net"
	"net/url"
	"slices"
)

// Hosts is the values of a request's Host that are this server's own in
// development mode, or nil outside it, where any is answered. A page elsewhere whose
// name was pointed at this machine could otherwise talk to the server through the
// visitor's browser.
func (c *Common) Hosts() []string {
	if !c.Development {
		return nil
	}
	hosts := []string{c.ServerName.String(), c.Listen}
	if _, port, err := net.SplitHostPort(c.Listen); err == nil {
		for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
			hosts = append(hosts, net.JoinHostPort(host, port))
		}
	}
	if u, err := url.Parse(c.PublicURL); err == nil {
		hosts = append(hosts, u.Host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
