package endtoend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/internal/freeport"
)

// process is a program of ours that tests start and kill.
type process struct {
	*testing.T
	dir      string
	program  string
	config   string // the name of its file; empty is the program's
	url      string
	database string // its URL
	cmd      *exec.Cmd
	output   output
}

// output is what a program has said until now.
type output struct {
	mu   sync.Mutex // guards said
	said bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(b)
}

// Reset forgets it.
func (o *output) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said.Reset()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.String()
}

// patience is how long is waited for what another process does. That is for what hangs: the
// machine may be slow, and work that a killed process had begun rests for a minute or two.
const patience = 5 * time.Minute

// comes waits until something is so; false if patience ends.
func comes(is func() bool) bool {
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) { // another process has no signal to give
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// pair is an identity server and a homeserver in development mode, in a folder of
// their own.
type pair struct {
	*testing.T
	id, hs     *process
	federation string    // the homeserver's name
	entered    *sync.Map // codes, with the address before them
}

func newPair(t *testing.T, e engine) *pair {
	t.Helper()
	return newPairWith(t, e, func(string) (string, string) {
		return "limits: {dry_run: true}\n", "" // tests ask for more messages than people do
	})
}

// newPairWith is newPair whose programs are told more, of the homeserver by its name.
func newPairWith(t *testing.T, e engine, more func(homeserver string) (id, hs string)) *pair {
	t.Helper()
	dir := t.TempDir()
	id, hs, federation := freePort(t), freePort(t), freePort(t)
	moreID, moreHS := more("localhost:" + federation)
	p := &pair{
		T:          t,
		id:         &process{T: t, dir: dir, program: "idserver", url: "http://localhost:" + id, database: e.idserver(t)},
		hs:         &process{T: t, dir: dir, program: "homeserver", url: "http://localhost:" + hs, database: e.homeserver(t)},
		federation: "localhost:" + federation,
		entered:    new(sync.Map),
	}
	write(t, filepath.Join(dir, "idserver.yaml"), fmt.Sprintf(commonConfig, p.id.database, id, id, id)+moreID)
	write(t, filepath.Join(dir, "homeserver.yaml"), homeserverConfig(p.hs.database, federation, hs, id)+moreHS)
	p.id.start()
	p.hs.start()
	return p
}

// commonConfig is what both programs are told: a database, and ports.
const commonConfig = "development: true\nmetrics_listen: \"\"\ndatabase: %s\nserver_name: localhost:%s\nlisten: 127.0.0.1:%s\npublic_url: http://localhost:%s\n"

// homeserverConfig is for a homeserver beside an identity server, by their ports.
func homeserverConfig(database, federation, clients, identity string) string {
	return fmt.Sprintf(commonConfig, database, federation, clients, clients) +
		fmt.Sprintf("federation: {listen: \"127.0.0.1:%s\"}\nidentity_server: http://localhost:%s\n", federation, identity)
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the program and waits until it is ready.
func (p *process) start() {
	p.Helper()
	config := p.program + ".yaml"
	if p.config != "" {
		config = p.config
	}
	p.cmd = exec.Command(filepath.Join(bin, p.program), "--config", config)
	p.cmd.Dir = p.dir
	p.cmd.Stderr = &p.output
	if err := p.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	running := p.cmd
	p.Cleanup(func() {
		_ = running.Process.Kill()
		_ = running.Wait()
	})
	if !comes(func() bool { return answers(p.Context(), p.url+"/readyz") }) {
		p.Fatalf("%s is not ready:\n%s", p.program, p.output.String())
	}
}

// ended tells whether the program is gone.
func (p *process) ended() bool { return p.cmd.ProcessState != nil }

// end sends a signal and waits for the end.
func (p *process) end(signal os.Signal) error {
	p.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.Fatal(err)
	}
	return p.cmd.Wait()
}

// reply is an answer of either program; failed tells that none came.
type reply struct {
	status int
	body   map[string]any
	failed error
}

func (r reply) ok() bool                  { return r.failed == nil && r.status == http.StatusOK }
func (r reply) text(member string) string { s, _ := r.body[member].(string); return s }

// call sends JSON, or nothing for a nil body.
func (p *process) call(method, path, token string, body map[string]any) reply {
	return p.callFrom("", method, path, token, body)
}

// callFrom is call by a proxy, for a client at that IP address; empty: by nobody's.
func (p *process) callFrom(ip, method, path, token string, body map[string]any) reply {
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{failed: err}
		}
		reader = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, p.url+path, reader)
	if err != nil {
		return reply{failed: err}
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if ip != "" {
		r.Header.Set("X-Forwarded-For", ip)
	}
	response, err := client.Do(r)
	if err != nil {
		return reply{failed: err}
	}
	defer response.Body.Close()
	answer := reply{status: response.StatusCode}
	answer.failed = json.NewDecoder(response.Body).Decode(&answer.body)
	return answer
}

// newestMail reads the development mailbox from disk, as a person reads its page, and
// returns the text of the newest message to the address that has a code: notices of what
// became of the address may have come since.
func (p *pair) newestMail(address string) (text string) {
	p.Helper()
	return p.newestMailWith(codePattern, address)
}

// newestMailWith is newestMail for one that has something else; empty if there is none.
func (p *pair) newestMailWith(pattern *regexp.Regexp, address string) (text string) {
	p.Helper()
	return p.newest(address, func(text string) string {
		if !pattern.MatchString(text) {
			return ""
		}
		return text
	})
}

// newest is what is picked from the newest message to an address from which anything is.
func (p *pair) newest(address string, pick func(text string) string) (picked string) {
	p.Helper()
	files, err := filepath.Glob(filepath.Join(p.id.dir, "signet-data", "mailbox", "*.json"))
	if err != nil {
		p.Fatal(err)
	}
	var newest time.Time
	for _, file := range files {
		stored, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the mailbox keeps the newest only
		}
		if err != nil {
			p.Fatal(err)
		}
		var m struct {
			To, Text string
			At       time.Time
		}
		if err := json.Unmarshal(stored, &m); err != nil {
			p.Fatal(err)
		}
		if m.To != address || !m.At.After(newest) {
			continue
		}
		if part := pick(m.Text); part != "" {
			picked, newest = part, m.At
		}
	}
	return picked
}

func (p *pair) newestCode(address string) string {
	p.Helper()
	return strings.ReplaceAll(codePattern.FindString(p.newestMail(address)), " ", "")
}

// code waits for a code that the address has not entered yet: whoever asks for one is answered
// after some seconds also where the message is still on its way.
func (p *pair) code(address string) (code string) {
	p.Helper()
	return p.codeLike(codePattern, address)
}

// codeLike is code for one that looks otherwise.
func (p *pair) codeLike(pattern *regexp.Regexp, address string) (code string) {
	p.Helper()
	fresh := func(text string) string {
		code := strings.ReplaceAll(pattern.FindString(text), " ", "")
		if _, entered := p.entered.Load(address + code); entered {
			return ""
		}
		return code
	}
	if !comes(func() bool { code = p.newest(address, fresh); return code != "" }) {
		p.Fatalf("no code comes to %s\n%s\n%s", address, p.hs.output.String(), p.id.output.String())
	}
	p.entered.Store(address+code, true)
	return code
}
