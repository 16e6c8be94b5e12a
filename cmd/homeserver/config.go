package main

import (
	"fmt"
	"net"
	"slices"
	"time"

	"signet/internal/config"
	"signet/internal/homeserver/clientapi"
	"signet/internal/homeserver/fedapi"
	"signet/internal/homeserver/turn"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/quota"
)

// Config is the configuration of the homeserver. The struct is the manual:
// docs/configuration.md is held against it.
type Config struct {
	config.Common `yaml:",inline"`

	// Federation is how other servers reach this one, and this one them.
	Federation Federation `yaml:"federation"`
	// Registration is who may make an account, and how.
	Registration Registration `yaml:"registration"`
	// Login is how people log in besides by their password.
	Login Login `yaml:"login"`
	// Limits is how the budgets against abuse are applied.
	Limits Limits `yaml:"limits"`
	// Turn is the TURN server that relays calls of this homeserver's users.
	Turn Turn `yaml:"turn"`
	// IdentityServer is the URL of the identity server that this homeserver uses and
	// tells its clients to use, without a slash at the end. Its host is that server's
	// server_name. Empty: none. Default: none; http://localhost:8090 in development mode.
	// Example: https://id.example.org.
	IdentityServer string `yaml:"identity_server"`
	// TrustedIdentityServers is the names of those that users may have this homeserver
	// ask besides (id_server). Default: none. Example: [id.example.net].
	TrustedIdentityServers []string `yaml:"trusted_identity_servers"`
	// Keys is how the key directory of the identity server is believed.
	Keys Keys `yaml:"keys"`
	// WebClient is whether a small web client is served at /, in which people sign up, log
	// in and talk without another app. Whoever sees it at this address gives it their
	// password, so that an operator asks for it. Default: false; true when started without
	// --config.
	WebClient bool `yaml:"web_client"`
}

// Keys is how the key directory of the identity server is believed.
type Keys struct {
	// TrustFile is the file of the trust root to begin with: what the identity server
	// answers at /_signet/v1/keys/config, brought here on a way that the operator trusts.
	// It is read while none is kept in the database. Default: none; then it is taken from
	// the identity server, which is believed for that once.
	TrustFile string `yaml:"trust_file"`
}

// Limits is how the budgets against abuse are applied.
type Limits struct {
	// DryRun is whether budgets are counted in the metrics only, and refuse nothing.
	// Default: false; true when started without --config.
	DryRun bool `yaml:"dry_run"`
	// Budgets is limits by the name of their budget, in place of the built-in ones.
	// Example: {login.network: 5000}.
	Budgets map[string]int `yaml:"budgets"`
}

// Turn is the TURN server that relays calls of this homeserver's users.
type Turn struct {
	// URIs is the ways to the server. Default: none, where clients call each other
	// directly or not at all. Example: ["turn:turn.example.org?transport=udp"].
	URIs []string `yaml:"uris"`
	// SharedSecretFile is the file of the secret that the server knows too, such as
	// coturn's static-auth-secret. It is needed with turn.uris. Default: none.
	SharedSecretFile string `yaml:"shared_secret_file"`
	// TTL is how long a client may use what it is given before it asks again, from a
	// minute to 30 days. Default: 24h.
	TTL time.Duration `yaml:"ttl"`
}

// Federation is how other servers reach this one, and this one them.
type Federation struct {
	// Listen is the IP address and port of the server-server API, always over TLS.
	// Other servers look for port 8448 of server_name unless server_name has a
	// port or .well-known/matrix/server names another; this server's own
	// .well-known names the port given here. Default: 127.0.0.1:8448.
	Listen string `yaml:"listen"`
	// TLSCert is the PEM file of the certificate of federation.listen with its
	// chain, for the host of server_name. A renewed file is taken up within
	// seconds. Default: none; then one is issued by an authority of the server's
	// own, data_dir/ca.pem, which other servers must be told to trust.
	TLSCert string `yaml:"tls_cert"`
	// TLSKey is the PEM file of the certificate's private key. Default: none.
	TLSKey string `yaml:"tls_key"`

	// Notaries is servers that are asked for the signing keys of others which cannot be
	// asked, or have forgotten a key, in this order. What they say counts with their own
	// signature and that of the server. Default: none. Example: [matrix.org].
	Notaries []matrix.ServerName `yaml:"notaries"`

	config.Federation `yaml:",inline"`
}

// defaults is the configuration of a file that names no key.
func defaults() Config {
	c := Config{
		Common:     config.Defaults(),
		Federation: Federation{Listen: "127.0.0.1:8448"},
		Turn:       Turn{TTL: 24 * time.Hour},
	}
	c.Listen = "127.0.0.1:8008"
	c.Database = "sqlite:signet-data/homeserver.db"
	c.KeyFile = "signet-data/homeserver.kek"
	c.MetricsListen = "127.0.0.1:9091"
	return c
}

