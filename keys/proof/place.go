package proof

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/value"
)

// Place is where a version stands in the log, with the proof that it does.
type Place struct {
	Position int64  `json:"position"` // from 0
	Path     []Hash `json:"path"`     // RFC 6962, 2.1.1
}

var (
	// ErrPlace is the error of a version that does not stand where its Place says.
	ErrPlace = errors.New("the version does not stand at its place in the log")
	// ErrRevoked is the error of a value that a revoked key of the server has signed, and that is
	// not shown to have been in the log before.
	ErrRevoked = errors.New("the server has revoked the key that signed the value, and nothing shows that it was in the log before that")
)

// nowhere is the position of a version without a Place: the first entry is none.
const nowhere = 0

// NewPlace makes a Place.
func NewPlace(position int64, included tlog.RecordProof) *Place {
	return &Place{Position: position, Path: hashesTo[Hash](included)}
}

func (p *Place) check() error {
	if p != nil && (p.Position < 0 || len(p.Path) > maxPath) {
		return malformed("its place in the log is none")
	}
	return nil
}

// stands returns the position of an entry, if its Place is given and right.
func (a *anchored) stands(e entry.Insert, p *Place) (int64, error) {
	if p == nil {
		return nowhere, nil
	}
	if err := p.check(); err != nil {
		return nowhere, err
	}
	size := a.checkpoint.N
	if p.Position >= size {
		return nowhere, fmt.Errorf("%w: there is no entry %d", ErrPlace, p.Position)
	}
	if err := tlog.CheckRecord(hashesTo[tlog.Hash](p.Path), size, a.checkpoint.Hash, p.Position, tlog.RecordHash(e.Append(nil))); err != nil {
		return nowhere, fmt.Errorf("%w: entry %d: %w", ErrPlace, p.Position, err)
	}
	return p.Position, nil
}

// vouched holds the signatures that need nothing from before, of a value that stands at a
// position. It tells whether the server's is by a key that was revoked since. Who has that key
// can sign anything, and put nothing before what was logged when it was revoked.
func (a *anchored) vouched(v value.Value, position int64) (revoked bool, err error) {
	if user, ok := v.(*value.User); ok {
		if err := user.CheckSelf(); err != nil {
			return false, err
		}
	}
	err = v.CheckServer(a.policy.Server, a.policy.ServerKeys)
	if err == nil || v.CheckServer(a.policy.Server, a.policy.keysAt(nowhere)) != nil {
		return false, err
	}
	if position == nowhere || v.CheckServer(a.policy.Server, a.policy.keysAt(position)) != nil {
		return false, ErrRevoked
	}
	return true, nil
}
