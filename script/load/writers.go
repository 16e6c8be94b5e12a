package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// versions is how many an account publishes at most, one after the other.
const versions = 10

// publications is how many there may be in all runs.
func (s settings) publications() int { return s.count * int(fastest*s.duration.Seconds()) }

// writer is a person who publishes a key, again and again.
type writer struct {
	person
	key     ed25519.PrivateKey
	version int
	prev    string // hash of the value before
}

func newWriters(people []person) []*writer {
	all := make([]*writer, len(people))
	for i, p := range people {
		seed := sha256.Sum256([]byte(p.user))
		all[i] = &writer{person: p, key: ed25519.NewKeyFromSeed(seed[:])}
	}
	return all
}

// publications are of one writer after the other: none makes two requests at the same time.
func (d *keyDirectory) publications(wait bool) source {
	var turn atomic.Int64
	return func() (exchange, bool) {
		n := int(turn.Add(1))
		w := d.writers[n%len(d.writers)]
		body, err := json.Marshal(publication{Value: w.draft(), Wait: wait})
		if err != nil {
			return exchange{take: func(answer) error { return err }}, true
		}
		by := caller{token: w.token, client: network(n)}
		return exchange{request: post(keysPath+"/publish", by, string(body)), take: w.published}, true
	}
}

type publication struct {
	Value draft `json:"value"`
	Wait  bool  `json:"wait"`
}

// draft is a value as a client sends it, its members in canonical order.
type draft struct {
	Keys       map[string]string            `json:"keys"`
	Label      string                       `json:"label"`
	MXID       string                       `json:"mxid"`
	NotBefore  int64                        `json:"not_before"`
	Prev       string                       `json:"prev,omitempty"`
	Signatures map[string]map[string]string `json:"signatures,omitempty"`
	Type       string                       `json:"type"`
	Version    int                          `json:"version"`
}

// draft is the next value of a writer.
func (w *writer) draft() draft {
	const id = "ed25519:master"
	d := draft{
		Keys:      map[string]string{id: base64.RawStdEncoding.EncodeToString(w.key.Public().(ed25519.PublicKey))},
		Label:     "mxid:" + w.user,
		MXID:      w.user,
		NotBefore: time.Now().UnixMilli(),
		Prev:      w.prev,
		Type:      "im.signet.keys.user.v1",
		Version:   w.version,
	}
	object, _ := json.Marshal(d) // of strings and numbers, which cannot fail
	signature := map[string]string{id: base64.RawStdEncoding.EncodeToString(ed25519.Sign(w.key, object))}
	d.Signatures = map[string]map[string]string{"self": signature}
	if w.version > 0 {
		d.Signatures["prev"] = signature
	}
	return d
}

// published takes the ticket, or the proof.
func (w *writer) published(a answer) error {
	var got struct {
		SHA256 string          `json:"sha256"`
		Value  json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(a.body, &got); err != nil || got.SHA256 == "" && got.Value == nil {
		return a.hoped(http.StatusAccepted)
	}
	if w.prev = got.SHA256; w.prev == "" {
		sum := sha256.Sum256(got.Value)
		w.prev = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	w.version++
	return nil
}
