package event

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"signet/internal/matrix"
)

// Errors of signatures.
var (
	ErrSignature  = errors.New("event lacks a valid signature of a server that must have signed it")
	ErrAuthoriser = errors.New("join_authorised_via_users_server is not a user id")
)

// Signer is a server with the key it signs with.
type Signer struct {
	Server matrix.ServerName
	Key    matrix.SigningKey
}

// Signature says that an event must be signed by a server, and under which of its keys
// it says it is. The server's name is as the event has it, which need not be one that
// matrix.ParseServerName reads: names are compared letter by letter.
type Signature struct {
	Server matrix.ServerName
	Keys   []matrix.KeyID // ed25519 only, in the order of their names
}

// KeyLookup is the public key of a server under an id; false if it is unknown, or was no
// longer valid at ts (milliseconds), when the event says it was made. In versions with
// Version.KeyValidity, valid_until_ts decides that.
type KeyLookup func(server matrix.ServerName, id matrix.KeyID, ts int64) (ed25519.PublicKey, bool)

// RequiredSignatures lists the servers that must have signed the event: that of the
// sender, that of the event's id where it has one, and that of the user who let somebody
// into a restricted room (server-server API, "Validating hashes and signatures on
// received events"; rule 4.2 of room version 8). An invitation that stems from one to a
// third-party identifier may be sent by any server, so that the sender's is not asked
// for: that rests on the signature inside, which is authz's to check.
//
// The error is ErrAuthoriser.
func (e *Event) RequiredSignatures() ([]Signature, error) {
	var servers []matrix.ServerName
	add := func(server matrix.ServerName) {
		if !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	content, _ := split(e.at(e.content))
	if !e.isThirdPartyInvite(content) {
		add(ServerOf(e.sender))
	}
	if e.version.EventIDInEvent() {
		add(ServerOf(e.id))
	}
	if authoriser := content.find("join_authorised_via_users_server"); authoriser != nil && e.typ == "m.room.member" && e.version.RestrictedJoins() {
		if !ValidUserID(string(unquoted(authoriser))) {
			return nil, ErrAuthoriser
		}
		add(ServerOf(string(unquoted(authoriser))))
	}
	return e.signaturesOf(servers), nil
}

func (e *Event) isThirdPartyInvite(content object) bool {
	return e.typ == "m.room.member" && string(content.find("membership")) == `"invite"` && content.find("third_party_invite") != nil
}

func (e *Event) signaturesOf(servers []matrix.ServerName) []Signature {
	signatures, _ := split(e.object().find("signatures"))
	found := make([]Signature, 0, len(servers))
	for _, server := range servers {
		s := Signature{Server: server}
		keys, _ := split(signatures.find(string(server)))
		for _, m := range keys {
			if id, ok := matrix.ParseKeyID(string(unquoted(m.key))); ok {
				s.Keys = append(s.Keys, id)
			}
		}
		found = append(found, s)
	}
	return found
}

// Verify checks the signatures of RequiredSignatures. Of each server one key must be
// known, and all signatures by known keys must be right: those by keys that lookup does
// not know are skipped. The error is ErrSignature or ErrAuthoriser.
func (e *Event) Verify(lookup KeyLookup) error {
	required, err := e.RequiredSignatures()
	if err != nil {
		return err
	}
	members := e.object()
	signed := e.version.signed(members)
	signatures, _ := split(members.find("signatures"))
	for _, r := range required {
		made, _ := split(signatures.find(string(r.Server)))
		if !e.verifyOne(r, made, signed, lookup) {
			return fmt.Errorf("%w: %s", ErrSignature, r.Server)
		}
	}
	return nil
}

func (e *Event) verifyOne(r Signature, made object, signed []byte, lookup KeyLookup) bool {
	known := false
	for _, id := range r.Keys {
		key, ok := lookup(r.Server, id, e.ts)
		if !ok {
			continue
		}
		if !verify(key, signed, made.find(string(id))) {
			return false
		}
		known = true
	}
	return known
}

func verify(key ed25519.PublicKey, signed, quoted []byte) bool {
	signature, err := matrix.DecodeBase64(string(unquoted(quoted)))
	return err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature)
}

// Sign is the event with one signature more. Signatures of others are kept, one by the
// same key is replaced.
func (e *Event) Sign(s Signer) (*Event, error) {
	members := e.object()
	signed := members.with("signatures", addSignature(members.find("signatures"), s, e.version.signed(members)))
	json := signed.bytes()
	if len(json) > maxSize {
		return nil, ErrTooLarge
	}
	return e.version.load(e.id, json, e.redacted)
}

// addSignature adds the signature of the signed octets to a signatures object.
func addSignature(signatures []byte, s Signer, signed []byte) []byte {
	all, _ := split(signatures)
	own, _ := split(all.find(string(s.Server)))
	signature := matrix.EncodeBase64(ed25519.Sign(s.Key.Private, signed))
	own = own.with(string(s.Key.ID), []byte(`"`+signature+`"`))
	return all.with(string(s.Server), own.bytes()).bytes()
}

// validSignatures checks that a value holds text by key by server.
func validSignatures(value []byte) bool {
	return eachMember(value, func(server member, _ int) error {
		return eachMember(server.value, func(key member, _ int) error {
			if !isText(key.value) {
				return ErrFormat
			}
			return nil
		})
	}) == nil
}
