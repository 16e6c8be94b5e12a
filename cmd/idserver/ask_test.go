package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/matrix"
	"signet/internal/program"
	"signet/keys/proof"
	"signet/keys/value"
)

// directoryOf is a server that answers with the examples, as change leaves its answers.
func directoryOf(t *testing.T, change func(path string, answer []byte) (int, []byte)) (url string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*asked = append(*asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
		file := examples + "config.json"
		if r.Method == http.MethodPost {
			var question struct{ Label string }
			if err := json.Unmarshal(body, &question); err != nil {
				t.Error(err)
			}
			file = map[string]string{"email:alice@example.com": examples + "alice.lookup.json", "email:nobody@example.com": examples + "nobody.lookup.json"}[question.Label]
		}
		answer, err := os.ReadFile(file)
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		status, answer := change(r.URL.Path, answer)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func honest(_ string, answer []byte) (int, []byte) { return http.StatusOK, answer }

// runAsk runs the command against a server.
func runAsk(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	env := program.Env{Ctx: ctx, Stdout: &out, Stderr: &err, Now: func() time.Time { return sealed }}
	status = idserver.Run(new(commandLine), append([]string{"verify"}, args...), env)
	return out.String(), err.String(), status
}

func TestVerifyAsks(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	url, asked := directoryOf(t, honest)
	stdout, stderr, status := runAsk(t, "email:Alice@example.com", "--server="+url+"/", "--trust="+examples+"config.json")
	if status != 0 || stderr != "" {
		t.Fatalf("exits with %d\n%s%s", status, stdout, stderr)
	}
	for _, want := range []string{"trust the keys of id.example.org in ", "ask   " + url, "about email:alice@example.com\n", "ok    6 ladder: version 2 is there", "value {", "verified\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	if want := `POST /_signet/v1/keys/lookup Bearer s3cret {"label":"email:alice@example.com"}`; len(*asked) != 1 || (*asked)[0] != want {
		t.Errorf("the server was asked %q, want %q", *asked, want)
	}
	seen, err := os.ReadFile(examples + "seen.head")
	if err != nil {
		t.Fatal(err)
	}
	head := filepath.Join(t.TempDir(), "head")
	write(t, head, string(seen))
	if _, _, status := runAsk(t, "email:alice@example.com", "--server="+url, "--trust="+examples+"config.json", "--head="+head); status != 0 {
		t.Errorf("with the head that was remembered, exits with %d", status)
	}
	if got := (*asked)[1]; !strings.HasSuffix(got, `,"last_size":4}`) {
		t.Errorf("the server was asked %q, want with the size that was seen", got)
	}
	if text, err := os.ReadFile(head); err != nil || !strings.HasPrefix(string(text), "id.example.org/users\n17\n") {
		t.Errorf("remembered: %q, %v", text, err)
	}
}

// Who pins nothing is told so, plainly, and sends the token to nobody who does not need it.
func TestVerifyTrustsOnFirstUse(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	url, asked := directoryOf(t, honest)
	stdout, _, status := runAsk(t, "email:nobody@example.com", "--server="+url)
	if status != 0 || !strings.HasPrefix(stdout, "trust ON FIRST USE: ") || !strings.Contains(stdout, "the label has no version") {
		t.Errorf("exits with %d\n%s", status, stdout)
	}
	if (*asked)[0] != "GET /_signet/v1/keys/config  " {
		t.Errorf("the config was asked for by %q", (*asked)[0])
	}
}

func TestVerifyOfAServerThatLies(t *testing.T) {
	t.Setenv(tokenVariable, "")
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "s3cret\n")
	pinned := "--trust=" + examples + "config.json"
	lookups := func(change func([]byte) (int, []byte)) func(string, []byte) (int, []byte) {
		return func(path string, answer []byte) (int, []byte) {
			if strings.HasSuffix(path, "/lookup") {
				return change(answer)
			}
			return http.StatusOK, answer
		}
	}
	for name, c := range map[string]struct {
		change func(path string, answer []byte) (int, []byte)
		trust  string
		status int
		says   string
	}{
		"another value": {lookups(func(a []byte) (int, []byte) {
			return 200, bytes.Replace(a, []byte("@alice:example.com"), []byte("@mallory:example.com"), 1)
		}), pinned, 1, "FAIL  7 opening"},
		"another value, trusted on first use": {lookups(func(a []byte) (int, []byte) {
			return 200, bytes.Replace(a, []byte("@alice:example.com"), []byte("@mallory:example.com"), 1)
		}), "", 1, "FAIL  7 opening"},
		"no answer":             {lookups(func([]byte) (int, []byte) { return 200, []byte("hello") }), pinned, 2, "cannot be read"},
		"an endless answer":     {lookups(func([]byte) (int, []byte) { return 200, make([]byte, 2<<20) }), pinned, 2, "too long"},
		"a refusal":             {lookups(func([]byte) (int, []byte) { return 401, []byte(`{"errcode":"M_UNAUTHORIZED","error":"\u001b[2J"}`) }), pinned, 2, `401 Unauthorized: M_UNAUTHORIZED \u{001b}[2J`},
		"another place":         {lookups(func([]byte) (int, []byte) { return 307, nil }), pinned, 2, "not followed"},
		"a config that is none": {func(string, []byte) (int, []byte) { return 200, []byte("{}") }, "", 2, "config cannot be read"},
	} {
		url, _ := directoryOf(t, c.change)
		args := []string{"email:alice@example.com", "--server=" + url, "--token-file=" + token}
		if c.trust != "" {
			args = append(args, c.trust)
		}
		stdout, stderr, status := runAsk(t, args...)
		if status != c.status || !strings.Contains(stdout+stderr, c.says) || strings.Contains(stdout, "verified") || strings.Contains(stdout+stderr, "s3cret") {
			t.Errorf("%s: exits with %d, want %d and %q\n%s%s", name, status, c.status, c.says, stdout, stderr)
		}
	}
}

// What the owner's page prints holds for every address: behind -- it may look like a flag.
func TestVerifyAsksAboutWhatLooksLikeAFlag(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	url, asked := directoryOf(t, honest)
	stdout, stderr, _ := runAsk(t, "--server", url, "--trust="+examples+"config.json", "--", "--label@example.com")
	if len(*asked) != 1 || !strings.HasSuffix((*asked)[0], `{"label":"binding:email:--label@example.com"}`) {
		t.Errorf("the server was asked %q\n%s%s", *asked, stdout, stderr)
	}
}

func TestWhatVerifyIsAskedWrongly(t *testing.T) {
	t.Setenv(tokenVariable, "s3cret")
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "s3cret")
	for says, args := range map[string][]string{
		"is no address":               {"alice", "--server=https://id.example.org"},
		`"+1 555"`:                    {"+1 555", "--server=https://id.example.org"},
		`"fax:1" is no address`:       {"fax:1", "--server=https://id.example.org"},
		"of https, or of http on":     {"alice@example.org", "--server=http://id.example.org"},
		"is a URL without a path":     {"alice@example.org", "--server=https://id.example.org/x"},
		"is a URL without a path, of": {"alice@example.org", "--server=id.example.org"},
		"--token-file: ":              {"alice@example.org", "--server=https://id.example.org", "--token-file=" + token},
		"are about a file":            {"alice@example.org", "--server=https://id.example.org", "--history"},
		"--trust: ":                   {"file", "--label=email:alice@example.org"},
		"--server is missing":         {"alice@example.org"},
		"a file needs no token":       {"file", "--label=email:alice@example.org", "--trust=x", "--token-file=" + token},
	} {
		if stdout, stderr, status := runAsk(t, args...); status != 2 || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("verify %q: exits with %d, want 2 and %q\n%s%s", args, status, says, stdout, stderr)
		}
	}
}

