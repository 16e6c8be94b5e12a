package endtoend

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// visit is a browser at the pages of a login.
type visit struct {
	*pair
	client *http.Client
	state  string
}

var stateOfPage = regexp.MustCompile(`name="state" value="([^"]+)"`)

func (p *pair) visit() *visit {
	p.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.Fatal(err)
	}
	return &visit{pair: p, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// begin opens the page by which a client has people log in.
func (v *visit) begin(redirect string) {
	v.Helper()
	v.read(v.client.Get(v.hs.url + clientV3 + "/login/sso/redirect/code?redirectUrl=" + url.QueryEscape(redirect)))
}

// send sends the form of the page, and tells what came of it and where it leads.
func (v *visit) send(field, value string) (status int, page, location string) {
	v.Helper()
	return v.read(v.client.PostForm(v.hs.url+"/_signet/v1/login", url.Values{"state": {v.state}, field: {value}}))
}

func (v *visit) read(response *http.Response, err error) (status int, page, location string) {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.Fatal(err)
	}
	if match := stateOfPage.FindSubmatch(text); match != nil {
		v.state = string(match[1])
	}
	return response.StatusCode, html.UnescapeString(string(text)), response.Header.Get("Location")
}

// mailed waits until a message to an address has some words in it.
func (p *pair) mailed(address, words string) {
	p.Helper()
	if !comes(func() bool { return p.mailsWith(address, words) > 0 }) {
		p.Fatalf("no message to %s has %q\n%s\n%s", address, words, p.hs.output.String(), p.id.output.String())
	}
}

// Alice logs in by the code in a message of the identity server's, where the operator has
// switched that on, and she is told of it. A wrong code lets nobody in, and one login is one.
func TestALoginByACode(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, p *pair) {
		alice := p.holder("alice")
		alice.adds()
		config, err := os.OpenFile(filepath.Join(p.hs.dir, "homeserver.yaml"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintln(config, "login: {by_code: true}"); err != nil || config.Close() != nil || p.hs.end(syscall.SIGTERM) != nil {
			t.Fatalf("switching it on: %v\n%s", err, p.hs.output.String())
		}
		p.hs.start()

		v, former := p.visit(), p.newestCode(alice.address)
		v.begin("io.element.app:/callback?x=1")
		if status, page, _ := v.send("address", alice.address); status != 200 {
			t.Fatalf("the address: %d %s", status, page)
		}
		code := p.code(alice.address)
		if status, page, _ := v.send("code", former); status != 403 || strings.Contains(page, alice.user) {
			t.Errorf("a wrong code: %d %s", status, page)
		}
		if status, page, _ := v.send("code", code); status != 200 || !strings.Contains(page, alice.user) || !strings.Contains(page, "io.element.app:") {
			t.Fatalf("the code: %d %s", status, page)
		}
		status, page, location := v.send("agreed", "1")
		token, found := strings.CutPrefix(location, "io.element.app:/callback?x=1&loginToken=")
		if status != 303 || !found {
			t.Fatalf("the end: %d to %q, %s", status, location, page)
		}
		in := p.hs.call("POST", clientV3+"/login", "", map[string]any{"type": "m.login.token", "token": token, "initial_device_display_name": "Alice's new app"})
		if !in.ok() || in.text("user_id") != alice.user {
			t.Fatalf("the token: %+v", in)
		}
		p.mailed(alice.address, "Alice's new app")
		if status, page, _ := v.send("agreed", "1"); status != 403 {
			t.Errorf("the end twice: %d %s", status, page)
		}
	})
}
