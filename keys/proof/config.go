package proof

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/logkeys"
	"signet/keys/value"
	"signet/keys/vrf"
)

// MaxConfig is the length of the longest Config in octets of JSON. It has at most maxKeys keys
// for values, which are never taken from it, as many that are revoked, and at most maxListed of
// anything else.
const (
	MaxConfig  = 256 << 10
	maxKeys    = 1024
	maxListed  = 64
	maxConfigs = 24 << 10 // octets of the CONFIGs of each of two logs
)

// Config is what GET config answers of a key directory. Kept as a file, it is the trust root
// of who verifies: who first takes it from the server trusts the server for once.
type Config struct {
	Server  matrix.ServerName     `json:"server_name"`
	Users   LogConfig             `json:"users"`
	Servers LogConfig             `json:"servers,omitzero"`
	VRF     Hash                  `json:"vrf_public_key"` // of the log of users
	Keys    map[matrix.KeyID]Hash `json:"keys"`           // by which the server signs values, or did
	// Revoked are former keys of Keys that somebody else may have.
	Revoked map[matrix.KeyID]RevokedKey `json:"revoked_keys,omitzero"`
	// Witnesses are verifier keys (C2SP tlog-cosignature), of which Needed have to have
	// signed. It is for who verifies to decide whom they trust.
	Witnesses []string `json:"witnesses,omitzero"`
	Needed    int      `json:"witnesses_needed,omitzero"`
}

// RevokedKey is a key that is believed for what the log of users had when it was revoked: who
// has stolen it can put nothing into the log's past.
type RevokedKey struct {
	Key    Hash  `json:"key"`
	Before int64 `json:"before"` // the position from which on nothing of it is believed
}

// LogConfig is of one log.
type LogConfig struct {
	Origin string   `json:"origin"`
	VKeys  []string `json:"vkeys"` // verifier keys (C2SP signed-note), which have the origin's name
	// Configs are the newest CONFIGs of the log in their order, by which Follow finds from one
	// key to the next.
	Configs []jsontext.Value `json:"configs,omitzero"`
}

// NewLogConfig is of a log that has these CONFIGs, one at least. It lists the newest that have
// room.
func NewLogConfig(configs []logkeys.Config) LogConfig {
	newest := configs[len(configs)-1]
	l := LogConfig{Origin: newest.Origin, VKeys: slices.Clone(newest.VKeys)}
	size := 0
	for _, c := range slices.Backward(configs) {
		if size += len(c.JSON()); size > maxConfigs || len(l.Configs) == maxListed {
			break
		}
		l.Configs = append(l.Configs, jsontext.Value(c.JSON()))
	}
	slices.Reverse(l.Configs)
	return l
}

// ParseConfig reads a Config, as strictly as Parse. The error is ErrProof. What is in it,
// Policy checks.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := unmarshal(b, MaxConfig, &c); err != nil {
		return Config{}, err
	}
	listed := max(len(c.Users.VKeys), len(c.Servers.VKeys), len(c.Users.Configs), len(c.Servers.Configs), len(c.Witnesses))
	if keys := max(len(c.Keys), len(c.Revoked)); listed > maxListed || keys > maxKeys {
		return Config{}, malformed("it lists %d keys for values and %d of something else, more than %d and %d", keys, listed, maxKeys, maxListed)
	}
	return c, nil
}

// Policy is the policy for the log of users. The error is ErrPolicy.
func (c Config) Policy() (p Policy, err error) {
	p = Policy{Origin: c.Users.Origin, Needed: c.Needed, ServerKeys: value.ServerKeys{}}
	if p.Server, err = matrix.ParseServerName(c.Server.String()); err != nil || p.Server != c.Server {
		return Policy{}, fmt.Errorf("%w: server name %.80q", ErrPolicy, c.Server)
	}
	if p.LogKeys, err = c.Users.verifiers(); err != nil {
		return Policy{}, err
	}
	if p.VRF, err = vrf.ParsePublicKey(c.VRF[:]); err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	for id, key := range c.Keys {
		if err := value.CheckServerKey(id, key[:]); err != nil {
			return Policy{}, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		p.ServerKeys[id] = ed25519.PublicKey(slices.Clone(key[:]))
	}
	if p.Revoked, err = c.revoked(); err != nil {
		return Policy{}, err
	}
	for _, vkey := range c.Witnesses {
		w, err := cosignature.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			return Policy{}, fmt.Errorf("%w: witness %.80q: %w", ErrPolicy, vkey, err)
		}
		p.Witnesses = append(p.Witnesses, w)
	}
	return p.whole()
}

// revoked are the revoked keys, none of which may be believed without a place.
func (c Config) revoked() (map[matrix.KeyID]Revoked, error) {
	all := map[matrix.KeyID]Revoked{}
	for id, r := range c.Revoked {
		if err := value.CheckServerKey(id, r.Key[:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		if _, believed := c.Keys[id]; believed || r.Before < 0 {
			return nil, fmt.Errorf("%w: key %s is revoked before %d, and believed: %t", ErrPolicy, id, r.Before, believed)
		}
		all[id] = Revoked{Public: slices.Clone(r.Key[:]), Before: r.Before}
	}
	return all, nil
}

// verifiers are the log's keys.
func (c LogConfig) verifiers() ([]note.Verifier, error) {
	var keys []note.Verifier
	for _, vkey := range c.VKeys {
		k, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%w: log key %.80q: %w", ErrPolicy, vkey, err)
		}
		if k.Name() != c.Origin {
			return nil, fmt.Errorf("%w: log key %.80q is not of %s", ErrPolicy, vkey, c.Origin)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
