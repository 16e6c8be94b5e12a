package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/internal/program"
)

// examples are proofs of keys/proof, sealed at that time.
const examples = "../../keys/proof/testdata/"

var sealed = time.UnixMilli(1_763_700_000_000)

// runVerify runs the command, and returns what it says and its exit status.
func runVerify(at time.Time, args ...string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	env := program.Env{Stdout: &out, Stderr: &err, Now: func() time.Time { return at }}
	status = idserver.Run(new(commandLine), append([]string{"verify"}, args...), env)
	return out.String(), err.String(), status
}

func TestVerify(t *testing.T) {
	trust := "--trust=" + examples + "config.json"
	head := filepath.Join(t.TempDir(), "head")
	seen, err := os.ReadFile(examples + "seen.head")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{examples + "alice.lookup.json", "--label=email:alice@example.com", trust, "--head=" + head},
			[]string{"ok    1 label: ", "ok    2 checkpoint: ", "ok    3 times: ", "ok    4 epoch: ", "ok    5 consistency: it continues the tree of 4 entries", "ok    6 ladder: version 2 is there",
				"ok    7 opening: ", "ok    8 signatures: ", `value {"auth":`, "verified"}},
		{[]string{examples + "alice.history.json", "--label=email:Alice@example.com", trust, "--history", "--head=" + head},
			[]string{"ok    6 ladder: the label has 3 versions", `value {"auth":`, `value {"auth":`, `value {"auth":`, "verified"}},
		{[]string{examples + "user.lookup.json", "--label=mxid:@carol:example.com", trust},
			[]string{"ok    8 signatures: the value is in force, and signed by its master key, as the user's client has uploaded it, and the server; the user's homeserver has published it",
				`value {"auth":{"how":"homeserver"`, `"cross_signing":{`, "verified"}},
		{[]string{examples + "nobody.lookup.json", "--label=email:nobody@example.com", trust},
			[]string{"no head was remembered", "ok    6 ladder: the label has no version", "none  nothing is published under email:nobody@example.com, and that is verified\n"}},
	} {
		if err := os.WriteFile(head, seen, 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, status := runVerify(sealed, c.args...)
		if status != 0 || stderr != "" {
			t.Fatalf("verify %v: exits with %d\n%s%s", c.args, status, stdout, stderr)
		}
		if none := strings.Contains(stdout, "none  "); none == strings.Contains(stdout, "value ") || none == strings.HasSuffix(stdout, "\nverified\n") {
			t.Errorf("verify %v does not say plainly whether there is anything:\n%s", c.args, stdout)
		}
		rest := stdout
		for _, want := range c.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("verify %v lacks %q in its place:\n%s", c.args, want, stdout)
			}
			rest = after
		}
	}
}

