package endtoend

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// applicant is somebody at an IP address who signs up, as a person does or as a script.
type applicant struct {
	*pair
	hs      *process
	ip      string
	bind    bool              // they want to be found by the address
	between func(step string) // is called after each step
}

// digitsPattern finds the answers of CAPTCHAs in the development mailbox.
var digitsPattern = regexp.MustCompile(`CAPTCHA (\w+)</span></a> <span class="hint">Answer</span> <strong>(\d+)</strong>`)

// digits is what a person reads in the picture of a CAPTCHA.
func (p *pair) digits(id string) string {
	p.Helper()
	page, err := client.Get(p.id.url + "/_signet/mailbox")
	if err != nil {
		p.Fatal(err)
	}
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	if err != nil {
		p.Fatal(err)
	}
	for _, found := range digitsPattern.FindAllStringSubmatch(string(text), -1) {
		if found[1] == id {
			return found[2]
		}
	}
	p.Fatalf("the mailbox does not have CAPTCHA %q", id)
	return ""
}

// register is one request of a registration.
func (a applicant) register(name string, auth map[string]any) reply {
	return a.hs.callFrom(a.ip, "POST", clientV3+"/register", "", map[string]any{"username": name, "password": "correct horse battery", "auth": auth})
}

// signUp goes the whole way, and tells how far it came: "an account", or what it was refused at
// which step.
func (a applicant) signUp(name, address string) string {
	a.Helper()
	begun := a.hs.callFrom(a.ip, "POST", clientV3+"/register", "", map[string]any{"username": name, "password": "correct horse battery"})
	if begun.status != 401 {
		return refused("beginning", begun)
	}
	a.step("beginning")
	session := begun.text("session")
	params, _ := begun.body["params"].(map[string]any)
	captcha, _ := params["im.signet.captcha"].(map[string]any)
	id, _ := captcha["id"].(string)
	if met := a.register(name, map[string]any{"type": "im.signet.captcha", "session": session, "answer": a.digits(id)}); met.status != 401 || met.text("errcode") != "" {
		return refused("the CAPTCHA", met)
	}
	a.step("the CAPTCHA")
	secret := "secret_" + name
	asked := a.hs.callFrom(a.ip, "POST", clientV3+"/register/email/requestToken", "", map[string]any{
		"client_secret": secret, "email": address, "send_attempt": 1, "im.signet.bind": a.bind, "im.signet.challenge": map[string]any{"id": id}})
	if !asked.ok() {
		return refused("the code", asked)
	}
	a.step("the code")
	creds := map[string]any{"sid": asked.text("sid"), "client_secret": secret}
	submit, _ := strings.CutPrefix(asked.text("submit_url"), a.hs.url)
	if shown := a.hs.callFrom(a.ip, "POST", submit, "", map[string]any{"sid": asked.text("sid"), "client_secret": secret, "token": a.code(address)}); !shown.ok() {
		return refused("showing the code", shown)
	}
	a.step("showing the code")
	if made := a.register(name, map[string]any{"type": "m.login.email.identity", "session": session, "threepid_creds": creds}); !made.ok() {
		return refused("the account", made)
	}
	a.step("the account")
	return "an account"
}

func (a applicant) step(done string) {
	if a.between != nil {
		a.between(done)
	}
}

func refused(step string, r reply) string {
	return fmt.Sprintf("%s: %d %s", step, r.status, r.text("errcode"))
}

// told logs what signUp has told, and counts the accounts.
func (p *pair) told(who string, outcomes map[string]int) (accounts int) {
	p.Helper()
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		p.Logf("%s: %d × %s", who, outcomes[outcome], outcome)
	}
	return outcomes["an account"]
}

// A script signs up 500 times from one IP address: the budgets leave it some thirty accounts
// in the hour. A homeserver that nobody knows, whose people come from everywhere, gets ten
// messages. Meanwhile people sign up at the operator's own, each with one CAPTCHA.
func TestAScriptSignsUp(t *testing.T) {
	onEachLimited(t, func(p *pair, stranger *process) {
		script := map[string]int{}
		for i := range 500 {
			name := fmt.Sprint("bot", i)
			script[applicant{pair: p, hs: p.hs, ip: "192.0.2.66"}.signUp(name, name+"@example.net")]++
		}
		if n := p.told("500 from one address", script); n == 0 || n > 40 {
			p.Errorf("one address has made %d accounts, want some, and 40 at most", n)
		}
		far := map[string]int{}
		for i := range 60 {
			name := fmt.Sprint("crowd", i)
			far[applicant{pair: p, hs: stranger, ip: fmt.Sprintf("198.51.100.%d", i+1)}.signUp(name, fmt.Sprintf("%s@crowd%d.example", name, i))]++
		}
		if n := p.told("60 at a homeserver that nobody knows", far); n == 0 || n > 10 {
			p.Errorf("a homeserver that nobody knows has made %d accounts, want some, and 10 at most", n)
		}
		people := map[string]int{}
		for i := range 20 {
			name := fmt.Sprint("person", i)
			people[applicant{pair: p, hs: p.hs, ip: fmt.Sprintf("203.0.113.%d", i+1)}.signUp(name, fmt.Sprintf("%s@people%d.example", name, i))]++
		}
		if n := p.told("20 people", people); n != 20 {
			p.Errorf("of 20 people %d have an account", n)
		}
	})
}

