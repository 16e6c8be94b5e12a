package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func TestLoadEveryKind(t *testing.T) {
	got, problems := load(t, `
# A comment, then every kind of value.
server_name: other.example.org:8448
behind_proxy: [10.0.0.0/8, "fd00::/8", 192.0.2.7]
email:
  smtp: "localhost:25"
  check_mx: false
  names: []
terms:
  privacy: {version: "1.10"}
  no:
    version: |-
      second
attempts: 7
wait: 1h30m
log: {level: debug}
federation:
`)
	if problems != "" {
		t.Fatalf("Load: %s", problems)
	}
	want := valid()
	want.ServerName = "other.example.org:8448"
	want.BehindProxy = Networks{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.7/32")}
	want.Email = email{SMTP: "localhost:25", Names: []string{}}
	want.Terms = map[string]term{"privacy": {"1.10"}, "no": {"second"}}
	want.Attempts, want.Wait, want.Log.Level = 7, 90*time.Minute, "debug"
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

// TestLoadKeepsDefaults: files that say nothing change nothing.
func TestLoadKeepsDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "email:\n", "email: {}\n", "log:\n  # level: debug\n"} {
		got, problems := load(t, text)
		if diff := cmp.Diff(valid(), got, comparePrefixes); problems != "" || diff != "" {
			t.Errorf("Load(%q) = %s (-want +got):\n%s", text, problems, diff)
		}
	}
}

func TestLoadProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"typo", "lsiten: 1", `signet.yaml:1: lsiten: unknown key (did you mean listen?)`},
		{"typo in a section", "email:\n  smpt: x", `signet.yaml:2: email.smpt: unknown key (did you mean smtp?)`},
		{"no such key", "email:\n  zzzzzz: x", `signet.yaml:2: email.zzzzzz: unknown key (known here: smtp, check_mx, names, ways)`},
		{"field without a tag", "State: x", `signet.yaml:1: State: unknown key`},
		{"capital letters", "Listen: x", `signet.yaml:1: Listen: unknown key (did you mean listen?)`},
		{"twice", "attempts: 1\nattempts: 2", `signet.yaml:2: attempts: given twice (keep one of the two)`},
		{"number for text", "email: {smtp: 25}", `signet.yaml:1: email.smtp: must be text, not a number (write it in quotes)`},
		{"fraction for a version", "terms: {a: {version: 1.10}}", `signet.yaml:1: terms.a.version: must be text, not a fraction (write it in quotes)`},
		{"text for number", "attempts: many", `signet.yaml:1: attempts: must be a whole number, not text`},
		{"fraction", "attempts: 1.5", `signet.yaml:1: attempts: must be a whole number, not a fraction`},
		{"too large", "attempts: 99999999999999999999", `signet.yaml:1: attempts: must be a whole number`},
		{"text for truth", "development: yes", `signet.yaml:1: development: must be true or false, not text`},
		{"text for a section", "email: me", `signet.yaml:1: email: must be a section, not text`},
		{"section for a text", "listen: {port: 1}", `signet.yaml:1: listen: must be text, not a section`},
		{"list for a text", "listen: [a]", `signet.yaml:1: listen: must be text, not a list`},
		{"text for a list", "behind_proxy: 10.0.0.0/8", `signet.yaml:1: behind_proxy: must be a list, each a network, not text`},
		{"host bits", "behind_proxy: [10.0.0.1/8]", `signet.yaml:1: behind_proxy.0: must be a network (did you mean 10.0.0.0/8?)`},
		{"mapped network", `behind_proxy: ["::ffff:10.0.0.0/104"]`, `signet.yaml:1: behind_proxy.0: must be a network (such as`},
		{"zone", `behind_proxy: ["fe80::1%eth0"]`, `signet.yaml:1: behind_proxy.0: must be a network (such as`},
		{"name as network", "behind_proxy: [localhost]", `signet.yaml:1: behind_proxy.0: must be a network (such as`},
		{"duration without unit", "wait: 90", `signet.yaml:1: wait: must be a duration, not a number`},
		{"bad duration", "wait: 90x", `signet.yaml:1: wait: must be a duration (such as 90s`},
		{"anchor", "listen: &a b", `signet.yaml:1: listen: must be text, not anchor (anchors, aliases and tags are not read here)`},
		{"alias", "listen: *a", `signet.yaml:1: `},
		{"tag", "listen: !!str 5", `signet.yaml:1: listen: must be text, not tag (anchors`},
		{"merge", "email:\n  <<: {smtp: x}", `signet.yaml:2: email: a key must be plain text`},
		{"number as key", "terms: {1: {}}", `signet.yaml:1: terms: a key must be plain text (write it in quotes)`},
		{"two documents", "attempts: 1\n---\nattempts: 2", `the file holds more than one document (remove the line ---)`},
		{"list as file", "- a", `signet.yaml:1: must be a section, not a list`},
		{"text as file", "hello", `signet.yaml:1: must be a section, not text`},
		{"not YAML", "a: [", `signet.yaml:1: not valid YAML (`},
		{"tab", "email:\n\tsmtp: x", `signet.yaml:2: not valid YAML (`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, got := load(t, test.text); !strings.Contains(got, test.want) {
				t.Errorf("Load(%q) = %s, want %s", test.text, got, test.want)
			}
		})
	}
}

