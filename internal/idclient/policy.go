package idclient

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Policy is whom an identity server turns away, as of a moment.
type Policy struct {
	Server matrix.ServerName
	At     time.Time
	Rules  []PolicyRule
	Signed jsontext.Value // all of it, as the identity server has signed it
}

// PolicyRule is a rule about servers (client-server API, "Moderation policy lists") that bans.
type PolicyRule struct {
	Entity   string    // a glob, which counts with any port
	Reason   string    // empty where none is told
	Until    time.Time // zero: no end
	Position int64     // of its entry in the identity server's log of servers; 0: not there yet
}

const (
	maxPolicy      = 8 << 20 // octets
	maxPolicyRules = 50_000
	maxEntity      = 255
)

// Policy reads whom an identity server turns away, and checks that it has signed that.
func (c *Client) Policy(ctx context.Context, at Server) (Policy, error) {
	answer, err := c.public(ctx, at, ours+"/policy", maxPolicy)
	if err != nil {
		return Policy{}, err
	}
	p, err := ParsePolicy(answer.Body)
	if err == nil {
		err = c.checkSigned(ctx, at, p.Signed)
	}
	if err != nil {
		return Policy{}, fmt.Errorf("the policy of %q: %w", at.Name, err)
	}
	return p, nil
}

// ParsePolicy reads a policy whose signature was checked before. What does not ban, or bans
// nobody that can be told, is left out. The error is fedclient.ErrBadAnswer.
func ParsePolicy(signed []byte) (Policy, error) {
	var said struct {
		ServerName matrix.ServerName `json:"server_name"`
		TS         int64             `json:"origin_server_ts"`
		Rules      []struct {
			Entity         string `json:"entity"`
			Recommendation string `json:"recommendation"`
			Reason         string `json:"reason"`
			ExpiresTS      int64  `json:"expires_ts"`
			Position       int64  `json:"position"`
		} `json:"rules"`
	}
	if json.Unmarshal(signed, &said) != nil || said.ServerName == "" || said.TS <= 0 || said.Rules == nil || len(said.Rules) > maxPolicyRules {
		return Policy{}, fmt.Errorf("%w: not a policy", fedclient.ErrBadAnswer)
	}
	p := Policy{Server: said.ServerName, At: time.UnixMilli(said.TS), Signed: signed}
	for _, r := range said.Rules {
		if r.Recommendation != "m.ban" || r.Entity == "" || len(r.Entity) > maxEntity {
			continue
		}
		rule := PolicyRule{Entity: r.Entity, Reason: r.Reason, Position: max(r.Position, 0)}
		if r.ExpiresTS > 0 {
			rule.Until = time.UnixMilli(r.ExpiresTS)
		}
		p.Rules = append(p.Rules, rule)
	}
	return p, nil
}

// checkSigned checks that an identity server has signed an object by a key that it publishes
// now.
func (c *Client) checkSigned(ctx context.Context, at Server, object []byte) error {
	var signed struct {
		Signatures map[matrix.ServerName]map[matrix.KeyID]string `json:"signatures"`
	}
	if err := json.Unmarshal(object, &signed); err != nil {
		return fmt.Errorf("%w: not signed", fedclient.ErrBadAnswer)
	}
	ids := make([]matrix.KeyID, 0, len(signed.Signatures[at.Name]))
	for id := range signed.Signatures[at.Name] {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids[:min(len(ids), 4)] {
		key, err := c.publicKey(ctx, at, id)
		if err != nil {
			return err
		}
		if matrix.Verify(at.Name, id, key, object) == nil {
			return nil
		}
	}
	return matrix.ErrSignature
}

// publicKey is a key by which an identity server signs.
func (c *Client) publicKey(ctx context.Context, at Server, id matrix.KeyID) (ed25519.PublicKey, error) {
	answer, err := c.public(ctx, at, v2+"/pubkey/"+url.PathEscape(string(id)), 0)
	if err != nil {
		return nil, err
	}
	var said struct {
		PublicKey string `json:"public_key"`
	}
	if err := answer.Decode(&said); err != nil {
		return nil, err
	}
	return ParseKey(said.PublicKey)
}

// public is the answer to a question that anybody may ask; most is its length in octets, 0
// for what is usual.
func (c *Client) public(ctx context.Context, at Server, path string, most int64) (fedclient.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	answer, err := c.Federation.Do(ctx, fedclient.Request{Server: at.Name, Web: at.URL, Method: http.MethodGet, Path: path, MaxBytes: most})
	if err == nil && answer.Status != http.StatusOK {
		err = answer.Refusal()
	}
	if err != nil {
		return fedclient.Response{}, fmt.Errorf("asking the identity server %q: %w", at.Name, err)
	}
	return answer, nil
}
