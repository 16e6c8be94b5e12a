package value

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/entry"
)

var (
	// ErrValue is the error of what is no value of the directory, or has a key that is none.
	ErrValue = errors.New("not a value of the directory")
	// ErrOther is the error of a value of another label or version.
	ErrOther = errors.New("the value is of another label or version")
	// ErrSignature is the error of a signature that is missing, wrong or nobody's.
	ErrSignature = errors.New("a signature is missing or wrong")
	// ErrNotYet and ErrExpired are the errors of a value outside of its time.
	ErrNotYet  = errors.New("the value is not valid yet")
	ErrExpired = errors.New("the value is not valid any more")
)

// Value is a *User, an *Association or a *Tombstone.
type Value interface {
	// JSON is the value in canonical form, as it was parsed.
	JSON() []byte
	// About tells whether the value is that version of that label. The error is ErrOther.
	About(label entry.Label, version uint32) error
	// ValidAt tells whether the value holds at a time. It starts to do so a little earlier
	// for those whose clocks are behind: by skew. Errors: ErrNotYet, ErrExpired.
	ValidAt(now time.Time, skew time.Duration) error
	// CheckServer tells whether the server has signed, by any of its keys, and nobody who
	// has no business here. The error is ErrSignature.
	CheckServer(server matrix.ServerName, keys ServerKeys) error
}

// The types of values that have one.
const (
	userType      = "im.signet.keys.user.v1"
	tombstoneType = "im.signet.keys.erased.v1"
)

// maxTime is the greatest number of canonical JSON.
const maxTime = 1<<53 - 1

// Parse reads a value of any kind. The error is ErrValue.
func Parse(object []byte) (Value, error) {
	var kind struct {
		Type *string `json:"type"`
	}
	if err := decode(object, &kind); err != nil {
		return nil, err
	}
	switch {
	case kind.Type == nil:
		return valueOf(ParseAssociation(object))
	case *kind.Type == userType:
		return valueOf(ParseUser(object))
	case *kind.Type == tombstoneType:
		return valueOf(ParseTombstone(object))
	}
	return nil, wrong("its type %.60q is not known", *kind.Type)
}

// Canonical undoes what JSON's way through other programs does to a value: spaces, order and
// escapes. Numbers stay as they are. What is still not canonical, Parse refuses. The error is
// ErrValue.
func Canonical(object jsontext.Value) (jsontext.Value, error) {
	v := object.Clone()
	if err := v.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrValue, err)
	}
	return v, nil
}

func valueOf[V Value](v V, err error) (Value, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrValue, fmt.Errorf(format, args...))
}

// decode reads canonical JSON.
func decode(object []byte, to any) error {
	if err := entry.CheckObject(object); err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	if err := json.Unmarshal(object, to); err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	return nil
}

// decodeWhole is decode for an object that has nothing but what is read of it, and each
// thing in the one way in which we would write it: no null for what is absent, no member
// that nobody knows.
func decodeWhole(object []byte, to any) error {
	if err := decode(object, to); err != nil {
		return err
	}
	written, err := json.Marshal(to, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrValue, err)
	}
	if !bytes.Equal(written, object) {
		return wrong("a member is missing, unknown, or written otherwise than it should")
	}
	return nil
}

// moment reads milliseconds since 1970, 0 for no time.
func moment(ms int64) (time.Time, error) {
	if ms < 0 || ms > maxTime {
		return time.Time{}, wrong("%d is no time", ms)
	}
	if ms == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(ms), nil
}

// period is a time in which something holds. A zero end is none.
type period struct{ from, until time.Time }

func parsePeriod(notBefore, notAfter int64) (p period, err error) {
	if p.from, err = moment(notBefore); err != nil {
		return period{}, err
	}
	if p.until, err = moment(notAfter); err != nil {
		return period{}, err
	}
	if !p.until.IsZero() && !p.until.After(p.from) {
		return period{}, wrong("it ends before it begins")
	}
	return p, nil
}

func (p period) check(now time.Time, skew time.Duration) error {
	switch {
	case now.Add(skew).Before(p.from):
		return ErrNotYet
	case !p.until.IsZero() && now.After(p.until):
		return ErrExpired
	}
	return nil
}
