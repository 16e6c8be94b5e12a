package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/config"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/matrix"
	"signet/internal/program"
	"signet/internal/store"
	"signet/internal/store/storetest"
)

// world is a data directory with a configuration in it, and who works there.
type world struct {
	*testing.T
	cfg  Config
	file string
	vars map[string]string
}

// newWorld is development mode in a directory and on ports of its own, over the
// database at url.
func newWorld(t *testing.T, url string, changes ...func(*Config)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{T: t, cfg: development(), file: filepath.Join(dir, "homeserver.yaml"), vars: map[string]string{}}
	w.cfg.Listen, w.cfg.Federation.Listen, w.cfg.MetricsListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	w.cfg.Database = config.Database(url)
	w.cfg.DataDir = filepath.Join(dir, "data")
	w.cfg.KeyFile = filepath.Join(dir, "data", "homeserver.kek")
	w.cfg.Log.Format = "json"
	for _, change := range changes {
		change(&w.cfg)
	}
	var text bytes.Buffer
	if err := config.Print(&text, w.cfg); err != nil {
		t.Fatal(err)
	}
	// What is printed has no password.
	settings := strings.Replace(text.String(), w.cfg.Database.Redacted(), url, 1)
	if err := os.WriteFile(w.file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) env(ctx context.Context, stdout, stderr io.Writer) program.Env {
	return program.Env{
		Ctx: ctx, Stdout: stdout, Stderr: stderr, Now: time.Now, Rand: rand.Reader,
		Getenv: func(name string) string { return w.vars[name] },
	}
}

// command runs one command line to its end.
func (w *world) command(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = homeserver.Run(new(commandLine), append([]string{"--config", w.file}, args...), w.env(w.Context(), &out, &err))
	return status, out.String(), err.String()
}

// running is a server that has said where it listens.
type running struct {
	*world
	clients, federation, metrics string
	greeting                     []string
	stop                         func() (status int)
}

// serve starts the server and reads its log until it has said everything.
func (w *world) serve() *running {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log, stderr := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		status := homeserver.Run(new(commandLine), []string{"--config", w.file}, w.env(ctx, io.Discard, stderr))
		stderr.Close()
		ended <- status
	}()
	r := &running{world: w, stop: func() int { cancel(); return <-ended }}
	lines := bufio.NewScanner(log)
	for lines.Scan() && !strings.Contains(lines.Text(), "DEVELOPMENT MODE") {
		r.greeting = append(r.greeting, lines.Text())
		var line struct {
			Msg string `json:"msg"`
			On  string `json:"listening_on"`
		}
		_ = json.Unmarshal(lines.Bytes(), &line)
		switch {
		case strings.HasPrefix(line.Msg, "clients connect"):
			r.clients = line.On
		case strings.HasPrefix(line.Msg, "other servers"):
			r.federation = line.On
		case strings.HasPrefix(line.Msg, "metrics"):
			r.metrics = line.On
		}
	}
	go io.Copy(io.Discard, log)
	if r.metrics == "" {
		w.Fatalf("the server ended with %d: %v", r.stop(), r.greeting)
	}
	return r
}

// until waits for what the server does beside everything else.
func (r *running) until(what string, done func() bool) {
	r.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.Fatalf("never: %s", what)
		}
	}
}

// get asks under the server's name, as development mode wants it.
func (r *running) get(client *http.Client, url, host string) (status int, body []byte) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), "GET", url, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Host = host
	res, err := client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		r.Fatal(err)
	}
	return res.StatusCode, body
}

// leaving checks that nothing of a user who was deactivated beside the server outlives it.
func (w *world) leaving(url, user string) {
	w.Helper()
	db, err := store.Open(w.Context(), url)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	for query, want := range map[string]int{
		`SELECT COUNT(*) FROM roomkeys_backups WHERE user_id = $1 AND NOT deleted`: 0,
		`SELECT COUNT(*) FROM e2ee_leavers WHERE user_id = $1`:                     1,
	} {
		var n int
		if err := db.QueryRow(w.Context(), query, user).Scan(&n); err != nil || n != want {
			w.Errorf("after the deactivation %s = %d, %v, want %d", query, n, err, want)
		}
	}
}

// post sends JSON to the client API.
func (r *running) post(path, body string) (status int, answer []byte) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), "POST", "http://"+r.clients+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Host = "localhost:8008"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		r.Fatal(err)
	}
	return res.StatusCode, answer
}

