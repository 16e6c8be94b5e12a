package value

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
	"signet/keys/entry"
)

const (
	// MaxKeys is how many keys a value has at most.
	MaxKeys = 32
	// maxReason is the length of the longest reason of a revocation in octets.
	maxReason = 256
)

// How is in which way whoever published had shown that they may.
type How string

// The ways to publish.
const (
	ByPreviousKey How = "prev-key"   // the old key signs the new one
	BySession     How = "session"    // control of the address was proven anew
	ByRecovery    How = "recovery"   // as by session, though an old key was there: a key reset
	ByToken       How = "token"      // of the account whose user id is the label
	ByHomeserver  How = "homeserver" // of the user whose id is the label, who wishes it
)

// Auth is what the server says about a publication.
type Auth struct {
	How How   `json:"how"`
	TS  int64 `json:"ts"` // milliseconds since 1970
}

// Signatures are unpadded base64, by who signed and by key id. Those of self are by the keys
// in the value, those of prev by the ones in the previous value.
type Signatures map[string]map[string]string

// Who signs besides the server.
const (
	self     = "self"
	previous = "prev"
)

// userFields is the JSON of a User, its members in canonical order.
type userFields struct {
	Auth         *Auth            `json:"auth,omitzero"`
	CrossSigning *crossSigning    `json:"cross_signing,omitzero"`
	Keys         map[KeyID]string `json:"keys"`
	Label        string           `json:"label"`
	MXID         string           `json:"mxid,omitzero"`
	NotAfter     int64            `json:"not_after,omitzero"`
	NotBefore    int64            `json:"not_before"`
	Prev         string           `json:"prev,omitzero"`
	Revoked      string           `json:"revoked,omitzero"`
	Signatures   Signatures       `json:"signatures,omitzero"`
	Type         string           `json:"type"`
	Version      uint32           `json:"version"`
}

// User is the keys of a person, or, without any, their revocation. It comes from ParseUser
// and must not be changed.
type User struct {
	Label     entry.Label
	Version   uint32
	MXID      matrix.UserID // empty if they are nobody's on Matrix
	Keys      map[KeyID][]byte
	NotBefore time.Time
	NotAfter  time.Time          // zero if they hold until the next version
	Previous  *[sha256.Size]byte // of the previous value's JSON; nil if it is not named
	Auth      *Auth              // nil in what a client sends
	Revoked   string             // why; empty if it is no revocation

	crossSigning *crossSigning // nil if the keys are not shown as they were uploaded
	signatures   Signatures
	object       []byte
}

