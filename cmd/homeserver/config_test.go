package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/config"
	"signet/internal/config/configtest"
	"signet/internal/homeserver/account"
)

func TestDevelopmentNeedsNoFile(t *testing.T) {
	c, err := load("")
	if err != nil {
		t.Fatalf("load() = %v", err)
	}
	if !c.Development || !c.openRegistration() || c.federationName() != "localhost:8448" {
		t.Errorf("development = %+v", c)
	}
}

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "homeserver.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileNeedsTwoKeys(t *testing.T) {
	c, err := load(file(t, "server_name: example.org\npublic_url: https://example.org\n"))
	if err != nil {
		t.Fatalf("load = %v", err)
	}
	if c.Development || c.IdentityServer != "" || c.Federation.Listen != "127.0.0.1:8448" || c.Listen != "127.0.0.1:8008" {
		t.Errorf("load = %+v", c)
	}
}

func TestWaysToRegister(t *testing.T) {
	const head = "server_name: example.org\npublic_url: https://example.org\n"
	const id = "identity_server: https://id.example.org"
	for _, test := range []struct {
		text string
		want account.Flows
		open bool
	}{
		{"", account.Flows{{account.StageDummy}}, true},
		{"registration: {flows: []}", account.Flows{{account.StageDummy}}, true},
		{"behind_proxy: [127.0.0.1]", nil, false},
		{"behind_proxy: [127.0.0.1]\nregistration: {flows: [[m.login.dummy]]}", account.Flows{{account.StageDummy}}, true},
		{"behind_proxy: [127.0.0.1]\n" + id, account.Flows{{account.StageCaptcha, account.StageEmail}, {account.StageCaptcha, account.StageMSISDN}}, false},
		{"behind_proxy: [127.0.0.1]\n" + id + "\nregistration: {terms: {p: {version: \"1\", languages: {en: {name: P, url: \"https://example.org/1\"}}}}}", account.Flows{{account.StageCaptcha, account.StageTerms, account.StageEmail}, {account.StageCaptcha, account.StageTerms, account.StageMSISDN}}, false},
		{id, account.Flows{{account.StageDummy}}, true},
		{id + "\nregistration: {flows: [[m.login.terms, m.login.dummy]], terms: {p: {version: \"1\", languages: {en: {name: P, url: \"https://example.org/1\"}}}}}", account.Flows{{account.StageTerms, account.StageDummy}}, true},
		{"registration: {flows: [[m.login.registration_token]]}", account.Flows{{account.StageRegistrationToken}}, false},
		{"registration:\n  flows:\n  - [m.login.registration_token]\n  - [m.login.dummy]", account.Flows{{account.StageRegistrationToken}, {account.StageDummy}}, true},
	} {
		c, err := load(file(t, head+test.text+"\n"))
		if err != nil {
			t.Errorf("load(%q) = %v", test.text, err)
			continue
		}
		if got := c.flows(); !slices.EqualFunc(got, test.want, slices.Equal[account.Flow]) || c.openRegistration() != test.open {
			t.Errorf("%q: flows %v, open %v; want %v, %v", test.text, got, c.openRegistration(), test.want, test.open)
		}
	}
}

// Everything that is wrong is told together, each with its line.
func TestEveryProblemIsTold(t *testing.T) {
	_, err := load(file(t, `server_name: Example.org
listen: 0.0.0.0:8008
key_file: ""
federation:
  listen: example.org:8448
  tls_cert: missing.pem
  ca_file: missing.pem
  certificate: x
  notaries: [Matrix.org]
identity_server: id.example.org/
metrics_listen: nowhere
registration:
  flows: [[m.login.magic]]
  shared_secret_file: missing
limits:
  budgets: {login.nothing: 1}
turn:
  uris: [stun:example.org]
  ttl: 1s
keys:
  trust_file: config_test.go
`))
	if err == nil {
		t.Fatal("load accepts it")
	}
	for _, want := range []string{
		":1: server_name", ":2: listen", ":3: key_file", ":4: federation.tls_key", ":5: federation.listen", ":7: federation.ca_file",
		":8: federation.certificate: unknown key", ":9: federation.notaries", ":10: identity_server", ":11: metrics_listen", ":13: registration.flows", ":14: registration.shared_secret_file", ":16: limits.budgets", ":17: turn.shared_secret_file", ":18: turn.uris", ":19: turn.ttl", ":21: keys.trust_file", "public_url: is missing",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("load tells nothing of %q:\n%v", want, err)
		}
	}
}

func TestTurn(t *testing.T) {
	const head = "server_name: example.org\npublic_url: https://example.org\n"
	c, err := load(file(t, head))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Turn.server(); s != nil || err != nil {
		t.Errorf("server() of none = %v, %v", s, err)
	}
	c, err = load(file(t, head+"turn: {uris: [\"turn:example.org\"], shared_secret_file: "+file(t, "north\n")+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Turn.server(); err != nil || string(s.Secret) != "north" || s.TTL != 24*time.Hour || len(s.URIs) != 1 {
		t.Errorf("server() = %v, %v", s, err)
	}
}

func TestListenersAreApart(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Federation.Listen = c.Listen },
		func(c *Config) { c.Federation.Listen = c.MetricsListen },
		func(c *Config) { c.Federation.Listen = "0.0.0.0:8448" }, // not in development mode
	} {
		c := development()
		change(&c)
		if p := c.Check(); len(p) != 1 || p[0].Key != "federation.listen" {
			t.Errorf("Check() of %s = %v, want one problem of federation.listen", c.Federation.Listen, p)
		}
	}
	c := development()
	c.Development, c.Federation.Listen = false, "0.0.0.0:8448" // it always has TLS
	if p := c.Check(); len(p) != 0 {
		t.Errorf("Check() = %v", p)
	}
}

