package proof

import (
	"encoding/base64"
	"errors"

	"signet/keys/entry"
	"signet/keys/vrf"
)

// Octets of a fixed number, which stand in JSON as unpadded standard base64 in its one
// spelling.
type (
	Hash    [32]byte // of either tree, an index or a commitment
	Pi      [vrf.ProofLen]byte
	Epoch   [entry.EpochLen]byte // an EPOCH entry
	Opening [len(entry.Opening{})]byte
)

var errOctets = errors.New("not base64 of the right length in its one spelling")

func encode(b []byte) ([]byte, error) { return base64.RawStdEncoding.AppendEncode(nil, b), nil }

func decode(to, text []byte) error {
	b, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(b) != len(to) || base64.RawStdEncoding.EncodeToString(b) != string(text) {
		return errOctets
	}
	copy(to, b)
	return nil
}

// MarshalText writes base64.
func (h Hash) MarshalText() ([]byte, error) { return encode(h[:]) }

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error { return decode(h[:], text) }

// MarshalText writes base64.
func (p Pi) MarshalText() ([]byte, error) { return encode(p[:]) }

// UnmarshalText reads what MarshalText writes.
func (p *Pi) UnmarshalText(text []byte) error { return decode(p[:], text) }

// MarshalText writes base64.
func (e Epoch) MarshalText() ([]byte, error) { return encode(e[:]) }

// UnmarshalText reads what MarshalText writes.
func (e *Epoch) UnmarshalText(text []byte) error { return decode(e[:], text) }

// MarshalText writes base64.
func (o Opening) MarshalText() ([]byte, error) { return encode(o[:]) }

// UnmarshalText reads what MarshalText writes.
func (o *Opening) UnmarshalText(text []byte) error { return decode(o[:], text) }

// hash is a hash of some package.
type hash interface {
	~[32]byte
}

func hashesTo[To, From hash](from []From) []To {
	to := make([]To, len(from))
	for i, h := range from {
		to[i] = To(h)
	}
	return to
}
