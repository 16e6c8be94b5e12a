package log

import (
	"crypto/ed25519"
	"encoding/base64"

	"golang.org/x/mod/sumdb/note"
)

// ed25519Note is the type of Ed25519 keys in signed notes (C2SP signed-note, "Signature types").
const ed25519Note = 0x01

// NewSigner returns what signs checkpoints of a log of that origin by a key, and the vkey by
// which others verify them (C2SP signed-note).
func NewSigner(origin string, key ed25519.PrivateKey) (signer note.Signer, vkey string, err error) {
	vkey, err = note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, "", err
	}
	named := vkey[:len(origin)+len("+12345678")] // and the hash of the public key
	private := base64.StdEncoding.EncodeToString(append([]byte{ed25519Note}, key.Seed()...))
	signer, err = note.NewSigner("PRIVATE+KEY+" + named + "+" + private)
	return signer, vkey, err
}
