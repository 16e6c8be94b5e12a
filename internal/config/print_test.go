package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkPrint holds the law of Print: what it prints loads again to the same
// configuration. The password of a database is the exception, by design.
func checkPrint(t *testing.T, cfg *program) string {
	t.Helper()
	var text strings.Builder
	if err := Print(&text, cfg); err != nil {
		t.Fatalf("Print(%+v): %v", cfg, err)
	}
	path := filepath.Join(t.TempDir(), "printed.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	again := &program{}
	if err := Load(path, again); err != nil {
		t.Fatalf("Load(Print) = %v\n%s", err, text.String())
	}
	want := *cfg
	want.Database, want.State = Database(cfg.Database.Redacted()), ""
	if diff := cmp.Diff(&want, again, comparePrefixes, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("Load(Print) (-want +got):\n%s\nof\n%s", diff, text.String())
	}
	return text.String()
}

func TestPrint(t *testing.T) {
	cfg := valid()
	cfg.Database = "postgres://signet:hunter2@db/signet?sslmode=require&password=hunter2"
	cfg.BehindProxy = append(cfg.BehindProxy, mustNetwork(t, "10.0.0.0/8"))
	cfg.Terms = map[string]term{"privacy": {"1.0"}, "cookies": {"true"}, "~": {""}}
	cfg.Email.Names = []string{"", "null", "0x10", "a: b", "# no comment", "line\nbreak", "- dash", "'", "\"", "ünïcode", "1e3", "\t"}
	cfg.Email.Ways = [][]string{{"a", "b, c"}, {"]"}, {}}
	got := checkPrint(t, cfg)
	if strings.Contains(got, "hunter2") {
		t.Errorf("Print tells the password:\n%s", got)
	}
	for _, want := range []string{"server_name: \"id.example.org\"\n", "drain_timeout: \"25s\"\n", "- \"10.0.0.0/8\"\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("Print = \n%s\nwant in it %q", got, want)
		}
	}
	if strings.Index(got, "cookies") > strings.Index(got, "privacy") {
		t.Errorf("Print does not sort the keys of a map:\n%s", got)
	}
}

func TestKeys(t *testing.T) {
	got := Keys(valid())
	want := []Key{
		{"development", "true or false", "false"},
		{"server_name", "text", "id.example.org"},
		{"listen", "text", "127.0.0.1:8090"},
		{"tls.cert", "text", ""},
		{"tls.key", "text", ""},
		{"behind_proxy", "a list, each a network", "[]"},
		{"public_url", "text", "https://id.example.org"},
		{"database", "text", "sqlite:signet-data/idserver.db"},
		{"key_file", "text", "signet-data/idserver.kek"},
		{"data_dir", "text", "signet-data"},
		{"metrics_listen", "text", "127.0.0.1:9090"},
		{"log.level", "text", "info"},
		{"log.format", "text", "text"},
		{"drain_timeout", "a duration", "25s"},
		{"federation.allow_networks", "a list, each a network", "[]"},
		{"federation.ca_file", "text", ""},
		{"email.smtp", "text", "mail.example.org:587"},
		{"email.check_mx", "true or false", "true"},
		{"email.names", "a list, each text", "[a, b]"},
		{"email.ways", "a list, each a list, each text", "[]"},
		{"terms", "a section", "{}"},
		{"terms.*.version", "text", ""},
		{"attempts", "a whole number", "3"},
		{"wait", "a duration", "1m0s"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
}

// TestUnsupportedType: a program that wants a key of a type nobody can write is
// told so by its first test, not by an operator.
func TestUnsupportedType(t *testing.T) {
	for _, cfg := range []any{
		struct {
			C chan int `yaml:"c"`
		}{},
		struct {
			L []email `yaml:"l"`
		}{},
	} {
		t.Run(fmt.Sprintf("%T", cfg), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("Keys(%#v) did not panic", cfg)
				}
			}()
			Keys(cfg)
		})
	}
}
