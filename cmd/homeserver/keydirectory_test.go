package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/idclient"
	"signet/internal/store/storetest"
)

// says runs a command that must succeed, and checks what it says.
func (w *world) says(want string, args ...string) string {
	w.Helper()
	status, stdout, stderr := w.command(args...)
	if status != 0 || !strings.Contains(stdout, want) {
		w.Fatalf("%v = %d %s %s, want %q", args, status, stdout, stderr, want)
	}
	return stdout
}

// The server brings its own key into the directory; a directory that lies is an alarm, which is
// measured and which the operator sees and ends.
func TestTheKeyDirectory(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d, at := directorytest.Serve(t, "first", time.Now)
		w := newWorld(t, url, func(c *Config) { c.IdentityServer = at })
		w.says("was not looked for yet", "key-directory")
		r := w.serve()
		d.Fetch = func(q idclient.KeyQuery) {
			if q.Server != w.cfg.ServerName {
				t.Errorf("asked for %+v", q)
			}
		}
		r.until("its own key is looked for", func() bool {
			status, stdout, _ := w.command("key-directory")
			return status == 0 && strings.Contains(stdout, "does not stand there yet")
		})
		other, err := directorytest.New(t, d.Name, "second", time.Now).KeyConfig(t.Context(), d.Server())
		if err != nil {
			t.Fatal(err)
		}
		d.Alter(func(answer []byte) []byte {
			if bytes.Contains(answer, []byte("vrf_public_key")) {
				return other
			}
			return answer
		})
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, the server ends with %d", status)
		}
		r = w.serve()
		measured := func() string {
			_, body := r.get(http.DefaultClient, "http://"+r.metrics+"/metrics", "localhost:8008")
			return string(body)
		}
		r.until("the alarm is measured", func() bool {
			all := measured()
			return strings.Contains(all, `signet_homeserver_key_directory_alarms_total{kind="root"} 1`) &&
				strings.Contains(all, "signet_homeserver_key_directory_alarms_standing 1") && strings.Contains(all, "signet_homeserver_key_directory_own_key_logged 0")
		})
		w.says("stands", "key-directory")
		w.says(string(other), "key-directory", "evidence", "1")
		w.says("alarm 1 has ended", "key-directory", "end", "1", "--reason", "a story")
		w.says("a story", "key-directory", "alarms")
		if all := measured(); !strings.Contains(all, "signet_homeserver_key_directory_alarms_standing 0") {
			t.Error("the alarm that has ended is measured as one that stands")
		}
		if status, _, stderr := w.command("key-directory", "end", "1", "--reason", "again"); status == 0 || !strings.Contains(stderr, "no such alarm stands") {
			t.Errorf("it ends twice: %d %s", status, stderr)
		}
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, the server ends with %d", status)
		}
	})
}

// The operator says by what the directory is believed.
func TestTheTrustRoot(t *testing.T) {
	d, at := directorytest.Serve(t, "first", time.Now)
	w := newWorld(t, storetest.SQLite(t), func(c *Config) { c.IdentityServer = at })
	vkey := d.Config().Users.VKeys[0]
	for _, args := range [][]string{{"trust"}, {"trust", "--from-server", w.file}, {"trust", w.file}} {
		if status, stdout, _ := w.command(append([]string{"key-directory"}, args...)...); status == 0 {
			t.Errorf("%v says %s", args, stdout)
		}
	}
	w.says(vkey, "key-directory", "trust", "--from-server")
	w.says(vkey, "key-directory", "show")
	config, err := d.KeyConfig(t.Context(), d.Server())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	w.says(vkey, "key-directory", "trust", file, "--new-logs")
	none := newWorld(t, storetest.SQLite(t), func(c *Config) { c.IdentityServer = "" })
	if status, _, stderr := none.command("key-directory"); status == 0 || !strings.Contains(stderr, "no identity_server") {
		t.Errorf("without an identity server: %d %s", status, stderr)
	}
}
