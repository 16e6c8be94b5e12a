package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Networks is a list of IP networks. In YAML each is text such as 10.0.0.0/8 or
// fd00::/8, or a single address.
type Networks []netip.Prefix

func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" && !addr.Is4In6() {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(s)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("such as 10.0.0.0/8, fd00::/8 or 192.0.2.7")
	}
	if network != network.Masked() {
		return netip.Prefix{}, fmt.Errorf("did you mean %s?", network.Masked())
	}
	return network, nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("such as 90s, 5m or 1h30m")
	}
	return d, nil
}

// Engine is a kind of database.
type Engine string

// The engines that store data.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Database says where data is kept: sqlite:PATH, or the URL of a PostgreSQL
// server as libpq writes it, postgres://user@host/db.
type Database string

// String is the database with its password, for the driver; log Redacted instead.
func (d Database) String() string { return string(d) }

// Engine is the kind of database, empty when the text names none.
func (d Database) Engine() Engine {
	scheme, _, _ := strings.Cut(string(d), ":")
	switch scheme {
	case "sqlite":
		return SQLite
	case "postgres", "postgresql":
		return Postgres
	}
	return ""
}

// redacted stands for a secret wherever a configuration is shown.
const redacted = "REDACTED"

// Redacted is the database without its password, which a URL can hold in two
// places; text that is no such URL is hidden whole.
func (d Database) Redacted() string {
	if d == "" || d.Engine() == SQLite {
		return string(d)
	}
	u, err := url.Parse(string(d))
	if err != nil || u.Opaque != "" || d.Engine() == "" {
		return redacted
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), redacted)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return redacted
	}
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, redacted)
			u.RawQuery = query.Encode()
		}
	}
	return u.String()
}

func (d Database) check() Problems {
	var p Problems
	const key, examples = "database", "write sqlite:signet-data/signet.db or postgres://user@host/name"
	_, rest, _ := strings.Cut(string(d), ":")
	switch d.Engine() {
	case SQLite:
		if rest == "" || strings.HasPrefix(rest, "//") || strings.ContainsAny(rest, "?#") {
			p.Add(key, "sqlite: takes the path of a file", examples)
		}
	case Postgres:
		if u, err := url.Parse(string(d)); err != nil || !strings.HasPrefix(rest, "//") || strings.Trim(u.Path, "/") == "" {
			p.Add(key, "not the URL of a PostgreSQL database", examples)
		}
	default:
		p.Add(key, "names no known engine", examples)
	}
	return p
}
