package entry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// VRFInput is what the VRF is asked for one version of a label: KEYTRANS's VrfInput,
// at most 260 octets.
func (l Label) VRFInput(version uint32) []byte {
	return l.appendVRFInput(make([]byte, 0, 1+len(l.String())+4), version)
}

func (l Label) appendVRFInput(b []byte, version uint32) []byte {
	text := l.String()
	b = append(b, byte(len(text))) // MaxLabel fits
	b = append(b, text...)
	return binary.BigEndian.AppendUint32(b, version)
}

// Index is where a version of a label stands in the prefix tree.
type Index [32]byte

// IndexOf is the VRF's output for VRFInput, cut to the 32 octets that KEYTRANS keeps
// of it.
func IndexOf(output [64]byte) Index { return Index(output[:]) }

// Opening is the random part of a commitment. As long as it is kept the value can be
// proven; once it is destroyed, nothing in the log tells anything about the value,
// even to one who guesses it.
type Opening [16]byte

// NewOpening reads an opening from a source of randomness.
func NewOpening(random io.Reader) (Opening, error) {
	var o Opening
	if _, err := io.ReadFull(random, o[:]); err != nil {
		return Opening{}, fmt.Errorf("reading randomness: %w", err)
	}
	return o, nil
}

// Commitment stands in the log for a value.
type Commitment [32]byte

// kc is the fixed key of commitments: Kc of both cipher suites
// (draft-ietf-keytrans-protocol, "IANA Considerations", "KT
// Cipher Suites").
var kc = [16]byte{0xd8, 0x21, 0xf8, 0x79, 0x0d, 0x97, 0x70, 0x97, 0x96, 0xb4, 0xd7, 0x90, 0x33, 0x57, 0xc3, 0xf5}

// Commit is the commitment to the value of one version of a label. The value is what
// CheckObject takes. A commitment opens to a value if Commit gives it again.
func Commit(opening Opening, label Label, version uint32, value []byte) Commitment {
	mac := hmac.New(sha256.New, kc[:])
	mac.Write(commitmentValue(opening, label, version, value))
	return Commitment(mac.Sum(nil))
}

// commitmentValue is KEYTRANS's CommitmentValue, without third-party management.
func commitmentValue(opening Opening, label Label, version uint32, value []byte) []byte {
	b := make([]byte, 0, len(opening)+1+len(label.String())+4+4+len(value))
	b = append(b, opening[:]...)
	b = label.appendVRFInput(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}