// Both programs are killed after each step, and the sign-up goes on where it was: after the last
// one, alice is found by the address, as she agreed to by the one code, until her account ends.
func TestProgramsAreKilledInASignUp(t *testing.T) {
	onEachLimited(t, func(p *pair, _ *process) {
		kills := 0
		a := applicant{pair: p, hs: p.hs, ip: "192.0.2.1", bind: true, between: func(string) {
			kills++
			for _, program := range []*process{p.id, p.hs} {
				_ = program.end(os.Kill)
				program.start()
			}
		}}
		if outcome := a.signUp("alice", "alice@people.example"); outcome != "an account" || kills != 5 {
			p.Fatalf("after %d kills: %s", kills, outcome)
		}
		alice := &holder{p.logsIn("alice", "alice@people.example")}
		alice.awaitsToBeFound()
		if r := alice.do("POST", "/account/deactivate", map[string]any{"auth": alice.auth()}); r.text("id_server_unbind_result") != "success" || alice.found() {
			p.Errorf("the end: %+v; she is found: %v", r, alice.found())
		}
	})
}

// logsIn is somebody with an account, who has one at the identity server, too.
func (p *pair) logsIn(name, address string) *person {
	p.Helper()
	login := p.hs.call("POST", clientV3+"/login", "", map[string]any{"type": "m.login.password", "password": holderPassword,
		"identifier": map[string]any{"type": "m.id.user", "user": name}})
	openID := p.hs.call("POST", clientV3+"/user/"+login.text("user_id")+"/openid/request_token", login.text("access_token"), map[string]any{})
	registered := p.id.call("POST", v2+"/account/register", "", openID.body)
	if !registered.ok() {
		p.Fatalf("logging in: %+v, %+v", login, registered)
	}
	return &person{pair: p, user: login.text("user_id"), access: login.text("access_token"), token: registered.text("token"), address: address}
}

// awaitsToBeFound waits until the homeserver has had them found.
func (a *person) awaitsToBeFound() {
	a.Helper()
	if !comes(a.found) {
		a.Fatalf("%s is not found\n%s", a.user, a.hs.output.String())
	}
}

// Somebody whose client knows none of the stages passes them in a real browser, on the pages of
// the homeserver: the picture and the sound come from the identity server. They tick the box to
// be found.
func TestASignUpInTheBrowser(t *testing.T) {
	chromium := os.Getenv("SIGNET_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("SIGNET_TEST_CHROMIUM names no browser")
	}
	onEachLimited(t, func(p *pair, _ *process) {
		begun := p.hs.call("POST", clientV3+"/register", "", map[string]any{})
		session := begun.text("session")
		page := func(stage string) string {
			return p.hs.url + clientV3 + "/auth/" + stage + "/fallback/web?session=" + session
		}
		b := openBrowser(p.T, chromium)
		b.open(page("im.signet.captcha"))
		b.holds(`document.querySelector("img").decode().then(() => document.querySelector("img").naturalWidth === 240)`)
		b.holds(`new Promise(done => { const a = document.querySelector("audio"); a.onloadedmetadata = () => done(a.duration > 1); a.onerror = () => done(false); a.load() })`)
		b.picture("sign-up-captcha.png")
		b.types("answer", "000000"+kb.Enter)
		b.says("These were not the digits.")
		b.holds(`document.querySelector("img").decode().then(() => true)`)
		parts := strings.Split(b.evaluate(`document.querySelector("img").src`), "/")
		b.types("answer", p.digits(parts[len(parts)-2])+kb.Enter)
		b.reads("Done")
		b.open(page("m.login.email.identity"))
		b.clicks("#found")
		b.picture("sign-up-address.png")
		b.types("address", "alice@example.org"+kb.Enter)
		b.says("alice@example.org")
		b.picture("sign-up-code.png")
		b.types("code", p.code("alice@example.org")+kb.Enter)
		b.reads("Done")
		made := p.hs.call("POST", clientV3+"/register", "", map[string]any{"username": "alice", "password": "correct horse battery", "auth": map[string]any{"session": session}})
		if made.text("user_id") == "" {
			p.Errorf("the account = %+v", made)
		}
		p.logsIn("alice", "alice@example.org").awaitsToBeFound()
	})
}

// holds checks a promise of the page.
func (b *browser) holds(promise string) {
	b.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](promise, func(e *runtime.EvaluateParams) { e.AwaitPromise = new(true) }))
	if err != nil || !got {
		b.Errorf("%s = %v, %v", promise, got, err)
	}
}

// evaluate reads a text of the page.
func (b *browser) evaluate(expression string) string {
	b.Helper()
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	b.must(err)
	return got
}

// onEachLimited tells the story at servers with their limits, where the pair's homeserver is the
// operator's own, beside a stranger's.
func onEachLimited(t *testing.T, tell func(p *pair, stranger *process)) {
	onEach(t, func(t *testing.T, e engine) {
		p := newPairWith(t, e, func(homeserver string) (string, string) {
			return "homeservers: {\"" + homeserver + "\": own}\n", "behind_proxy: [127.0.0.1]\n"
		})
		clients, federation := freePort(t), freePort(t)
		_, identity, _ := strings.Cut(strings.TrimPrefix(p.id.url, "http://"), ":")
		write(t, filepath.Join(p.hs.dir, "other.yaml"), homeserverConfig(e.homeserver(t), federation, clients, identity)+"key_file: other.kek\nbehind_proxy: [127.0.0.1]\n")
		stranger := &process{T: t, dir: p.hs.dir, program: "homeserver", config: "other.yaml", url: "http://localhost:" + clients}
		stranger.start()
		tell(p, stranger)
	})
}
