package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is a configuration with a key of every kind.
type program struct {
	Common     `yaml:",inline"`
	Federation Federation      `yaml:"federation"`
	Email      email           `yaml:"email"`
	Terms      map[string]term `yaml:"terms"`
	Attempts   int             `yaml:"attempts"`
	Wait       time.Duration   `yaml:"wait"`
	State      string          // no tag, no key
}

type email struct {
	SMTP    string   `yaml:"smtp"`
	CheckMX bool     `yaml:"check_mx"`
	Names   []string `yaml:"names"`
	// A list within a list.
	Ways [][]string `yaml:"ways"`
}

type term struct {
	Version string `yaml:"version"`
}

func (p *program) Check() Problems { return append(p.Common.Check(), p.Federation.Check()...) }

// valid is a configuration that breaks no rule.
func valid() *program {
	p := &program{Common: Defaults(), Attempts: 3, Wait: time.Minute}
	p.ServerName = "id.example.org"
	p.Listen = "127.0.0.1:8090"
	p.MetricsListen = "127.0.0.1:9090"
	p.PublicURL = "https://id.example.org"
	p.Database = "sqlite:signet-data/idserver.db"
	p.KeyFile = "signet-data/idserver.kek"
	p.Email = email{SMTP: "mail.example.org:587", CheckMX: true, Names: []string{"a", "b"}}
	return p
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads the text over the valid configuration; problems tell no folder.
func load(t *testing.T, text string) (*program, string) {
	t.Helper()
	path, p := write(t, "signet.yaml", text), valid()
	if err := Load(path, p); err != nil {
		return p, strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")
	}
	return p, ""
}