func TestWhereAnybodyMayRegister(t *testing.T) {
	for _, test := range []struct {
		listen  string
		proxies string
		want    bool
	}{
		{"127.0.0.1:8008", "", true},
		{"[::1]:8008", "", true},
		{"127.0.0.1:8008", "behind_proxy: [127.0.0.1]\n", false},
		{"0.0.0.0:8008", "behind_proxy: [10.1.2.3]\n", false},
		{":8008", "behind_proxy: [10.1.2.3]\n", false},
	} {
		c, err := load(file(t, "server_name: example.org\npublic_url: https://example.org\nlisten: \""+test.listen+"\"\n"+test.proxies))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.openRegistration(); got != test.want {
			t.Errorf("openRegistration() on %s with %q = %v, want %v", test.listen, test.proxies, got, test.want)
		}
	}
}

func TestFederationName(t *testing.T) {
	for _, test := range []struct{ name, listen, want string }{
		{"example.org", "127.0.0.1:8448", "example.org:8448"},
		{"example.org", ":443", "example.org:443"},
		{"example.org:8448", "127.0.0.1:18448", "example.org:8448"},
		{"[2001:db8::1]", "[::]:8448", "[2001:db8::1]:8448"},
	} {
		c := defaults()
		if err := config.Load(file(t, "server_name: \""+test.name+"\"\npublic_url: https://example.org\nfederation: {listen: \""+test.listen+"\"}\n"), &c); err != nil {
			t.Fatal(err)
		}
		if got := c.federationName(); got != test.want {
			t.Errorf("federationName() of %s on %s = %s, want %s", test.name, test.listen, got, test.want)
		}
	}
}

func TestFederationHosts(t *testing.T) {
	c := development()
	for _, host := range []string{"localhost:8448", "127.0.0.1:8448", "[::1]:8448"} {
		if got := c.federationHosts(); !slices.Contains(got, host) {
			t.Errorf("federationHosts() = %q, want in it %q", got, host)
		}
	}
	c.Development = false
	if got := c.federationHosts(); got != nil {
		t.Errorf("federationHosts() outside development = %q, want nil", got)
	}
}

func TestTheManualTellsOfEveryKey(t *testing.T) {
	c := defaults()
	configtest.CheckManual(t, "../../docs/configuration.md", "homeserver", &c)
}

// The struct is the manual: each key says what it does, starting with its field,
// and what it is when nobody sets it.
func TestEveryKeyHasItsManual(t *testing.T) {
	keys := 0
	for _, file := range []string{"config.go", "config_login.go", "config_registration.go"} {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil || len(f.Names) == 0 {
				return true
			}
			keys++
			name, manual := f.Names[0].Name, f.Doc.Text()
			if !strings.HasPrefix(manual, name+" is ") {
				t.Errorf("the manual of %s begins with %q", name, strings.SplitAfter(manual, "\n")[0])
			}
			if _, section := f.Type.(*ast.Ident); section && f.Type.(*ast.Ident).Name == "string" && !strings.Contains(manual, "Default: ") {
				t.Errorf("the manual of %s says no default", name)
			}
			return true
		})
	}
	if keys != 34 {
		t.Errorf("%d keys were looked at, want 34", keys)
	}
}

// The stages that need something are refused without it.
func TestStagesThatNeedSomething(t *testing.T) {
	const head = "server_name: example.org\npublic_url: https://example.org\n"
	const terms = "registration:\n  flows: [[m.login.terms]]\n  terms: {privacy: {version: \"1\", languages: {en: {name: Privacy, url: \"https://example.org/1\"}}}}\n"
	for _, test := range []struct{ text, problem string }{
		{"registration: {flows: [[im.signet.captcha]]}\n", "registration.flows"},
		{"identity_server: https://id.example.org\nregistration: {flows: [[im.signet.captcha]]}\n", ""},
		{"registration: {flows: [[m.login.terms]]}\n", "registration.flows"},
		{"registration: {flows: [[m.login.email.identity]]}\n", "registration.flows"},
		{"registration: {flows: [[m.login.registration_token, m.login.msisdn]]}\n", "registration.flows"},
		{"identity_server: https://id.example.org\nregistration: {flows: [[m.login.email.identity], [m.login.msisdn]]}\n", ""},
		{"registration: {allowed_domains: [\"*.org\"]}\n", "registration.allowed_domains"},
		{"registration: {refused_domains: [a@example.org]}\n", "registration.refused_domains"},
		{"registration: {allowed_countries: [Germany]}\n", "registration.allowed_countries"},
		{"registration: {refused_countries: [QQ]}\n", "registration.refused_countries"},
		{terms, ""},
		{strings.Replace(terms, "version: \"1\"", "version: \"\"", 1), "registration.terms.privacy.version"},
		{strings.Replace(terms, "name: Privacy", "name: \"\"", 1), "registration.terms.privacy.languages.en.name"},
		{strings.Replace(terms, "https:", "javascript:", 1), "registration.terms.privacy.languages.en.url"},
		{strings.Replace(terms, "en:", "version:", 1), "registration.terms.privacy.languages.version"},
		{strings.Replace(terms, "{en: {name: Privacy, url: \"https://example.org/1\"}}", "{}", 1), "registration.terms.privacy.languages"},
	} {
		c, err := load(file(t, head+test.text))
		if (test.problem == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.problem+":") {
			t.Errorf("load(%q) = %v, want a problem of %q", test.text, err, test.problem)
		}
		if err == nil && len(c.Registration.Terms) > 0 && c.terms()["privacy"].Languages["en"].URL != "https://example.org/1" {
			t.Errorf("terms() = %v", c.terms())
		}
	}
}
