package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/internal/config/configtest"
)

func TestTheManualKnowsEveryKey(t *testing.T) {
	c := defaults()
	configtest.CheckManual(t, "../../docs/configuration.md", "idserver", &c)
}

func TestDevelopmentIsAWholeConfiguration(t *testing.T) {
	if _, err := load(""); err != nil {
		t.Error(err)
	}
}

// Where no CAPTCHA is ever asked, pauses must not wait for messages that one vouches for.
func TestWithoutCaptchasEveryMessageIsVouchedFor(t *testing.T) {
	for when, want := range map[string]bool{"never": true, "suspicion": false, "always": false} {
		c := defaults()
		c.Captcha.When = when
		if p, err := c.smsPolicy(); err != nil || p.NoCaptcha != want {
			t.Errorf("captcha.when %s gives NoCaptcha %t, %v, want %t", when, p.NoCaptcha, err, want)
		}
	}
}

// The keys that operators' files hold are fixed.
func TestTheFixedKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "idserver.yaml")
	if err := os.Mkdir(filepath.Join(dir, "words"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, `
server_name: id.example.org
listen: 127.0.0.1:8090
tls: {cert: "", key: ""}
behind_proxy: []
public_url: https://id.example.org
database: sqlite:signet-data/idserver.db
data_dir: signet-data
key_file: signet-data/idserver.kek
metrics_listen: 127.0.0.1:9090
email: {smtp: "mail.example.org:587", tls: starttls,
        from: "Signet <no-reply@example.org>",
        username: "", password_file: "", check_mx: true}
federation: {allow_networks: [], ca_file: ""}
limits: {dry_run: false}
captcha: {when: suspicion}
terms: {}
templates: `+filepath.Join(dir, "words")+`
`)
	if _, err := load(path); err != nil {
		t.Error(err)
	}
}

func TestWhatTheConfigurationRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "words"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "words", "verification.sms.txt"), "{{.Nothing}}")
	if err := os.Mkdir(filepath.Join(dir, "notices"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "notices", "notice.email.txt"), "no subject")
	for text, want := range map[string]string{
		"invitations: {expire_after: 1m}":                                  "invitations.expire_after",
		"invitations: {expire_after: 10000h}":                              "invitations.expire_after",
		"invitations: {signup_url: 'javascript:alert(1)'}":                 "invitations.signup_url",
		"captcha: {when: sometimes}":                                       "captcha.when",
		"email: {tls: ssl}":                                                "email.tls",
		"email: {smtp: mail.example.org}":                                  "email.smtp",
		"email: {smtp: 'm.example.org:25', from: nobody}":                  "email.from",
		"key_file: ''":                                                     "key_file",
		"terms: {p: {languages: {en: {name: P, url: 'https://x/'}}}}":      "terms.p.version",
		"terms: {p: {version: '1'}}":                                       "terms.p.languages",
		"terms: {p: {version: '1', languages: {en: {url: 'https://x/'}}}}": "terms.p.languages.en.name",
		"terms: {p: {version: '1', languages: {en: {name: P, url: 'x'}}}}": "terms.p.languages.en.url",
		"next_link_origins: ['https://app.example.org/']":                  "next_link_origins",
		"next_link_origins: ['javascript:alert(1)']":                       "next_link_origins",
		"templates: " + filepath.Join(dir, "none"):                         "templates",
		"templates: " + filepath.Join(dir, "words"):                        "templates",
		"templates: " + filepath.Join(dir, "notices"):                      "notice.email.txt",
		"federation: {allow_networks: [10.0.0.0/33]}":                      "federation.allow_networks",
		"federation: {ca_file: " + filepath.Join(dir, "none") + "}":        "federation.ca_file",
		"lookup: {notice_language: xx}":                                    "lookup.notice_language",
		"notary: {hold_new: 0s}":                                           "notary.hold_new",
		"notary: {hold_valid: 30m}":                                        "notary.hold_valid",
		"notary: {hold_valid: 1000h}":                                      "notary.hold_valid",
		"keys: {hold_down: 59s}":                                           "keys.hold_down",
		"keys: {hold_down: 721h}":                                          "keys.hold_down",
		"lookup: {email_life: 24h}":                                        "lookup.email_life",
		"listen: 0.0.0.0:8090":                                             "listen",
		"sever_name: x":                                                    "sever_name",
	} {
		path := filepath.Join(dir, "idserver.yaml")
		base := "server_name: id.example.org\npublic_url: https://id.example.org\n"
		write(t, path, base+text+"\n")
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a problem with %s", text, err, want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
