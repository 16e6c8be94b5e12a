package logkeys

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/value"
)

// How many keys a CONFIG names at most: of the log, and for values.
const (
	MaxKeys      = 8
	MaxValueKeys = 8
)

var (
	// ErrConfig is the error of a CONFIG that says nothing of a log, or of another log.
	ErrConfig = errors.New("not a CONFIG of the log")
	// ErrVouched is the error of a CONFIG that does not follow on the one before it, or whose
	// keys that one's have not vouched for.
	ErrVouched = errors.New("the keys of the CONFIG before have not vouched for it")
)

// Config is what a CONFIG says of a log. It comes from Parse.
type Config struct {
	said
	verifiers []note.Verifier // of VKeys
	values    value.ServerKeys
	object    []byte
}

// said is the members of a CONFIG that are read here, in the order of canonical JSON.
type said struct {
	// Origin is the log's.
	Origin string `json:"origin"`
	// Prev is the SHA-256 of the JSON of the CONFIG before, in unpadded base64url; empty in the
	// first.
	Prev string `json:"prev,omitzero"`
	// Revoked has the keys that somebody else may have: a checkpoint of more entries than that
	// which one of them alone has signed is not the log's.
	Revoked map[string]int64 `json:"revoked_from_size,omitzero"`
	// Signatures are by verifier key, in unpadded base64, over the canonical JSON of the other
	// members.
	Signatures map[string]string `json:"signatures,omitzero"`
	// Values are keys by which the server signs values from here on, in unpadded base64.
	Values map[matrix.KeyID]string `json:"value_keys,omitzero"`
	// VKeys are the verifier keys of the log from here on (C2SP signed-note), the newest first:
	// all of them sign each checkpoint that covers this CONFIG and no later one.
	VKeys []string `json:"vkeys,omitzero"`
	// VRF is the public key of the users' log in unpadded base64, the same in all its CONFIGs.
	VRF string `json:"vrf_pk,omitzero"`
}

// Parse reads a CONFIG of the log with that origin. Members that are not known are for others.
// The error is ErrConfig.
func Parse(e entry.Config, origin string) (Config, error) {
	c := Config{object: e.JSON()}
	if err := json.Unmarshal(c.object, &c.said); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Origin != origin {
		return Config{}, fmt.Errorf("%w: it is of another log, %.80q", ErrConfig, c.Origin)
	}
	if len(c.VKeys) > MaxKeys {
		return Config{}, fmt.Errorf("%w: it names %d keys, more than %d", ErrConfig, len(c.VKeys), MaxKeys)
	}
	for i, vkey := range c.VKeys {
		v, err := parseVKey(vkey, origin)
		if err != nil {
			return Config{}, err
		}
		if slices.Contains(c.VKeys[:i], vkey) {
			return Config{}, fmt.Errorf("%w: it names the key %.80q twice", ErrConfig, vkey)
		}
		c.verifiers = append(c.verifiers, v)
	}
	values, err := parseValueKeys(c.Values)
	if err != nil {
		return Config{}, err
	}
	c.values = values
	return c, nil
}

// parseVKey reads an Ed25519 verifier key in its one spelling, so that keys are told apart by
// their text.
func parseVKey(vkey, origin string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil || v.Name() != origin {
		return nil, fmt.Errorf("%w: %.80q is no key of it", ErrConfig, vkey)
	}
	octets, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2]) // name, hash, and type and key
	if err != nil || len(octets) == 0 {
		return nil, fmt.Errorf("%w: %.80q is no key of it", ErrConfig, vkey)
	}
	if again, err := note.NewEd25519VerifierKey(origin, octets[1:]); err != nil || again != vkey {
		return nil, fmt.Errorf("%w: %.80q is no key of it", ErrConfig, vkey)
	}
	return v, nil
}

// parseValueKeys reads keys by which the server signs values, as strictly as a trust root does.
func parseValueKeys(texts map[matrix.KeyID]string) (value.ServerKeys, error) {
	if len(texts) > MaxValueKeys {
		return nil, fmt.Errorf("%w: it names %d keys for values, more than %d", ErrConfig, len(texts), MaxValueKeys)
	}
	keys := value.ServerKeys{}
	for id, text := range texts {
		key, err := matrix.DecodeBase64(text)
		if err != nil || matrix.EncodeBase64(key) != text {
			return nil, fmt.Errorf("%w: %.80q for %.80q is not base64 in its one spelling", ErrConfig, text, id)
		}
		if err := value.CheckServerKey(id, key); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
		keys[id] = key
	}
	return keys, nil
}

// JSON is the CONFIG in canonical form.
func (c Config) JSON() []byte { return c.object }

// Entry is the entry that says it.
func (c Config) Entry() entry.Config {
	e, _ := entry.NewConfig(c.object) // Parse had it from one
	return e
}

// Verifiers are of the keys that it names, in their order.
func (c Config) Verifiers() []note.Verifier { return slices.Clone(c.verifiers) }

// ValueKeys are keys by which the server signs values from there on, the current one among
// them; none in a log that has no values, or of before they were named.
func (c Config) ValueKeys() value.ServerKeys { return maps.Clone(c.values) }

// hash is by what the next CONFIG names this one.
func (c Config) hash() string {
	sum := sha256.Sum256(c.object)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signed is the octets that are signed.
func (c Config) signed() ([]byte, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(c.object, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	delete(members, "signatures")
	return json.Marshal(members, json.Deterministic(true))
}
