//go:build unix

package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/matrix"
	"signet/keys/proof"
	"signet/keys/value"
)

// says writes whether the user's keys are to be published, as any client can.
func (m *attendee) says(publish bool) {
	m.Helper()
	m.do("PUT", "/user/"+m.user+"/account_data/im.signet.publish_keys", map[string]any{"publish": publish})
}

// signs uploads cross-signing keys.
func (m *attendee) signs(who e2eetest.Identity) {
	m.Helper()
	m.do("POST", "/keys/device_signing/upload", map[string]any{
		"master_key": plain(m, who.MasterKey()), "self_signing_key": plain(m, who.SelfSigningKey()), "user_signing_key": plain(m, who.UserSigningKey())})
}

func plain(m *attendee, object jsontext.Value) (members map[string]any) {
	m.Helper()
	if err := json.Unmarshal(object, &members); err != nil {
		m.Fatal(err)
	}
	return members
}

// checks looks somebody's keys up at the own homeserver.
func (m *attendee) checks(user string) reply {
	return m.hs.call("GET", "/_signet/client/v1/keys/"+user, m.access, nil)
}

// awaitsState waits until the user is shown that state of their own keys.
func (m *attendee) awaitsState(states ...string) {
	m.Helper()
	var r reply
	if !comes(func() bool { r = m.checks("directory"); return r.ok() && slices.Contains(states, r.text("state")) }) {
		m.Fatalf("%s is shown %+v, not %q\n%s", m.user, r, states, m.hs.output.String())
	}
}

// isTold waits until a look-up ends in an errcode.
func (m *attendee) isTold(errcode, user string) {
	m.Helper()
	var r reply
	if !comes(func() bool { r = m.checks(user); return r.status == 502 && r.text("errcode") == errcode }) {
		m.Fatalf("%s is told %+v, not %s\n%s", m.user, r, errcode, m.hs.output.String())
	}
}

// verifies holds what a homeserver has answered against a trust root that is not of it.
func (m *attendee) verifies(answer reply, root proof.Config) {
	m.Helper()
	text, err := json.Marshal(answer.body["lookup"])
	if err != nil {
		m.Fatal(err)
	}
	lookup, err := proof.Parse(text)
	if err != nil {
		m.Fatalf("%v in %+v", err, answer)
	}
	policy, err := root.Policy()
	if err != nil {
		m.Fatal(err)
	}
	if _, err := proof.Verify(lookup, proof.Asked{Label: "mxid:" + answer.text("user_id")}, policy, time.Now()); err != nil {
		m.Errorf("the proof does not hold: %v", err)
	}
}

