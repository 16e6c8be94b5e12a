package logkeys

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"

	"signet/keys/entry"
)

// MaxKeys is how many keys a CONFIG names at most.
const MaxKeys = 8

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

// JSON is the CONFIG in canonical form.
func (c Config) JSON() []byte { return c.object }

// Entry is the entry that says it.
func (c Config) Entry() entry.Config {
	e, _ := entry.NewConfig(c.object) // Parse had it from one
	return e
}

// Verifiers are of the keys that it names, in their order.
func (c Config) Verifiers() []note.Verifier { return slices.Clone(c.verifiers) }

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
