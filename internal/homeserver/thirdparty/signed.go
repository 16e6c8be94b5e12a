package thirdparty

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/event"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Signed is what an identity server signs of an invitation: whom it is for, and its token
// (client-server API, m.room.member, "signed").
type Signed struct {
	User  matrix.UserID
	Token string // the state_key of the m.room.third_party_invite
	value event.Value
}

const (
	// maxSigned is the size of one, in octets: it becomes part of an event.
	maxSigned = 8 << 10
	// maxToken is that of a state_key.
	maxToken = 255
)

// ParseSigned reads it. That the signatures hold, the event in the room says. The error is
// ErrSigned.
func ParseSigned(raw []byte) (s Signed, err error) {
	if len(raw) > maxSigned {
		return s, ErrSigned
	}
	canonical, err := event.Canonical(raw, true)
	if err != nil {
		return s, ErrSigned
	}
	value := event.Value(canonical)
	mxid, _ := value.Field("mxid").Text()
	token, _ := value.Field("token").Text()
	if s.User, err = matrix.ParseUserID(mxid); err != nil || token == "" || len(token) > maxToken || strings.ContainsRune(token, 0) {
		return Signed{}, ErrSigned
	}
	for range value.Field("signatures").Members() {
		s.Token, s.value = token, value.Without("unsigned")
		return s, nil
	}
	return Signed{}, ErrSigned
}

// JSON is what was signed with its signatures, in canonical form.
func (s Signed) JSON() jsontext.Value { return bytes.Clone(s.value) }

// Claim is an invitation of Sender's into a room that an identity server says is for a user.
type Claim struct {
	Room   string
	Sender matrix.UserID
	Signed Signed
}

// id is the same of claims that are.
func (c Claim) id() string {
	sum := sha256.New()
	for _, text := range []string{c.Room, c.Sender.String(), string(c.Signed.value)} {
		sum.Write([]byte(text))
		sum.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// publicKey is a key of an m.room.third_party_invite.
type publicKey struct {
	idclient.PublicKey
	key ed25519.PublicKey
}

// keysOf are the keys of an m.room.third_party_invite: its public_key, then those of its
// public_keys.
func keysOf(invite *event.Event) (keys []publicKey) {
	add := func(key, url event.Value) {
		k := publicKey{}
		k.Key, _ = key.Text()
		k.ValidityURL, _ = url.Text()
		decoded, err := idclient.ParseKey(k.Key)
		if k.key = decoded; err == nil {
			keys = append(keys, k)
		}
	}
	add(invite.Field("public_key"), invite.Field("key_validity_url"))
	list, _ := invite.Field("public_keys").Elements()
	for _, entry := range list {
		add(entry.Field("public_key"), entry.Field("key_validity_url"))
	}
	return keys
}

// maxTries bounds the signatures that are verified for one claim.
const maxTries = 256

// by are those keys by which what is signed is, whoever it says that it is signed by.
func (s Signed) by(keys []publicKey) (signers []publicKey) {
	message := s.value.Without("signatures")
	tries := 0
	for _, server := range s.value.Field("signatures").Members() {
		for _, text := range server.Members() {
			encoded, _ := text.Text()
			signature, err := matrix.DecodeBase64(encoded)
			if err != nil {
				continue
			}
			for _, key := range keys {
				if tries++; tries > maxTries {
					return signers
				}
				if ed25519.Verify(key.key, message, signature) {
					signers = append(signers, key)
				}
			}
		}
	}
	return signers
}