// trusting is a client that trusts the authority in the data directory alone.
func (w *world) trusting() *http.Client {
	w.Helper()
	pem, err := os.ReadFile(filepath.Join(w.cfg.DataDir, "ca.pem"))
	if err != nil {
		w.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		w.Fatal("ca.pem holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	w.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// signer is the key that signs the published keys, whose signature is checked.
func (r *running) signer(client *http.Client) matrix.KeyID {
	r.Helper()
	status, body := r.get(client, "https://"+r.federation+"/_matrix/key/v2/server", "localhost:8448")
	var keys struct {
		Verify map[matrix.KeyID]struct{ Key string } `json:"verify_keys"`
	}
	if err := json.Unmarshal(body, &keys); err != nil || status != 200 {
		r.Fatalf("keys = %d %s, %v", status, body, err)
	}
	for id, key := range keys.Verify {
		public, err := matrix.DecodeBase64(key.Key)
		if err != nil {
			r.Fatal(err)
		}
		if err := matrix.Verify("localhost:8448", id, public, body); err != nil {
			r.Errorf("the signature of %s: %v", id, err)
		}
		return id
	}
	r.Fatal("no key is published")
	return ""
}

func TestServe(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		r := w.serve()
		for _, want := range []string{"http://localhost:8008", "localhost:8448", "http://localhost:8090"} {
			if !strings.Contains(strings.Join(r.greeting, "\n"), want) {
				t.Errorf("the greeting does not name %s: %v", want, r.greeting)
			}
		}
		for path, want := range map[string]string{
			"/_matrix/client/versions":   `"versions"`,
			"/.well-known/matrix/client": `{"m.homeserver":{"base_url":"http://localhost:8008"},"m.identity_server":{"base_url":"http://localhost:8090"}}`,
			"/.well-known/matrix/server": `{"m.server":"localhost:8448"}`,
			"/healthz":                   "ok",
			"/readyz":                    "ok",
		} {
			if status, body := r.get(http.DefaultClient, "http://"+r.clients+path, "localhost:8008"); status != 200 || !strings.Contains(string(body), want) {
				t.Errorf("GET %s = %d %s, want %s", path, status, body, want)
			}
		}
		secure := w.trusting()
		first := r.signer(secure)
		if status, stdout, stderr := w.command("keys", "rotate"); status != 0 {
			t.Errorf("keys rotate = %d %s %s", status, stdout, stderr)
		}
		second := r.signer(secure)
		if second == first {
			t.Errorf("the running server still signs with %s", first)
		}
		status, listed, stderr := w.command("keys", "list")
		if lines := strings.Split(strings.TrimSpace(listed), "\n"); status != 0 || len(lines) != 3 ||
			!strings.HasPrefix(lines[1], "federation  "+string(second)) || !strings.HasPrefix(lines[2], "federation  "+string(first)) {
			t.Errorf("keys list = %d %s %s", status, listed, stderr)
		}
		if _, metrics := r.get(http.DefaultClient, "http://"+r.metrics+"/metrics", "localhost:8008"); !strings.Contains(string(metrics), "signet_homeserver_http_requests_total") {
			t.Errorf("the metrics count no requests: %s", metrics)
		} else {
			for _, name := range []string{"outbound_events", "outbound_edus", "outbound_oldest_seconds", "outbound_servers_away", "outbound_servers_sending",
				"inbound_backlog_events", "inbound_given_up_events", "inbound_oldest_seconds", "invitations_waiting", "invitations_oldest_seconds", "unbindings_waiting", "key_publications_waiting", "key_publications_alarms", "stream_queued_operations", "sync_waiting_requests"} {
				if line := "\nsignet_homeserver_" + name + " 0\n"; !strings.Contains(string(metrics), line) {
					t.Errorf("the metrics do not have %q", line)
				}
			}
		}
		secure.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop, the server ends with %d", status)
		}
	})
}

// In development mode no other site can reach the server through a browser.
func TestDevelopmentAnswersToItsOwnNames(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	r := w.serve()
	defer r.stop()
	secure := w.trusting()
	for host, want := range map[string]int{"localhost:8008": 200, "evil.example": 421, "evil.example:8008": 421} {
		if status, body := r.get(http.DefaultClient, "http://"+r.clients+"/_matrix/client/versions", host); status != want {
			t.Errorf("Host %s at the client API = %d %s, want %d", host, status, body, want)
		}
	}
	for host, want := range map[string]int{"localhost:8448": 200, "evil.example": 421} {
		if status, body := r.get(secure, "https://"+r.federation+"/_matrix/federation/v1/version", host); status != want {
			t.Errorf("Host %s at the server-server API = %d %s, want %d", host, status, body, want)
		}
	}
}