// A head that was remembered is what the next proof is held against.
func TestVerifyRemembers(t *testing.T) {
	head := filepath.Join(t.TempDir(), "head")
	args := []string{examples + "alice.lookup.json", "--label=email:alice@example.com", "--trust=" + examples + "config.json", "--head=" + head}
	if stdout, stderr, status := runVerify(sealed, args...); status != 0 {
		t.Fatalf("exits with %d\n%s%s", status, stdout, stderr)
	}
	text, err := os.ReadFile(head)
	if err != nil || !strings.HasPrefix(string(text), "id.example.org/users\n17\n") {
		t.Fatalf("remembered: %q, %v", text, err)
	}
	if err := os.WriteFile(head, bytes.Replace(text, []byte("\n17\n"), []byte("\n99\n"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, _, status := runVerify(sealed, args...)
	if status != 1 || !strings.Contains(stdout, "FAIL  5 consistency: the log was longer before") {
		t.Errorf("of a log that has shrunk, exits with %d\n%s", status, stdout)
	}
	if left, err := os.ReadFile(head); err != nil || !strings.Contains(string(left), "\n99\n") {
		t.Errorf("what was refused is remembered: %q, %v", left, err)
	}
	entries, err := os.ReadDir(filepath.Dir(head))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// pagesOf are the example's history in two pages, edited.
func pagesOf(t *testing.T, edit func(first, second map[string]any)) (files []string) {
	t.Helper()
	text, err := os.ReadFile(examples + "alice.history.json")
	if err != nil {
		t.Fatal(err)
	}
	var pages [2]map[string]any
	for i := range pages {
		if err := json.Unmarshal(text, &pages[i]); err != nil {
			t.Fatal(err)
		}
		pages[i]["consistency"] = []any{}
	}
	first, second := pages[0], pages[1]
	versions := first["versions"].([]any)
	first["versions"], first["next"], first["beyond"] = versions[:2], 2, []any{}
	second["versions"], second["from"] = versions[2:], 2
	edit(first, second)
	for i, page := range pages {
		file := filepath.Join(t.TempDir(), fmt.Sprint("page", i))
		text, err := json.Marshal(page)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// A history of several pages is verified as a whole, in their order, and not without the last.
func TestVerifyPages(t *testing.T) {
	rest := []string{"--history", "--label=email:alice@example.com", "--trust=" + examples + "config.json"}
	whole := pagesOf(t, func(_, _ map[string]any) {})
	gap := pagesOf(t, func(_, second map[string]any) { second["from"] = 1 })
	for what, c := range map[string]struct {
		files  []string
		status int
		says   string
	}{
		"both":            {whole, 0, "page  2, from version 2\nok    1 label"},
		"the first alone": {whole[:1], 2, "the history goes on: what is asked from version 2 on, with last_size 17, is missing"},
		"the last alone":  {whole[1:], 1, "FAIL  6 ladder: the page of the history is not the one that comes next: it begins with version 2, not 0"},
		"the last twice":  {[]string{whole[0], whole[1], whole[1]}, 1, "FAIL  6 ladder: the page of the history is not the one that comes next"},
		"the other order": {[]string{whole[1], whole[0]}, 1, "FAIL  6 ladder"},
		"with a gap":      {gap, 1, "FAIL  6 ladder"},
	} {
		stdout, stderr, status := runVerify(sealed, append(c.files, rest...)...)
		if status != c.status || !strings.Contains(stdout+stderr, c.says) || (status == 0) != strings.HasSuffix(stdout, "\nverified\n") {
			t.Errorf("%s: exits with %d, want %d and %q\n%s%s", what, status, c.status, c.says, stdout, stderr)
		}
		if want := 3; status == 0 && strings.Count(stdout, "value {") != want {
			t.Errorf("%s: not %d values\n%s", what, want, stdout)
		}
	}
	if _, stderr, status := runVerify(sealed, append(whole, rest[1:]...)...); status != 2 || !strings.Contains(stderr, "only a --history has pages") {
		t.Errorf("two files for a look-up: exits with %d\n%s", status, stderr)
	}
}

func TestVerifyRefuses(t *testing.T) {
	trust, label := "--trust="+examples+"config.json", "--label=email:alice@example.com"
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lookup, err := os.ReadFile(examples + "alice.lookup.json")
	if err != nil {
		t.Fatal(err)
	}
	forged := write("forged", strings.Replace(string(lookup), `"@alice:example.com"`, `"@mallory:example.com"`, 1))
	for what, c := range map[string]struct {
		at     time.Time
		args   []string
		status int
		says   string
	}{
		"61 minutes later":      {sealed.Add(61 * time.Minute), []string{examples + "alice.lookup.json", label, trust}, 1, "FAIL  3 times: "},
		"6 minutes before":      {sealed.Add(-6 * time.Minute), []string{examples + "alice.lookup.json", label, trust}, 1, "FAIL  3 times: "},
		"about another":         {sealed, []string{examples + "nobody.lookup.json", label, trust}, 1, "FAIL  6 ladder: "},
		"of a forged value":     {sealed, []string{forged, label, trust}, 1, "FAIL  7 opening: "},
		"a history, of another": {sealed, []string{examples + "alice.history.json", "--label=email:bob@example.com", trust, "--history"}, 1, "FAIL  6 ladder: "},
		"no such file":          {sealed, []string{filepath.Join(dir, "none"), label, trust}, 2, "cannot be read"},
		"a folder":              {sealed, []string{dir, label, trust}, 2, "cannot be read"},
		"no proof":              {sealed, []string{write("text", "hello"), label, trust}, 2, "cannot be read"},
		"a history for a proof": {sealed, []string{write("text", "hello"), label, trust, "--history"}, 2, "cannot be read"},
		"no trust":              {sealed, []string{examples + "alice.lookup.json", label, "--trust=" + write("empty", "{}")}, 2, "cannot be read"},
		"trust that is none":    {sealed, []string{examples + "alice.lookup.json", label, "--trust=" + write("text", "hello")}, 2, "cannot be read"},
		"trust that is missing": {sealed, []string{examples + "alice.lookup.json", label, "--trust=" + filepath.Join(dir, "none")}, 2, "cannot be read"},
		"a head of another log": {sealed, []string{examples + "alice.lookup.json", label, trust, "--head=" + write("head", "x\n1\nAAAA\n")}, 2, "cannot be read"},
		"no label":              {sealed, []string{examples + "alice.lookup.json", trust}, 2, "--label"},
	} {
		stdout, stderr, status := runVerify(c.at, c.args...)
		if status != c.status || !strings.Contains(stdout+stderr, c.says) || strings.Contains(stdout, "verified") || strings.Contains(stdout, "value ") {
			t.Errorf("%s: exits with %d, want %d and %q\n%s%s", what, status, c.status, c.says, stdout, stderr)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("{\"a\":\"\u009b2J é\u202e\"}"), `{"a":"\u{009b}2J é\u{202e}"}`; got != want {
		t.Errorf("printable = %q, want %q", got, want)
	}
}
