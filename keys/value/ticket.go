package value

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/keys/entry"
)

const ticketType = "im.signet.keys.ticket.v1"

// MaxMergeDelay is how much later than a Ticket its value is in the log at most (RFC 6962,
// section 3). A promise for later than that could never be shown to be broken.
const MaxMergeDelay = 24 * time.Hour

// TicketFields is the JSON of a Ticket, for the server to sign, its members in canonical
// order.
type TicketFields struct {
	Due        int64      `json:"due_ts"`
	Label      string     `json:"label"`
	SHA256     string     `json:"sha256"`
	Signatures Signatures `json:"signatures,omitzero"`
	TS         int64      `json:"ts"`
	Type       string     `json:"type"`
	Version    uint32     `json:"version"`
}

// Ticket is a server's signed promise that a value is in its log by a time, as a Signed
// Certificate Timestamp is (RFC 6962, section 3). It comes from ParseTicket.
type Ticket struct {
	Label   entry.Label
	Version uint32
	Hash    [sha256.Size]byte // of the value's JSON
	TS, Due time.Time

	signatures Signatures
	object     []byte
}

// NewTicket is what the server signs to promise that the value of that hash is in the log by
// due.
func NewTicket(label entry.Label, version uint32, hash [sha256.Size]byte, now, due time.Time) TicketFields {
	return TicketFields{Due: due.UnixMilli(), Label: label.String(), SHA256: base64.RawURLEncoding.EncodeToString(hash[:]),
		TS: now.UnixMilli(), Type: ticketType, Version: version}
}

// ParseTicket reads a Ticket. The error is ErrValue.
func ParseTicket(object []byte) (*Ticket, error) {
	var f TicketFields
	if err := decodeWhole(object, &f); err != nil {
		return nil, err
	}
	if f.Type != ticketType {
		return nil, wrong("its type is not %s", ticketType)
	}
	t := &Ticket{Version: f.Version, signatures: f.Signatures, object: bytes.Clone(object)}
	return t, errors.Join(t.take(f), f.Signatures.check())
}

func (t *Ticket) take(f TicketFields) (err error) {
	if t.Label, err = entry.ParseLabel(f.Label); err != nil {
		return wrong("label: %w", err)
	}
	hash, ok := hashFrom(f.SHA256)
	if !ok {
		return wrong("sha256 is no SHA-256 in unpadded base64url")
	}
	t.Hash = *hash
	p, err := parsePeriod(f.TS, f.Due)
	t.TS, t.Due = p.from, p.until
	switch {
	case err != nil:
		return err
	case t.TS.IsZero() || t.Due.IsZero():
		return wrong("it does not say by when")
	case t.Due.Sub(t.TS) > MaxMergeDelay:
		return wrong("it is due later than %s after it was given", MaxMergeDelay)
	}
	return nil
}

// CheckServer tells whether the server has signed the ticket. The error is ErrSignature.
func (t *Ticket) CheckServer(server matrix.ServerName, keys ServerKeys) error {
	return checkServer(t.object, t.signatures, server, keys)
}

// hashFrom reads a hash of a value as it is named, in its one spelling.
func hashFrom(text string) (hash *[sha256.Size]byte, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != sha256.Size || base64.RawURLEncoding.EncodeToString(b) != text {
		return nil, false
	}
	return (*[sha256.Size]byte)(b), true
}
