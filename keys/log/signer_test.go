package log_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/log"
)

func TestASignerIsVerifiedByItsVkey(t *testing.T) {
	for seed := range byte(64) { // keys whose base64 has a + among them
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
		s, vkey, err := log.NewSigner(origin, key)
		if err != nil {
			t.Fatal(err)
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: "text\n"}, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(signed, note.VerifierList(v)); err != nil || v.Name() != origin {
			t.Errorf("the vkey %s of seed %d: %v", vkey, seed, err)
		}
	}
}