// development is the configuration of a program started without --config, beside
// an identity server that was started the same way.
func development() Config {
	c := defaults()
	c.Development = true
	c.ServerName = "localhost:8448"
	c.PublicURL = "http://localhost:8008"
	c.IdentityServer = "http://localhost:8090"
	c.WebClient = true
	c.Limits.DryRun = true
	return c
}

// load reads the configuration at path, or that of development mode for no path.
func load(path string) (*Config, error) {
	c := defaults()
	if path == "" {
		c = development()
	}
	return &c, config.Load(path, &c)
}

// Check tells every rule that the configuration breaks.
func (c *Config) Check() config.Problems {
	p := c.Common.Check()
	f := &c.Federation
	p = append(p, c.CheckListener("federation.listen", f.Listen, true)...)
	if _, port, _ := net.SplitHostPort(f.Listen); port != "0" && (f.Listen == c.Listen || f.Listen == c.MetricsListen) {
		p.Add("federation.listen", "is the same address as another listener", "choose another port")
	}
	p = append(p, f.pair().Check("federation.tls_cert", "federation.tls_key")...)
	p = append(p, f.Federation.Check()...)
	for _, notary := range f.Notaries {
		if parsed, err := matrix.ParseServerName(notary.String()); err != nil || parsed != notary {
			p.Add("federation.notaries", "not a valid server name in lower case", "such as matrix.org")
		}
	}
	p = append(p, c.checkRegistration()...)
	p = append(p, c.checkLogin()...)
	if _, _, err := c.budgets(); err != nil {
		p.Add("limits.budgets", err.Error(), "the names are in internal/homeserver/clientapi/limit.go and internal/homeserver/fedapi/budgets.go")
	}
	p = append(p, c.Turn.check()...)
	if c.IdentityServer != "" {
		p = append(p, config.CheckURL("identity_server", c.IdentityServer)...)
	}
	if _, err := c.Keys.root(); err != nil {
		p.Add("keys.trust_file", err.Error(), "what the identity server answers at /_signet/v1/keys/config")
	}
	if _, err := idclient.ParseTrusted("", c.TrustedIdentityServers); err != nil {
		p.Add("trusted_identity_servers", err.Error(), "such as id.example.net")
	}
	return p
}

func (t *Turn) check() (p config.Problems) {
	for _, uri := range t.URIs {
		if err := turn.CheckURI(uri); err != nil {
			p.Add("turn.uris", fmt.Sprintf("%q: %v", uri, err), "such as turn:turn.example.org?transport=udp")
		}
	}
	switch secret, err := config.Secret(t.SharedSecretFile, ""); {
	case err != nil:
		p.Add("turn.shared_secret_file", err.Error(), "a file that this user can read and others cannot write")
	case len(t.URIs) > 0 && secret == "":
		p.Add("turn.shared_secret_file", "is missing or empty", "the file of the secret that the TURN server knows too")
	}
	if t.TTL < time.Minute || t.TTL > 30*24*time.Hour {
		p.Add("turn.ttl", "is not from a minute to 30 days", "such as 24h")
	}
	return p
}

// server is nil where none is configured.
func (t *Turn) server() (*turn.Server, error) {
	if len(t.URIs) == 0 {
		return nil, nil
	}
	secret, err := config.Secret(t.SharedSecretFile, "")
	return &turn.Server{URIs: t.URIs, Secret: []byte(secret), TTL: t.TTL}, err
}

func (f *Federation) pair() config.TLS { return config.TLS{Cert: f.TLSCert, Key: f.TLSKey} }

// budgets is all limits, as the operator has set them: those in the database, and those in
// memory.
func (c *Config) budgets() (stored, metered []quota.Budget, err error) {
	stored = slices.Concat(clientapi.Budgets(c.Limits.DryRun), fedapi.Budgets(c.Limits.DryRun))
	metered = clientapi.Paces(c.Limits.DryRun)
	all, err := quota.Override(slices.Concat(stored, metered), c.Limits.Budgets)
	if err != nil {
		return nil, nil, err
	}
	return all[:len(stored)], all[len(stored):], nil
}

// alone tells whether only this machine reaches the client API.
func (c *Config) alone() bool { return config.Loopback(c.Listen) && len(c.BehindProxy) == 0 }

// federationName is the host and port where other servers reach this one: the
// server's name, which says it all if it has a port.
func (c *Config) federationName() string {
	if c.ServerName.Port() != 0 {
		return c.ServerName.String()
	}
	_, port, _ := net.SplitHostPort(c.Federation.Listen)
	return c.ServerName.String() + ":" + port
}

// federationHosts is Hosts for the server-server API.
func (c *Config) federationHosts() []string {
	federation := c.Common
	federation.Listen = c.Federation.Listen
	hosts := federation.Hosts()
	if hosts == nil {
		return nil
	}
	return append(hosts, c.federationName())
}
