package value

import (
	"bytes"
	"errors"
	"time"

	"signet/internal/matrix"
	"signet/keys/entry"
)

// associationFields is the JSON of an Association, its members in canonical order.
type associationFields struct {
	Address    string         `json:"address"`
	Medium     string         `json:"medium"`
	MXID       *matrix.UserID `json:"mxid"`
	NotAfter   int64          `json:"not_after,omitzero"`
	NotBefore  int64          `json:"not_before"`
	Signatures Signatures     `json:"signatures,omitzero"`
	TS         int64          `json:"ts"`
}

// Association says which user is behind an address (identity service API, POST /3pid/bind),
// or, with null for the user, that nobody is any more. It comes from ParseAssociation.
type Association struct {
	Medium    string
	Address   string
	MXID      matrix.UserID // empty if nobody is behind the address
	NotBefore time.Time
	NotAfter  time.Time
	TS        time.Time

	label      entry.Label
	signatures Signatures
	object     []byte
}

// ParseAssociation reads an Association. The error is ErrValue.
func ParseAssociation(object []byte) (*Association, error) {
	var f associationFields
	if err := decodeWhole(object, &f); err != nil {
		return nil, err
	}
	a := &Association{Medium: f.Medium, Address: f.Address, signatures: f.Signatures, object: bytes.Clone(object)}
	if err := errors.Join(a.takeNames(f), a.takeTimes(f), f.Signatures.check()); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Association) takeNames(f associationFields) (err error) {
	if a.label, err = entry.ParseLabel(string(entry.Binding) + ":" + f.Medium + ":" + f.Address); err != nil {
		return wrong("address: %w", err)
	}
	if f.MXID == nil {
		return nil
	}
	if _, err := matrix.ParseUserID(f.MXID.String()); err != nil {
		return wrong("mxid: %w", err)
	}
	a.MXID = *f.MXID
	return nil
}

func (a *Association) takeTimes(f associationFields) error {
	p, err := parsePeriod(f.NotBefore, f.NotAfter)
	if err != nil {
		return err
	}
	a.NotBefore, a.NotAfter = p.from, p.until
	a.TS, err = moment(f.TS)
	return err
}

// JSON is the value in canonical form, as it was parsed.
func (a *Association) JSON() []byte { return bytes.Clone(a.object) }

// About tells whether the association is of the address of a binding's label. Which version
// it is, the commitment alone says.
func (a *Association) About(label entry.Label, _ uint32) error {
	if a.label != label {
		return ErrOther
	}
	return nil
}

// ValidAt tells whether the association holds at a time. That nobody is behind an address
// does not end.
func (a *Association) ValidAt(now time.Time, skew time.Duration) error {
	if a.MXID == "" {
		return nil
	}
	return period{a.NotBefore, a.NotAfter}.check(now, skew)
}

// CheckServer tells whether the server has signed the association.
func (a *Association) CheckServer(server matrix.ServerName, keys ServerKeys) error {
	return checkServer(a.object, a.signatures, server, keys)
}