func TestLabelsToAsk(t *testing.T) {
	for text, want := range map[string]string{
		"Alice@Example.org":               "binding:email:alice@example.org email:alice@example.org",
		"+44 7400 123456":                 "binding:msisdn:447400123456 msisdn:447400123456",
		"@alice:example.org":              "mxid:@alice:example.org",
		"mxid:@alice:example.org":         "mxid:@alice:example.org",
		"msisdn:447400123456":             "msisdn:447400123456",
		"binding:email:alice@example.org": "binding:email:alice@example.org",
	} {
		labels, err := labelsToAsk(text)
		var got []string
		for _, l := range labels {
			got = append(got, l.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("labelsToAsk(%q) = %q, %v, want %s", text, got, err, want)
		}
	}
}

// Answers that hold one by one need not go together.
func TestWarn(t *testing.T) {
	bound := func(user matrix.UserID) proof.Result { return proof.Result{Value: &value.Association{MXID: user}} }
	keys := func(user matrix.UserID) proof.Result { return proof.Result{Value: &value.User{MXID: user}} }
	const alice, bob = "@alice:example.org", "@bob:example.org"
	for name, c := range map[string]struct {
		answers []proof.Result
		want    string
	}{
		"of who is bound":          {[]proof.Result{bound(alice), keys(alice)}, ""},
		"of who had the number":    {[]proof.Result{bound(bob), keys(alice)}, "NOTE  the keys name @alice:example.org, and the address is bound to @bob:example.org: "},
		"nobody is bound any more": {[]proof.Result{bound(""), keys(alice)}, "NOTE  the keys name @alice:example.org, and nobody is bound to the address: "},
		"nobody ever was bound":    {[]proof.Result{{}, keys(alice)}, "and nobody is bound to the address: "},
		"keys that name nobody":    {[]proof.Result{bound(bob), keys("")}, ""},
		"no keys":                  {[]proof.Result{bound(bob), {}}, ""},
		"one label alone":          {[]proof.Result{keys(alice)}, ""},
	} {
		var out bytes.Buffer
		if err := warn(&out, c.answers); err != nil || (out.Len() > 0) != (c.want != "") || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %q, %v, want %q", name, &out, err, c.want)
		}
	}
}