// ParseUser reads a User: as it stands in the directory, or, without auth and the server's
// signature, as a client sends it to be published. The error is ErrValue.
func ParseUser(object []byte) (*User, error) {
	var f userFields
	if err := decodeWhole(object, &f); err != nil {
		return nil, err
	}
	u := &User{Version: f.Version, MXID: matrix.UserID(f.MXID), Auth: f.Auth, Revoked: f.Revoked, signatures: f.Signatures, object: bytes.Clone(object)}
	err := errors.Join(u.takeNames(f), u.takeKeys(f), u.takeTimes(f), u.takePrevious(f), f.Signatures.check())
	if err == nil {
		err = u.takeCrossSigning(f)
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (u *User) takeNames(f userFields) (err error) {
	if f.Type != userType {
		return wrong("its type is not %s", userType)
	}
	if u.Label, err = entry.ParseLabel(f.Label); err != nil {
		return wrong("label: %w", err)
	}
	if u.Label.Medium() == entry.Binding {
		return wrong("label: it is of a binding, which has no keys")
	}
	if f.MXID == "" {
		return nil
	}
	if _, err := matrix.ParseUserID(f.MXID); err != nil {
		return wrong("mxid: %w", err)
	}
	if u.Label.Medium() == entry.MXID && u.Label.Address() != f.MXID {
		return wrong("mxid: the label is of another user")
	}
	return nil
}

func (u *User) takeKeys(f userFields) error {
	switch {
	case (len(f.Keys) == 0) != (f.Revoked != ""):
		return wrong("it has to have either keys or a reason of revocation")
	case len(f.Keys) > MaxKeys:
		return wrong("it has %d keys, more than %d", len(f.Keys), MaxKeys)
	case len(f.Revoked) > maxReason:
		return wrong("the reason is longer than %d octets", maxReason)
	}
	u.Keys = make(map[KeyID][]byte, len(f.Keys))
	for id, text := range f.Keys {
		key, err := parseKey(id, text)
		if err != nil {
			return err
		}
		u.Keys[id] = key
	}
	if len(u.Keys) > 0 && len(u.signing()) == 0 {
		return wrong("none of its keys can sign")
	}
	return nil
}

func parseKey(id KeyID, text string) ([]byte, error) {
	kind := id.Kind()
	if kind == nil {
		return nil, wrong("key %.80q: its kind or name is not known", string(id))
	}
	key, ok := octets(text)
	if !ok {
		return nil, wrong("key %s: it is not unpadded base64", id)
	}
	if err := kind.Check(key); err != nil {
		return nil, wrong("key %s: %w", id, err)
	}
	return key, nil
}

func (u *User) takeTimes(f userFields) error {
	p, err := parsePeriod(f.NotBefore, f.NotAfter)
	if err != nil {
		return err
	}
	u.NotBefore, u.NotAfter = p.from, p.until
	if u.Auth == nil {
		return nil
	}
	_, err = moment(u.Auth.TS)
	return err
}

func (u *User) takePrevious(f userFields) error {
	if f.Prev != "" {
		var ok bool
		if u.Previous, ok = hashFrom(f.Prev); !ok {
			return wrong("prev is no SHA-256 in unpadded base64url")
		}
	}
	if u.Version == 0 && (u.Previous != nil || len(u.signatures[previous]) > 0) {
		return wrong("the first version has none before it")
	}
	if u.Auth == nil {
		return nil
	}
	switch u.Auth.How {
	case BySession, ByRecovery, ByToken:
		return nil
	case ByHomeserver:
		return u.checkHomeserver()
	case ByPreviousKey:
		if u.Previous == nil || len(u.signatures[previous]) == 0 {
			return wrong("no previous key has signed it, though it says so")
		}
		return nil
	}
	return wrong("it was published in no known way, %.60q", string(u.Auth.How))
}

// checkHomeserver tells whether a homeserver can have a say: of its users' own labels.
func (u *User) checkHomeserver() error {
	if u.Label.Medium() != entry.MXID {
		return wrong("it was published by a homeserver, and the label is of no user")
	}
	return nil
}

// CrossSigned tells whether the keys are those of the user's client, as it has uploaded and signed
// them: then self need not sign.
func (u *User) CrossSigned() bool { return u.crossSigning != nil }

// JSON is the value in canonical form, as it was parsed.
func (u *User) JSON() []byte { return bytes.Clone(u.object) }

// About tells whether the keys are that version of that label.
func (u *User) About(label entry.Label, version uint32) error {
	if u.Label != label || u.Version != version {
		return ErrOther
	}
	return nil
}

// ValidAt tells whether the keys hold at a time.
func (u *User) ValidAt(now time.Time, skew time.Duration) error {
	return period{u.NotBefore, u.NotAfter}.check(now, skew)
}

// Hash is what the next version names as its previous one.
func (u *User) Hash() string {
	sum := sha256.Sum256(u.object)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// WithAuth is the JSON for the server to sign: what the client sent, with what the server
// says about it in place of whatever stood there, and with signatures of self and prev alone.
func (u *User) WithAuth(a Auth) ([]byte, error) {
	var f userFields
	if err := decode(u.object, &f); err != nil {
		return nil, err
	}
	f.Auth = &a
	for who := range f.Signatures {
		if who != self && who != previous {
			delete(f.Signatures, who)
		}
	}
	object, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		return nil, wrong("%w", err)
	}
	if _, err := ParseUser(object); err != nil {
		return nil, err
	}
	return object, nil
}