// A lost key is not replaced by a new one, which could open nothing; the key in
// the environment does as well as the file.
func TestTheKeyFileIsNeverReplaced(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		if status := w.serve().stop(); status != 0 {
			t.Fatalf("the first start ends with %d", status)
		}
		key, err := os.ReadFile(w.cfg.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(w.cfg.KeyFile); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"serve"}, {"keys", "list"}} {
			if status, _, stderr := w.command(args...); status != 1 || !strings.Contains(stderr, w.cfg.KeyFile) || !strings.Contains(stderr, program.KEKVariable) {
				t.Errorf("%v without the key = %d %s, want 1 and a hint", args, status, stderr)
			}
		}
		if _, err := os.Stat(w.cfg.KeyFile); !os.IsNotExist(err) {
			t.Errorf("another key file was made: %v", err)
		}
		w.vars[program.KEKVariable] = string(key)
		if status, _, stderr := w.command("keys", "list"); status != 0 {
			t.Errorf("with the key in the environment = %d %s", status, stderr)
		}
	})
}

// The operator makes accounts and registration tokens beside a running server, which
// knows of them at once.
func TestTheOperatorsCommands(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		r := w.serve()
		status, made, stderr := w.command("users", "create", "Alice", "--admin")
		id, secret, _ := strings.Cut(made, "\npassword: ")
		if status != 0 || id != "@alice:localhost:8448" || len(secret) != 25 {
			t.Fatalf("users create = %d %q %s", status, made, stderr)
		}
		login := `{"type":"m.login.password","user":"alice","password":"` + strings.TrimSpace(secret) + `"}`
		status, body := r.post("/_matrix/client/v3/login", login)
		if status != 200 {
			t.Errorf("logging in = %d %s", status, body)
		}
		var in struct {
			Token string `json:"access_token"`
		}
		_ = json.Unmarshal(body, &in)
		const backup = `{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"x"}}`
		if status, body := r.post("/_matrix/client/v3/room_keys/version?access_token="+in.Token, backup); status != 200 {
			t.Errorf("a backup = %d %s", status, body)
		}
		own := file(t, "correct horse\n")
		if status, made, stderr := w.command("users", "create", "bob", "--password-file", own); status != 0 || made != "@bob:localhost:8448\n" {
			t.Errorf("users create with a password = %d %q %s", status, made, stderr)
		}
		if status, _, stderr := w.command("users", "create", "bob"); status != 1 || !strings.Contains(stderr, "taken") {
			t.Errorf("users create again = %d %s", status, stderr)
		}
		if status, _, stderr := w.command("users", "deactivate", "@alice:localhost:8448", "--erase"); status != 0 {
			t.Errorf("users deactivate = %d %s", status, stderr)
		}
		w.leaving(url, "@alice:localhost:8448")
		if status, body := r.post("/_matrix/client/v3/login", login); status != 403 {
			t.Errorf("logging in then = %d %s", status, body)
		}
		if status, _, stderr := w.command("users", "deactivate", "carol"); status != 1 || !strings.Contains(stderr, "no such account") {
			t.Errorf("users deactivate of nobody = %d %s", status, stderr)
		}
		_, list, _ := w.command("users", "list")
		if lines := strings.Split(list, "\n"); len(lines) != 4 || !strings.Contains(lines[1], "@alice:localhost:8448") || !strings.Contains(lines[1], "to be erased") || !strings.HasSuffix(lines[2], "active") {
			t.Errorf("users list = %s", list)
		}

		const validity = "/_matrix/client/v1/register/m.login.registration_token/validity?token="
		for _, args := range [][]string{{"create", "open-sesame", "--uses", "2", "--for", "72h"}, {"create"}} {
			if status, made, stderr := w.command(append([]string{"registration-tokens"}, args...)...); status != 0 || made == "" {
				t.Errorf("registration-tokens %v = %d %q %s", args, status, made, stderr)
			}
		}
		if status, body := r.get(http.DefaultClient, "http://"+r.clients+validity+"open-sesame", "localhost:8008"); status != 200 || string(body) != `{"valid":true}` {
			t.Errorf("the token is = %d %s", status, body)
		}
		if status, _, stderr := w.command("registration-tokens", "create", "a b"); status != 1 || !strings.Contains(stderr, "64 characters") {
			t.Errorf("a token that is none = %d %s", status, stderr)
		}
		_, list, _ = w.command("registration-tokens", "list")
		if lines := strings.Split(list, "\n"); len(lines) != 4 || !strings.HasPrefix(lines[1], "open-sesame ") || !strings.HasSuffix(lines[1], "0     2") {
			t.Errorf("registration-tokens list = %s", list)
		}
		if status, _, stderr := w.command("registration-tokens", "revoke", "open-sesame"); status != 0 {
			t.Errorf("registration-tokens revoke = %d %s", status, stderr)
		}
		if status, body := r.get(http.DefaultClient, "http://"+r.clients+validity+"open-sesame", "localhost:8008"); status != 200 || string(body) != `{"valid":false}` {
			t.Errorf("the revoked token is = %d %s", status, body)
		}
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("the server ends with %d", status)
		}
	})
}