// TestLoadReportsTogether: types, unknown keys and rules in one go, each with its
// line, and no rule complains about a value that could not even be read.
func TestLoadReportsTogether(t *testing.T) {
	_, got := load(t, `server_name: [x]
listen: 0.0.0.0:8090
database: mysql://somewhere
emial: {}
behind_proxy: all
federation: {ca_file: /nowhere/ca.pem}
`)
	want := `signet.yaml:1: server_name: must be text, not a list
signet.yaml:2: listen: is open to other machines without TLS (set tls.cert and tls.key, or behind_proxy to the networks of your proxies)
signet.yaml:3: database: names no known engine (write sqlite:signet-data/signet.db or postgres://user@host/name)
signet.yaml:4: emial: unknown key (did you mean email?)
signet.yaml:5: behind_proxy: must be a list, each a network, not text
signet.yaml:6: federation.ca_file: reading certificate authorities: open /nowhere/ca.pem: no such file or directory (a PEM file that this user can read)`
	if got != want {
		t.Errorf("Load = \n%s\nwant\n%s", got, want)
	}
}

// TestLoadTellsNoValue: a password in the wrong place stays out of the report.
func TestLoadTellsNoValue(t *testing.T) {
	for _, text := range []string{
		"database: [postgres://u:hunter2@h/d]", "database: hunter2", "database: {hunter2: x, y: [",
		"listen: \"hunter2", "development: hunter2", "database: postgres://u:hunter2@h",
		"database: \"postgres://u:hunter2@h:port/d\"", "public_url: https://u:hunter2@example.org", "wait: hunter2",
	} {
		if _, got := load(t, text); got == "" || strings.Contains(strings.ReplaceAll(got, "database.hunter2", ""), "hunter2") {
			t.Errorf("Load(%q) tells %q", text, got)
		}
	}
}

func TestLoadWithoutFile(t *testing.T) {
	if err := Load("", valid()); err != nil {
		t.Errorf("Load of valid defaults: %v", err)
	}
	var problems Problems
	if err := Load("", &program{Common: Defaults()}); !errors.As(err, &problems) || !problems.covers("server_name") {
		t.Errorf("Load of defaults without a server name = %v", err)
	}
}

func TestLoadUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := Load(filepath.Join(dir, "none.yaml"), valid()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file = %v, want %v", err, fs.ErrNotExist)
	}
	if err := Load(dir, valid()); err == nil {
		t.Error("Load of a folder succeeded")
	}
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Load(huge, valid()); err == nil || !strings.Contains(err.Error(), "longer than 64 KiB") {
		t.Errorf("Load of a huge file = %v", err)
	}
}

// FuzzLoad: whatever the file holds, Load either succeeds or tells problems; and
// what it accepted prints to a file that it accepts again, with the same meaning.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"", "a: b", "listen: [", "terms: {a: {version: \"1\"}}", "behind_proxy: [::1, 10.0.0.0/8]", "wait: 5m",
		"email: {names: [\"\", \"true\", \"1.5\", \"a: b\", \"- x\", \"|\"]}", "x: &a [*a]", "!!map {}", "\"\\u0000\": 1", "? a\n: b",
		"terms:\n  \"a b\": {version: \"#\"}\n  ~: {}",
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "signet.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		first := valid()
		var problems Problems
		if err := Load(path, first); errors.As(err, &problems) || err != nil {
			if len(problems) == 0 && !strings.Contains(err.Error(), "longer than") {
				t.Errorf("Load(%q) = %v, want problems", text, err)
			}
			return
		}
		checkPrint(t, first)
	})
}
