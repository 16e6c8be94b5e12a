package endtoend

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/internal/freeport"
)

// words are what scripts can say beside testscript's own commands.
var words = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"ports":  ports,
	"config": expand,
	"ready":  ready,
	"get":    func(ts *testscript.TestScript, neg bool, args []string) { ask(ts, neg, "GET", args) },
	"post":   func(ts *testscript.TestScript, neg bool, args []string) { ask(ts, neg, "POST", args) },
	"until":  until,
	"proven": proven,
	"keep":   keep,
	"found":  found,
	"hash":   hash,
	"smtp":   smtpStart,
	"mail":   mail,
	"mailed": mailed,

	"twilio":  startTwilio,
	"gateway": startGateway,
	"asked":   asked,
	"texted":  texted,

	"certificate": certificate,
	"redirect":    redirect,
	"sqlite":      runSQL,
	"leases":      leases,
	"collector":   collectorAddress,
	"traced":      traced,

	"value": publication,
}

// ports NAME...: sets each name to a free port of 127.0.0.1.
func ports(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		port, err := freeport.Take()
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// config FILE...: replaces $NAME in files by the script's variables.
func expand(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// client talks to the programs, as one that trusts testAuthority and follows no
// redirect.
var client = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: testAuthority.pool}},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// certificate CERT KEY: writes a certificate for localhost that the words trust.
func certificate(ts *testscript.TestScript, _ bool, files []string) {
	ts.Check(os.WriteFile(ts.MkAbs(files[0]), testAuthority.cert, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(files[1]), testAuthority.key, 0o600))
}

// sqlite FILE SCRIPT: runs the statements of a script on an SQLite database.
func runSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(ts.ReadFile(args[1]))
	ts.Check(err)
}

// collector NAME: starts a collector of traces and sets the name to its URL.
func collectorAddress(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], ts.Value(collectorKey{}).(*collector).URL)
}

// traced SPAN: the collector has received a span of that name.
func traced(ts *testscript.TestScript, _ bool, args []string) {
	if c := ts.Value(collectorKey{}).(*collector); !c.received(args[0]) {
		ts.Fatalf("no span is called %q", args[0])
	}
}

// redirect URL WHERE: asks, and is sent on to WHERE.
func redirect(ts *testscript.TestScript, _ bool, args []string) {
	response, err := client.Get(args[0])
	ts.Check(err)
	response.Body.Close()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusFound || got != args[1] {
		ts.Fatalf("GET %s = %s to %q, want %q", args[0], response.Status, got, args[1])
	}
}

// ready URL...: waits until each URL answers 200.
func ready(ts *testscript.TestScript, _ bool, urls []string) {
	for _, url := range urls {
		if !comes(func() bool { return answers(context.Background(), url) }) {
			ts.Fatalf("%s is not ready", url)
		}
	}
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// get URL [TOKEN], post URL BODY [TOKEN]: sends a request and prints the answer's
// body. With ! there must be an error: a status, which is printed too, or no answer.
func ask(ts *testscript.TestScript, neg bool, method string, args []string) {
	url, args := args[0], args[1:]
	var body io.Reader
	if method == "POST" {
		body, args = strings.NewReader(args[0]), args[1:]
	}
	r, err := http.NewRequest(method, url, body)
	ts.Check(err)
	if len(args) > 0 {
		r.Header.Set("Authorization", "Bearer "+args[0])
	}
	response, err := client.Do(r)
	if err != nil && neg {
		return // no answer is no success either
	}
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", text)
	if failed := response.StatusCode >= 400; failed != neg {
		ts.Fatalf("%s %s = %s %s", method, url, response.Status, text)
	}
	if neg {
		fmt.Fprintf(ts.Stdout(), "status %d\n", response.StatusCode)
	}
}

// until URL PATTERN: asks until the answer matches, and prints it.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	var text []byte
	matches := func() bool {
		response, err := client.Get(args[0])
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err = io.ReadAll(response.Body)
		return err == nil && pattern.Match(text)
	}
	if !comes(matches) {
		ts.Fatalf("%s answers %s", args[0], text)
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", text)
}

// proven LABEL VERSION TOKEN: waits until that version of a label stands in the log of the server
// at $ID.
func proven(ts *testscript.TestScript, _ bool, args []string) {
	server := &process{url: "http://localhost:" + ts.Getenv("ID")}
	var r reply
	is := func() bool {
		r = server.call("POST", directory+"/lookup", args[2], map[string]any{"label": args[0]})
		return r.ok() && fmt.Sprint(r.body["version"]) == args[1]
	}
	if !comes(is) {
		ts.Fatalf("%s is %+v", args[0], r)
	}
}

// keep NAME MEMBER: keeps a member of the JSON object that was printed last.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	var object map[string]any
	ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile("stdout"))).Decode(&object))
	value, ok := object[args[1]].(string)
	if !ok {
		ts.Fatalf("there is no text %q in %s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], value)
}

// found NAME PATTERN: keeps what the pattern's group matches in what was printed last.
func found(ts *testscript.TestScript, _ bool, args []string) {
	match := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if match == nil {
		ts.Fatalf("nothing matches %s in %s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], match[1])
}

// hash NAME ADDRESS MEDIUM PEPPER: hashes an address as a client does for a
// look-up.
func hash(ts *testscript.TestScript, _ bool, args []string) {
	sum := sha256.Sum256([]byte(strings.Join(args[1:], " ")))
	ts.Setenv(args[0], base64.RawURLEncoding.EncodeToString(sum[:]))
}

// smtp NAME: starts a mail server and sets the name to its host:port.
func smtpStart(ts *testscript.TestScript, _ bool, args []string) {
	p := ts.Value(postKey{}).(*post)
	ts.Setenv(args[0], p.addr)
}

// mail NAME WHAT: keeps a part of the newest mail that has it and was not read for it before,
// as soon as there is one.
func mail(ts *testscript.TestScript, _ bool, args []string) {
	if parts[args[1]] == nil {
		ts.Fatalf("a mail has no %q", args[1])
	}
	part, err := ts.Value(postKey{}).(*post).part(args[1])
	ts.Check(err)
	if args[1] == "code" {
		part = strings.ReplaceAll(part, " ", "")
	}
	ts.Setenv(args[0], part)
}

// mailed ADDRESS WORDS: a mail to the address that has those words arrives. Names are quoted in
// mails, which does not count.
func mailed(ts *testscript.TestScript, _ bool, args []string) {
	is := func(m received) bool {
		return m.to == args[0] && strings.Contains(strings.ReplaceAll(string(m.text), "\u2060", ""), args[1])
	}
	if !comes(func() bool { return slices.ContainsFunc(ts.Value(postKey{}).(*post).all(), is) }) {
		ts.Fatalf("no mail to %s says %q", args[0], args[1])
	}
}
