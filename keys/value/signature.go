package value

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

// ServerKeys are the keys by which a server signs values: those for associations.
type ServerKeys map[matrix.KeyID]ed25519.PublicKey

// ErrServerKey is the error, beside ErrSignature, of a value that the server has signed by a key
// which is not known.
var ErrServerKey = errors.New("no key of the server that is known")

// CheckServerKey tells whether a server could sign values by a key of that id: what is asked of
// people's keys is asked of the server's.
func CheckServerKey(id matrix.KeyID, key []byte) error {
	if _, ok := matrix.ParseKeyID(string(id)); !ok {
		return fmt.Errorf("key id %.80q", id)
	}
	if err := Master.Kind().Check(key); err != nil {
		return fmt.Errorf("key %s: %w", id, err)
	}
	return nil
}

const (
	// maxSigners is how many sign a value at most: self, prev and a server.
	maxSigners = 3
	// maxSignature is the length of the longest signature in base64.
	maxSignature = 128
)

func unsigned(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrSignature, fmt.Errorf(format, args...))
}

// check bounds signatures, right or wrong.
func (s Signatures) check() error {
	if len(s) > maxSigners {
		return wrong("it is signed by %d, more than %d", len(s), maxSigners)
	}
	for who, byKey := range s {
		if len(byKey) > MaxKeys {
			return wrong("%.80q has signed more than %d times", who, MaxKeys)
		}
		for id, signature := range byKey {
			if len(signature) > maxSignature {
				return wrong("the signature of %.80q is too long", id)
			}
		}
	}
	return nil
}

// Signed is the octets that self and prev sign: the value without auth, which is the
// server's, and without signatures.
func (u *User) Signed() ([]byte, error) { return without(u.object, "auth", "signatures") }

// without drops members of a canonical object; what is left is canonical.
func without(object []byte, names ...string) ([]byte, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, wrong("%w", err)
	}
	for _, name := range names {
		delete(members, name)
	}
	rest, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		return nil, wrong("%w", err)
	}
	return rest, nil
}

// signing lists the keys that can sign, in order.
func (u *User) signing() []KeyID {
	var ids []KeyID
	for _, id := range slices.Sorted(maps.Keys(u.Keys)) {
		if _, ok := id.Kind().(Signing); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// CheckSelf tells whether each key that can sign has signed the value, and none that is not
// in it, so that nobody publishes a key that is not theirs; a revocation, which has no keys,
// is signed by none. Keys that are CrossSigned have signed each other; if self signs then, too,
// all of it has to be right. The error is ErrSignature.
func (u *User) CheckSelf() error {
	if u.CrossSigned() {
		if err := u.checkCrossSigning(); err != nil || len(u.signatures[self]) == 0 {
			return err
		}
	}
	signed, err := u.Signed()
	if err != nil {
		return err
	}
	ids := u.signing()
	if len(u.signatures[self]) != len(ids) {
		return unsigned("%d of its keys can sign, and %d have", len(ids), len(u.signatures[self]))
	}
	for _, id := range ids {
		if err := verify(id, u.Keys[id], signed, u.signatures[self][string(id)]); err != nil {
			return fmt.Errorf("self: %w", err)
		}
	}
	return nil
}

func verify(id KeyID, key, message []byte, text string) error {
	kind, ok := id.Kind().(Signing)
	if !ok {
		return unsigned("%.80q is no key that signs", string(id))
	}
	signature, ok := octets(text)
	if !ok || !kind.Verify(key, message, signature) {
		return unsigned("that by %s", id)
	}
	return nil
}

// ErrPrevious is the error of a value that does not follow on the one before it.
var ErrPrevious = errors.New("the value does not follow on the previous one")

// CheckPrevious tells whether the value follows on the previous one: the next version of
// that label, which names its hash, unless it is a reset and names none. If it is signed by
// prev, as it must be if it says that it was published by the old key, that has to be right:
// the master key signs if the previous value has one, or any of its keys if it has none.
// Errors: ErrPrevious, ErrSignature.
func (u *User) CheckPrevious(before *User) error {
	switch {
	case u.Label != before.Label || u.Version == 0 || u.Version-1 != before.Version:
		return fmt.Errorf("%w: it is not the next version", ErrPrevious)
	case u.Previous == nil && !u.SignedByPrevious():
		return nil
	case u.Previous == nil || *u.Previous != sha256.Sum256(before.object):
		return fmt.Errorf("%w: it names another", ErrPrevious)
	}
	if !u.SignedByPrevious() {
		return nil
	}
	return u.CheckPreviousKeys(before.Keys)
}

// CheckPreviousKeys is the part of CheckPrevious about signatures, for who has the old keys
// alone.
func (u *User) CheckPreviousKeys(keys map[KeyID][]byte) error {
	signed, err := u.Signed()
	if err != nil {
		return err
	}
	signatures := u.signatures[previous]
	for id, text := range signatures {
		key, ok := keys[KeyID(id)]
		if !ok {
			return unsigned("%.80q is no key of the previous value", id)
		}
		if err := verify(KeyID(id), key, signed, text); err != nil {
			return fmt.Errorf("prev: %w", err)
		}
	}
	if _, has := keys[Master]; has && signatures[string(Master)] == "" || len(signatures) == 0 {
		return unsigned("prev: the old key has not signed")
	}
	return nil
}

// SignedByPrevious tells whether the value has signatures of prev.
func (u *User) SignedByPrevious() bool { return len(u.signatures[previous]) > 0 }

// CheckServer tells whether the server has signed the keys and said how they came there.
func (u *User) CheckServer(server matrix.ServerName, keys ServerKeys) error {
	if u.Auth == nil {
		return unsigned("the server does not say how it was published")
	}
	return checkServer(u.object, u.signatures, server, keys, self, previous)
}

// checkServer holds each signature of the server against its keys. others may sign as well.
func checkServer(object []byte, s Signatures, server matrix.ServerName, keys ServerKeys, others ...string) error {
	for who := range s {
		if who != server.String() && !slices.Contains(others, who) {
			return unsigned("%.80q has no business here", who)
		}
	}
	if len(s[server.String()]) == 0 {
		return unsigned("the server has not signed")
	}
	for id, signature := range s[server.String()] {
		key, known := keys[matrix.KeyID(id)]
		if !known {
			return unsigned("%.80q is %w", id, ErrServerKey)
		}
		if _, ok := octets(signature); !ok || matrix.Verify(server, matrix.KeyID(id), key, object) != nil {
			return unsigned("that by the server's %s", id)
		}
	}
	return nil
}
