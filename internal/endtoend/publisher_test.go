package endtoend

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/proof"
	"signet/keys/value"
)

const directory = "/_signet/v1/keys"

// trust is what a client knows of the key directory from the beginning.
func (p *pair) trust() proof.Config {
	p.Helper()
	r := p.id.call("GET", directory+"/config", "", nil)
	text, err := json.Marshal(r.body)
	if err != nil || !r.ok() {
		p.Fatalf("the trust root: %+v, %v", r, err)
	}
	c, err := proof.ParseConfig(text)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// verifier looks labels up and believes nothing that it has not verified.
type verifier struct {
	*pair
	policy proof.Policy
	token  string
	head   tlog.Tree // that was seen last
}

func (p *pair) verifier(c proof.Config, token string) *verifier {
	p.Helper()
	policy, err := c.Policy()
	if err != nil {
		p.Fatal(err)
	}
	return &verifier{pair: p, policy: policy, token: token}
}

// lookup is the newest version of a label, which is no older than the one that was seen.
func (v *verifier) lookup(label string, seen *uint32) proof.Result {
	v.Helper()
	r := v.id.call("POST", directory+"/lookup", v.token, map[string]any{"label": label, "last_size": v.head.N})
	text, err := json.Marshal(r.body)
	if err != nil || !r.ok() {
		v.Fatalf("looking %s up: %+v, %v", label, r, err)
	}
	found, err := proof.Parse(text)
	if err != nil {
		v.Fatal(err)
	}
	asked := proof.Asked{Label: label, Version: seen}
	if v.head.N > 0 {
		asked.Head = &v.head
	}
	result, err := proof.Verify(found, asked, v.policy, time.Now())
	if err != nil {
		v.Fatalf("the proof about %s: %v", label, err)
	}
	v.head = result.Head
	return result
}

// await looks a label up until what is found is what is waited for; another process seals it.
func (v *verifier) await(label string, is func(proof.Result) bool) (r proof.Result) {
	v.Helper()
	comes(func() bool { r = v.lookup(label, nil); return is(r) })
	return r
}

// publisher is somebody who publishes keys, each signed by the one before, and remembers
// what the server has said of them.
type publisher struct {
	*person
	reader      *verifier
	sent, acked int64            // versions; -1: none
	value       map[string]any   // the one of sent
	hash        string           // of the one of acked
	hashes      map[int64]string // of those that were answered, which must stay
}

func (p *pair) publisher(name string, c proof.Config) *publisher {
	p.Helper()
	a := p.join(name)
	return &publisher{person: a, reader: p.verifier(c, a.token), sent: -1, acked: -1, hashes: map[int64]string{}}
}

func (a *publisher) label() string { return "mxid:" + a.user }

func (a *publisher) key(version int64) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s %d", a.user, version))
	return ed25519.NewKeyFromSeed(seed[:])
}

// next makes the version after the newest that the server has answered.
func (a *publisher) next() {
	encode := base64.RawStdEncoding.EncodeToString
	a.sent = a.acked + 1
	key := a.key(a.sent)
	v := map[string]any{"type": "im.signet.keys.user.v1", "label": a.label(), "version": a.sent, "mxid": a.user, "not_before": time.Now().UnixMilli(),
		"keys": map[string]string{"ed25519:master": encode(key.Public().(ed25519.PublicKey))}}
	if a.acked >= 0 {
		v["prev"] = a.hash
	}
	signed, err := json.Marshal(v) // canonical: integers and ASCII alone
	if err != nil {
		panic(err)
	}
	signatures := map[string]any{"self": map[string]string{"ed25519:master": encode(ed25519.Sign(key, signed))}}
	if a.acked >= 0 {
		signatures["prev"] = map[string]string{"ed25519:master": encode(ed25519.Sign(a.key(a.acked), signed))}
	}
	v["signatures"], a.value = signatures, v
}

// publish sends the version, and believes the answer.
func (a *publisher) publish(wait bool) reply {
	r := a.id.call("POST", directory+"/publish", a.token, map[string]any{"value": a.value, "wait": wait})
	switch {
	case r.failed != nil:
	case r.status == http.StatusAccepted:
		a.answered(r.text("sha256"))
	case r.status == http.StatusOK:
		a.answered(a.hashOf(r.body["value"]))
	}
	return r
}

func (a *publisher) answered(hash string) { a.acked, a.hash, a.hashes[a.sent] = a.sent, hash, hash }

// hashOf is how the next version names a value.
func (p *pair) hashOf(object any) string {
	text, err := json.Marshal(object)
	if err == nil {
		text, err = value.Canonical(text)
	}
	u, parseErr := value.ParseUser(text)
	if err := errors.Join(err, parseErr); err != nil {
		p.Errorf("the proof has %v: %v", object, err)
		return ""
	}
	return u.Hash()
}

// live publishes, and sometimes waits for the proof, until the server stops answering.
func (a *publisher) live() {
	for n := 0; ; n++ {
		a.next()
		if r := a.publish(n%4 == 0); r.failed != nil {
			return
		} else if r.status >= 400 {
			a.Errorf("publishing version %d of %s: %+v", a.sent, a.label(), r)
			return
		}
	}
}

// check holds the log to all that the server has said. What it has not answered may have been
// written or not, and is sent again; the answer does not wait long for the log.
func (a *publisher) check() {
	a.Helper()
	if a.sent < 0 {
		return
	}
	if a.sent > a.acked {
		if r := a.publish(true); r.failed != nil || !slices.Contains([]int{http.StatusOK, http.StatusAccepted, http.StatusConflict}, r.status) {
			a.Errorf("publishing version %d of %s again: %+v", a.sent, a.label(), r)
		}
	}
	found := a.reader.await(a.label(), func(r proof.Result) bool { return r.Present && int64(r.Version) == a.sent })
	u, is := found.Value.(*value.User)
	if !is || int64(found.Version) != a.sent || found.Reset {
		a.Fatalf("of %s version %d was answered and %d sent; found: %+v", a.label(), a.acked, a.sent, found)
	}
	if a.sent == a.acked && u.Hash() != a.hash {
		a.Errorf("version %d of %s is another than was answered", a.acked, a.label())
	}
	a.answered(u.Hash())
}

// checkAll holds the whole history of the label to what was said.
func (a *publisher) checkAll() {
	a.Helper()
	pages := proof.NewPages(proof.Asked{Label: a.label()}, a.reader.policy)
	for !pages.Whole() {
		r := a.id.call("POST", directory+"/history", a.token, map[string]any{"label": a.label(), "from": pages.Asked().From, "last_size": pages.LastSize()})
		text, err := json.Marshal(r.body)
		if err != nil || !r.ok() {
			a.Fatalf("the history of %s: %+v, %v", a.label(), r, err)
		}
		history, err := proof.ParseHistory(text)
		if err != nil {
			a.Fatal(err)
		}
		if _, err := pages.Add(history, time.Now()); err != nil {
			a.Fatalf("the history of %s: %v", a.label(), err)
		}
	}
	past := pages.Past()
	for version, hash := range a.hashes {
		if u, is := past.Values[version].(*value.User); !is || u.Hash() != hash {
			a.Errorf("version %d of %s was answered and is not in its history", version, a.label())
		}
	}
}
