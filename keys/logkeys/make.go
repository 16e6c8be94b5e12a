package logkeys

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"

	"signet/internal/matrix"
	"signet/keys/entry"
	"signet/keys/value"
)

// First makes the CONFIG at position 0, which nobody signs but those who sign checkpoints. The
// VRF's public key is in unpadded base64, and empty in a log that has none, as are the keys for values.
func First(origin string, vkeys []string, vrf string, values value.ServerKeys) (Config, error) {
	return made(said{Origin: origin, VKeys: vkeys, VRF: vrf, Values: textOf(values)}, origin)
}

// Change is what the next CONFIG says anew.
type Change struct {
	VKeys    []string         // from then on, the newest first
	Values   value.ServerKeys // by which the server signs values from then on; empty in a log that has none
	Revoked  []string         // of the keys before, those that somebody else may have
	Position int64            // where the CONFIG will stand
	// Signers are of the keys before and of VKeys, by verifier key.
	Signers map[string]note.Signer
}

// Next makes the CONFIG that follows on c. It fails if a signer is missing.
func (c Config) Next(change Change) (Config, error) {
	next := said{Origin: c.Origin, Prev: c.hash(), VKeys: change.VKeys, VRF: c.VRF, Values: textOf(change.Values)}
	for _, vkey := range change.Revoked {
		if next.Revoked == nil {
			next.Revoked = map[string]int64{}
		}
		next.Revoked[vkey] = change.Position
	}
	octets, err := marshal(next)
	if err != nil {
		return Config{}, err
	}
	next.Signatures = map[string]string{}
	for _, vkey := range append(append([]string(nil), c.VKeys...), change.VKeys...) {
		signer, has := change.Signers[vkey]
		if !has {
			return Config{}, fmt.Errorf("%w: nobody signs by %s", ErrConfig, vkey)
		}
		signature, err := signer.Sign(octets)
		if err != nil {
			return Config{}, fmt.Errorf("signing a CONFIG: %w", err)
		}
		next.Signatures[vkey] = base64.RawStdEncoding.EncodeToString(signature)
	}
	return made(next, c.Origin)
}

// textOf is nil for no keys, so that there is no member.
func textOf(keys value.ServerKeys) (texts map[matrix.KeyID]string) {
	for id, key := range keys {
		if texts == nil {
			texts = map[matrix.KeyID]string{}
		}
		texts[id] = matrix.EncodeBase64(key)
	}
	return texts
}

func made(s said, origin string) (Config, error) {
	object, err := marshal(s)
	if err != nil {
		return Config{}, err
	}
	e, err := entry.NewConfig(object)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return Parse(e, origin)
}

func marshal(s said) ([]byte, error) { return json.Marshal(s, json.Deterministic(true)) }
