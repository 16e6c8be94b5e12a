package config

import (
	"os"
	"strings"
	"time"

	"signet/internal/matrix"
)

// Common is the keys that both programs share. Embed it with `yaml:",inline"`.
type Common struct {
	// Development runs without accounts, certificates or mail server: messages
	// land in a mailbox page, and nothing but loopback is listened on. It is on
	// when the program is started without --config. Default: false.
	Development bool `yaml:"development"`
	// ServerName is the name that clients, servers and signatures know, in lower
	// case, with a port if other servers need one. Example: id.example.org.
	ServerName matrix.ServerName `yaml:"server_name"`
	// Listen is the IP address and port of the API. One that is not loopback
	// needs tls or behind_proxy. Example: 127.0.0.1:8090, [::1]:8090, :8090 (all).
	Listen string `yaml:"listen"`
	// TLS is the certificate of listen. Default: none, plain HTTP.
	TLS TLS `yaml:"tls"`
	// BehindProxy is the networks of the reverse proxies. On a listener without TLS
	// only they and this machine are answered, and their X-Forwarded-For is believed.
	// Default: none. Example: [10.1.2.3].
	BehindProxy Networks `yaml:"behind_proxy"`
	// PublicURL is where clients and browsers reach this server, without a slash
	// at the end. Links in messages start with it. Example: https://id.example.org.
	PublicURL string `yaml:"public_url"`
	// Database is sqlite:PATH or postgres://user@host/name. The password of a
	// PostgreSQL user can also come from the standard PGPASSWORD or PGPASSFILE.
	Database Database `yaml:"database"`
	// KeyFile is the file of the key-encryption key, under which every other secret
	// is sealed in the database; all replicas need the same. It is made on the first
	// start. The environment variable SIGNET_KEK can hold the key (base64 of 32
	// octets) in its place. Keep a copy apart from the database's backups.
	KeyFile string `yaml:"key_file"`
	// DataDir is the folder of the files that the program makes itself. It is
	// created with access for the owner only. Default: signet-data.
	DataDir string `yaml:"data_dir"`
	// MetricsListen is the IP address and port of /metrics, under the same rule
	// as listen. Empty: no metrics. Example: 127.0.0.1:9090.
	MetricsListen string `yaml:"metrics_listen"`
	// Log is what the program writes to its standard error.
	Log Log `yaml:"log"`
	// DrainTimeout is how long a stopping program waits for running requests
	// before it cancels them. Default: 25s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// Log is what is logged and how.
type Log struct {
	// Level is the least important level to log: debug, info, warn or error.
	// Default: info.
	Level string `yaml:"level"`
	// Format is text for people or json for machines. Default: text.
	Format string `yaml:"format"`
}

// Defaults is the shared keys as they are when a file does not name them; a
// program sets the rest of its own.
func Defaults() Common {
	return Common{
		DataDir:      "signet-data",
		Log:          Log{Level: "info", Format: "text"},
		DrainTimeout: 25 * time.Second,
	}
}

// Shared is the shared keys of the configuration that embeds them.
func (c *Common) Shared() *Common { return c }

// Check tells every rule that the shared keys break.
func (c *Common) Check() Problems {
	p := checkServerName(c.ServerName)
	p = append(p, c.CheckListener("listen", c.Listen, c.secured())...)
	p = append(p, c.checkMetrics()...)
	p = append(p, c.TLS.Check("tls.cert", "tls.key")...)
	p = append(p, checkProxies(c.BehindProxy)...)
	p = append(p, CheckURL("public_url", c.PublicURL)...)
	p = append(p, c.Database.check()...)
	p = append(p, checkDataDir(c.DataDir)...)
	if c.KeyFile == "" {
		p.Add("key_file", "is missing", "such as signet-data/server.kek")
	}
	p = append(p, CheckOneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")...)
	p = append(p, CheckOneOf("log.format", c.Log.Format, "text", "json")...)
	if c.DrainTimeout <= 0 {
		p.Add("drain_timeout", "must be longer than nothing", "such as 25s")
	}
	return p
}

// secured tells whether strangers may be let at the API's listener.
func (c *Common) secured() bool { return c.TLS.Set() || len(c.BehindProxy) > 0 }

func (c *Common) checkMetrics() Problems {
	if c.MetricsListen == "" {
		return nil
	}
	p := c.CheckListener("metrics_listen", c.MetricsListen, c.secured())
	if c.MetricsListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		p.Add("metrics_listen", "is the same address as listen", "choose another port")
	}
	return p
}

func checkServerName(name matrix.ServerName) Problems {
	var p Problems
	parsed, err := matrix.ParseServerName(string(name))
	switch {
	case name == "":
		p.Add("server_name", "is missing", "the name that others know this server by, such as id.example.org")
	case err != nil:
		p.Add("server_name", err.Error(), "a host name or IP address with an optional port, without https://")
	case parsed != name:
		p.Add("server_name", "must be in lower case", "write "+parsed.String())
	}
	return p
}

func checkProxies(networks Networks) Problems {
	var p Problems
	for _, network := range networks {
		if network.Bits() == 0 {
			p.Add("behind_proxy", "trusts every address to say who the client is", "name the networks of your proxies")
		}
	}
	return p
}

func checkDataDir(dir string) Problems {
	var p Problems
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		p.Add("data_dir", "is missing", "such as signet-data")
	case err == nil && !info.IsDir():
		p.Add("data_dir", "is a file", "name a folder")
	}
	return p
}