func TestCommandLine(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	for _, test := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"version"}, 0, "homeserver ", ""},
		{[]string{"--help"}, 0, "keys rotate", ""},
		{[]string{"config", "check"}, 0, "good", ""},
		{[]string{"config", "print"}, 0, `server_name: "localhost:8448"`, ""},
		{[]string{"dance"}, 2, "", "dance"},
		{[]string{"keys"}, 2, "", "list"},
		{[]string{"users"}, 2, "", "create"},
		{[]string{"registration-tokens"}, 2, "", "revoke"},
		{[]string{"--config", w.file + ".missing", "config", "check"}, 1, "", "no such file"},
		{[]string{"--config", file(t, "dance: true"), "serve"}, 1, "", "dance"},
	} {
		status, stdout, stderr := w.command(test.args...)
		if status != test.status || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
			t.Errorf("homeserver %v = %d, %q, %q; want %d, %q, %q", test.args, status, stdout, stderr, test.status, test.stdout, test.stderr)
		}
	}
	if _, err := os.Stat(w.cfg.DataDir); !os.IsNotExist(err) {
		t.Errorf("a command that only reads made the data directory: %v", err)
	}
}

// call sends a request as a client does.
func (r *running) call(token, method, path, body string) (status int, answer map[string]any) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, "http://"+r.clients+"/_matrix/client/v3"+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Host = "localhost:8008"
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		r.Fatal(err)
	}
	return res.StatusCode, answer
}

// A device's keys are there for others after the server has been started again, and a
// one-time key that was given out before is not given out again.
func TestKeysOutliveARestart(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		r := w.serve()
		status, login := r.call("", "POST", "/register", `{"auth":{"type":"m.login.dummy"},"username":"alice","password":"correct horse","device_id":"PHONE"}`)
		token, _ := login["access_token"].(string)
		if status != 200 || token == "" {
			t.Fatalf("register = %d %v", status, login)
		}
		p := e2eetest.NewPhone("@alice:localhost:8448", "PHONE")
		keys := e2eetest.Object(map[string]any{"device_keys": p.Keys(), "one_time_keys": p.OneTimes(0, 2)})
		if status, answer := r.call(token, "POST", "/keys/upload", string(keys)); status != 200 {
			t.Fatalf("upload = %d %v", status, answer)
		}
		const claim = `{"one_time_keys":{"@alice:localhost:8448":{"PHONE":"signed_curve25519"}}}`
		_, first := r.call(token, "POST", "/keys/claim", claim)
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Fatalf("told to stop, the server ends with %d", status)
		}
		r = w.serve()
		status, devices := r.call(token, "POST", "/keys/query", `{"device_keys":{"@alice:localhost:8448":[]}}`)
		if text := fmt.Sprint(devices["device_keys"]); status != 200 || !strings.Contains(text, e2eetest.Name(p.Key)) {
			t.Errorf("query = %d %s", status, text)
		}
		_, second := r.call(token, "POST", "/keys/claim", claim)
		if a, b := fmt.Sprint(first), fmt.Sprint(second); a == b || !strings.Contains(a, ":000000:") || !strings.Contains(b, ":000001:") {
			t.Errorf("claimed %s, and after the restart %s", a, b)
		}
		http.DefaultClient.CloseIdleConnections()
		if status := r.stop(); status != 0 {
			t.Errorf("told to stop again, the server ends with %d", status)
		}
	})
}
