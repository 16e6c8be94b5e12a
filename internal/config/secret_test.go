package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestSecretFile(t *testing.T) {
	for _, test := range []struct {
		name, content string
		mode          fs.FileMode
		want          string
		err           error
	}{
		{"one line", "s3cret\n", 0o600, "s3cret", nil},
		{"no line break", "s3cret", 0o600, "s3cret", nil},
		{"a Windows line break", "s3cret\r\n", 0o600, "s3cret", nil},
		{"only one line break goes", "s3cret\n\n", 0o600, "s3cret\n", nil},
		{"spaces belong to it", " s3cret \n", 0o600, " s3cret ", nil},
		{"as platforms mount it", "s3cret", 0o444, "s3cret", nil},
		{"writable by the group", "s3cret", 0o620, "", ErrSecretWritable},
		{"writable by all", "s3cret", 0o602, "", ErrSecretWritable},
		{"empty", "", 0o600, "", ErrSecretEmpty},
		{"only a line break", "\n", 0o600, "", ErrSecretEmpty},
		{"endless", strings.Repeat("s3cret", maxSecret), 0o600, "", ErrSecretLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "secret", test.content)
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			got, err := Secret(path, "SIGNET_TEST_UNSET")
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("Secret(%q) = %.20q, %v, want %q, %v", test.content, got, err, test.want, test.err)
			}
			if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("the error must name the file, not the secret: %v", err)
			}
		})
	}
}

func TestSecretSources(t *testing.T) {
	path := write(t, "secret", "from file")
	t.Setenv("SIGNET_TEST_SECRET", "from env")
	if got, err := Secret("", "SIGNET_TEST_SECRET"); got != "from env" || err != nil {
		t.Errorf("Secret from the environment = %q, %v", got, err)
	}
	if got, err := Secret("", "SIGNET_TEST_UNSET"); got != "" || err != nil {
		t.Errorf("Secret from nowhere = %q, %v, want nothing", got, err)
	}
	if got, err := Secret(path, "SIGNET_TEST_SECRET"); got != "" || !errors.Is(err, ErrSecretTwice) {
		t.Errorf("Secret from both = %q, %v, want %v", got, err, ErrSecretTwice)
	}
	if _, err := Secret(path+"-not", "SIGNET_TEST_UNSET"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Secret from a missing file = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := Secret(t.TempDir(), "SIGNET_TEST_UNSET"); err == nil {
		t.Error("Secret from a folder succeeded")
	}
}
