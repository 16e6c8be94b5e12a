package config

import (
	"net/netip"
	"strings"
	"testing"
)

func mustNetwork(t *testing.T, s string) netip.Prefix {
	t.Helper()
	network, err := parseNetwork(s)
	if err != nil {
		t.Fatalf("parseNetwork(%q): %v", s, err)
	}
	return network
}

// TestCheckRules breaks one rule at a time. A want of "" means that none is broken.
func TestCheckRules(t *testing.T) {
	proxies := Networks{mustNetwork(t, "10.0.0.0/8")}
	for _, test := range []struct {
		name  string
		spoil func(*Common)
		want  string
	}{
		{"nothing", func(*Common) {}, ""},
		{"no server name", func(c *Common) { c.ServerName = "" }, "server_name: is missing"},
		{"URL as server name", func(c *Common) { c.ServerName = "https://example.org" }, "server_name: not a valid server name"},
		{"capital server name", func(c *Common) { c.ServerName = "Example.org" }, "server_name: must be in lower case (write example.org)"},
		{"no listener", func(c *Common) { c.Listen = "" }, "listen: must be an IP address and a port"},
		{"listener by name", func(c *Common) { c.Listen = "localhost:80" }, "listen: must be an IP address and a port"},
		{"no port", func(c *Common) { c.Listen = "127.0.0.1" }, "listen: must be"},
		{"large port", func(c *Common) { c.Listen = "127.0.0.1:65536" }, "listen: must be"},
		{"port by name", func(c *Common) { c.Listen = "127.0.0.1:http" }, "listen: must be"},
		{"IPv6 loopback", func(c *Common) { c.Listen = "[::1]:80" }, ""},
		{"mapped loopback", func(c *Common) { c.Listen = "[::ffff:127.0.0.1]:80" }, ""},
		{"far loopback", func(c *Common) { c.Listen = "127.9.9.9:0" }, ""},
		{"open", func(c *Common) { c.Listen = "192.0.2.1:80" }, "listen: is open to other machines without TLS"},
		{"open everywhere", func(c *Common) { c.Listen = ":80" }, "listen: is open to other machines"},
		{"open on IPv6", func(c *Common) { c.Listen = "[::]:80" }, "listen: is open to other machines"},
		{"open behind a proxy", func(c *Common) { c.Listen, c.BehindProxy = ":80", proxies }, ""},
		{"open in development", func(c *Common) { c.Development, c.Listen, c.BehindProxy = true, ":80", proxies }, "listen: development mode listens on loopback only"},
		{"metrics open", func(c *Common) { c.MetricsListen = "192.0.2.1:9090" }, "metrics_listen: is open to other machines"},
		{"metrics open in development", func(c *Common) { c.Development, c.MetricsListen = true, ":9090" }, "metrics_listen: development mode"},
		{"no metrics", func(c *Common) { c.MetricsListen = "" }, ""},
		{"same address twice", func(c *Common) { c.MetricsListen = c.Listen }, "metrics_listen: is the same address"},
		{"two free ports", func(c *Common) { c.Listen, c.MetricsListen = "127.0.0.1:0", "127.0.0.1:0" }, ""},
		{"proxy is everybody", func(c *Common) { c.BehindProxy = Networks{mustNetwork(t, "0.0.0.0/0")} }, "behind_proxy: trusts every address"},
		{"proxy is everybody on IPv6", func(c *Common) { c.BehindProxy = Networks{mustNetwork(t, "::/0")} }, "behind_proxy: trusts every address"},
		{"certificate without key", func(c *Common) { c.TLS.Cert = "x" }, "tls.key: is missing"},
		{"certificate not there", func(c *Common) { c.TLS = TLS{"/nowhere/c", "/nowhere/k"} }, "tls.cert: reading the certificate: open /nowhere/c"},
		{"no URL", func(c *Common) { c.PublicURL = "" }, "public_url: is missing"},
		{"relative URL", func(c *Common) { c.PublicURL = "/x" }, "public_url: must be an absolute"},
		{"URL without scheme", func(c *Common) { c.PublicURL = "example.org" }, "public_url: must be an absolute"},
		{"other scheme", func(c *Common) { c.PublicURL = "ftp://example.org" }, "public_url: must be an absolute"},
		{"opaque URL", func(c *Common) { c.PublicURL = "https:example.org" }, "public_url: must be an absolute"},
		{"URL without a host", func(c *Common) { c.PublicURL = "https://:80" }, "public_url: must be an absolute"},
		{"URL with a query", func(c *Common) { c.PublicURL = "https://example.org/a?b" }, "must have no user, query or fragment (write https://example.org/a)"},
		{"URL with a bare ?", func(c *Common) { c.PublicURL = "https://example.org?" }, "must have no user, query"},
		{"URL with a fragment", func(c *Common) { c.PublicURL = "https://example.org#b" }, "must have no user, query"},
		{"URL with a user", func(c *Common) { c.PublicURL = "https://me@example.org" }, "must have no user, query"},
		{"URL with a slash", func(c *Common) { c.PublicURL = "https://example.org/" }, "must not end with a slash (write https://example.org)"},
		{"URL with a path", func(c *Common) { c.PublicURL = "http://127.0.0.1:80/id" }, ""},
		{"no database", func(c *Common) { c.Database = "" }, "database: names no known engine"},
		{"SQLite without a path", func(c *Common) { c.Database = "sqlite:" }, "database: sqlite: takes the path"},
		{"SQLite as a URL", func(c *Common) { c.Database = "sqlite://x" }, "database: sqlite: takes the path"},
		{"SQLite with options", func(c *Common) { c.Database = "sqlite:x?mode=ro" }, "database: sqlite: takes the path"},
		{"SQLite absolute", func(c *Common) { c.Database = "sqlite:/var/lib/signet/id.db" }, ""},
		{"PostgreSQL", func(c *Common) { c.Database = "postgresql://u@h/d" }, ""},
		{"PostgreSQL by socket", func(c *Common) { c.Database = "postgres:///d?host=/run/postgresql" }, ""},
		{"PostgreSQL without a name", func(c *Common) { c.Database = "postgres://u@h" }, "database: not the URL"},
		{"PostgreSQL opaque", func(c *Common) { c.Database = "postgres:d" }, "database: not the URL"},
		{"PostgreSQL malformed", func(c *Common) { c.Database = "postgres://u:p w@h:x/d" }, "database: not the URL"},
		{"no key file", func(c *Common) { c.KeyFile = "" }, "key_file: is missing"},
		{"no data folder", func(c *Common) { c.DataDir = "" }, "data_dir: is missing"},
		{"data folder is a file", func(c *Common) { c.DataDir = "check_test.go" }, "data_dir: is a file"},
		{"level", func(c *Common) { c.Log.Level = "loud" }, "log.level: is not a known choice (one of debug, info, warn, error)"},
		{"format", func(c *Common) { c.Log.Format = "" }, "log.format: is not a known choice"},
		{"no time to drain", func(c *Common) { c.DrainTimeout = 0 }, "drain_timeout: must be longer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := valid().Common
			test.spoil(&c)
			got := c.Check()
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got.Error(), test.want)) {
				t.Errorf("Check() = %v, want %q and nothing else", got, test.want)
			}
		})
	}
}

