package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"signet/keys/value"
)

// ErrBroken is the error of a promise that was not kept.
var ErrBroken = errors.New("what was promised is not in the log")

// VerifyTicket reads a Ticket, which the server has signed, and not in advance. Errors:
// value.ErrValue, value.ErrSignature, value.ErrNotYet, ErrPolicy.
func VerifyTicket(object []byte, p Policy, now time.Time) (*value.Ticket, error) {
	p, err := p.whole()
	if err != nil {
		return nil, err
	}
	canonical, err := value.Canonical(object)
	if err != nil {
		return nil, err
	}
	t, err := value.ParseTicket(canonical)
	if err != nil {
		return nil, err
	}
	if err := t.CheckServer(p.Server, p.ServerKeys); err != nil {
		return nil, err
	}
	if t.TS.Sub(now) > p.MaxAhead {
		return nil, value.ErrNotYet
	}
	return t, nil
}

// Kept holds a verified Ticket against a Result about its label that was sealed later. The
// error is ErrBroken, which the ticket and the lookup prove to anybody. A later version, and
// an erasure, hide whether the one that was promised was the one that came: its History tells.
func Kept(t *value.Ticket, r Result) error {
	if r.Label != t.Label || !r.Sealed.After(t.Due) {
		return nil
	}
	if !r.Present || r.Version < t.Version {
		return fmt.Errorf("%w: version %d", ErrBroken, t.Version)
	}
	if _, erased := r.Value.(*value.Tombstone); erased || r.Version > t.Version {
		return nil
	}
	if sha256.Sum256(r.Value.JSON()) != t.Hash {
		return fmt.Errorf("%w: version %d is another value", ErrBroken, t.Version)
	}
	return nil
}