// The identity server's operator rotates the key by which it signs values, of which nobody is told.
// Alice agrees to be published, and uploads keys, while the identity server does not answer; both
// servers are killed. Then her keys stand in the directory, and carol, whose homeserver has them
// from alice's, has the proof of it. Alice changes her mind, and they are erased. In the end
// somebody else's directory stands in the place of the one that was known: nothing of it is believed.
func TestCrossSigningKeysInTheDirectory(t *testing.T) {
	onEachTrio(t, func(p *trio) {
		alice, carol := p.attendee(p.hs, "alice"), p.attendee(p.other, "carol")
		root := p.trust()
		if r := carol.checks("@nobody:" + p.federation); !r.ok() || r.text("state") != "none" {
			p.Fatalf("nobody is %+v\n%s", r, p.other.output.String())
		}
		p.rotates()
		if err := p.id.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			p.Fatal(err)
		}
		alice.says(true)
		who := e2eetest.NewIdentity(matrix.UserID(alice.user), 1)
		alice.signs(who)
		alice.awaitsState("waiting")
		_ = p.hs.end(syscall.SIGKILL)
		_ = p.id.end(syscall.SIGKILL)
		p.id.start()
		p.hs.start()
		alice.awaitsState("promised", "published")
		root = p.follows(root)
		reader := p.verifier(root, carol.token)
		found := reader.await("mxid:"+alice.user, func(r proof.Result) bool { return r.Present })
		keys, is := found.Value.(*value.User)
		if !is || matrix.EncodeBase64(keys.Keys[value.Master]) != e2eetest.Name(who.Master) || keys.Auth.How != value.ByHomeserver {
			p.Fatalf("what stands there is %+v", found)
		}
		r := carol.checks(alice.user)
		if !r.ok() || r.text("state") != "same" {
			p.Fatalf("carol is told %+v\n%s", r, p.other.output.String())
		}
		carol.verifies(r, root)
		asked := carol.do("POST", "/keys/query", map[string]any{"device_keys": map[string]any{alice.user: []string{}}})
		master, _ := asked.body["master_keys"].(map[string]any)[alice.user].(map[string]any)
		if unsigned, _ := master["unsigned"].(map[string]any); unsigned["im.signet.keys"] == nil {
			p.Errorf("the keys come with %v", unsigned)
		}

		alice.says(false)
		alice.awaitsState("none")
		p.awaitsVersion(reader, "mxid:"+alice.user, 1)
		gone := reader.lookup("mxid:"+alice.user, &found.Version)
		if _, is := gone.Value.(*value.Tombstone); !is {
			p.Errorf("after she changed her mind %+v stands there", gone.Value)
		}
		_ = p.other.end(syscall.SIGKILL)
		p.usurp()
		p.other.start()
		carol.isTold("IM.SIGNET.PROOF_FAILED", "@somebody:"+p.federation)
		// Who is refused may be told a moment before the operators are.
		if !comes(func() bool { return strings.Contains(p.other.output.String(), "ALARM") }) {
			p.Fatalf("the operators are not told:\n%s", p.other.output.String())
		}
	})
}

// rotates runs "idserver keys rotate" beside the server.
func (p *trio) rotates() {
	p.Helper()
	command := exec.Command(filepath.Join(bin, "idserver"), "--config", "idserver.yaml", "keys", "rotate")
	command.Dir = p.id.dir
	if out, err := command.CombinedOutput(); err != nil {
		p.Fatalf("keys rotate: %v\n%s", err, out)
	}
}

// follows waits until the log has vouched for a new key by which values are signed.
func (p *trio) follows(kept proof.Config) (now proof.Config) {
	p.Helper()
	vouched := func() bool {
		var err error
		if now, err = kept.Follow(p.trust()); err != nil {
			p.Fatal(err)
		}
		return len(now.Keys) > len(kept.Keys)
	}
	if !comes(vouched) {
		p.Fatalf("the log vouches for no new key\n%s", p.id.output.String())
	}
	return now
}

// awaitsVersion waits until a label has that version in the log: after an erasure nothing can be
// verified until then.
func (p *trio) awaitsVersion(v *verifier, label string, version float64) {
	p.Helper()
	has := func() bool {
		r := p.id.call("POST", directory+"/lookup", v.token, map[string]any{"label": label, "last_size": v.head.N})
		return r.ok() && r.body["version"] == version
	}
	if !comes(has) {
		p.Fatalf("%s has no version %v\n%s\n%s", label, version, p.hs.output.String(), p.id.output.String())
	}
}

// usurp has another identity server answer in the place of the first, with a directory of its own.
func (p *trio) usurp() {
	p.Helper()
	_ = p.id.end(syscall.SIGKILL)
	database := engineOf(p.id.database).idserver(p)
	port := p.id.url[strings.LastIndex(p.id.url, ":")+1:]
	write(p.T, filepath.Join(p.id.dir, "usurper.yaml"), fmt.Sprintf(commonConfig, database, port, port, port)+"data_dir: usurper\n")
	if err := os.Mkdir(filepath.Join(p.id.dir, "usurper"), 0o700); err != nil {
		p.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "ca-key.pem"} { // by which it reaches the homeservers
		text, err := os.ReadFile(filepath.Join(p.id.dir, "signet-data", name))
		if err != nil {
			p.Fatal(err)
		}
		write(p.T, filepath.Join(p.id.dir, "usurper", name), string(text))
	}
	(&process{T: p.T, dir: p.id.dir, program: "idserver", config: "usurper.yaml", url: p.id.url}).start()
}