func TestDatabaseRedacted(t *testing.T) {
	for _, test := range []struct {
		in     Database
		engine Engine
		want   string
	}{
		{"sqlite:a/b.db", SQLite, "sqlite:a/b.db"},
		{"postgres://u@h/d", Postgres, "postgres://u@h/d"},
		{"postgres://u:secret@h:5432/d?sslmode=require", Postgres, "postgres://u:REDACTED@h:5432/d?sslmode=require"},
		{"postgresql://h/d?user=u&password=secret", Postgres, "postgresql://h/d?password=REDACTED&user=u"},
		{"postgres://h/d?sslpassword=secret", Postgres, "postgres://h/d?sslpassword=REDACTED"},
		{"postgres://u:sec%zzret@h/d", Postgres, "REDACTED"},
		{"postgres:u:secret@h/d", Postgres, "REDACTED"},
		{"postgres://h/d?user=u;password=secret", Postgres, "REDACTED"},
		{"postgres://h/d?%70assword=secret", Postgres, "postgres://h/d?password=REDACTED"},
		{"mysql://u:secret@h/d", "", "REDACTED"},
		{"", "", ""},
	} {
		if got := test.in.Engine(); got != test.engine {
			t.Errorf("Database(%q).Engine() = %q, want %q", test.in.String(), got, test.engine)
		}
		if got := test.in.Redacted(); got != test.want {
			t.Errorf("Database(%q).Redacted() = %q, want %q", test.in.String(), got, test.want)
		}
	}
}

func TestUnknownHint(t *testing.T) {
	known := []string{"listen", "database", "tls"}
	for _, test := range []struct{ got, want string }{
		{"lsiten", "did you mean listen?"},
		{"databse", "did you mean database?"},
		{"tsl", "did you mean tls?"},
		{"tlss", "did you mean tls?"},
		{"", "known here: listen, database, tls"},
		{"password", "known here: listen, database, tls"},
	} {
		if got := unknownHint(test.got, known); got != test.want {
			t.Errorf("unknownHint(%q) = %q, want %q", test.got, got, test.want)
		}
	}
}
