package endtoend

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// keyNamed is a key of a person, by a name that scripts give it.
func keyNamed(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// value NAME LABEL VERSION KEY [PREV [OLD]]: keeps what a client publishes: a master key by
// its name, signed by itself and by the old one. PREV is the hash of the version before.
func publication(ts *testscript.TestScript, _ bool, args []string) {
	version, err := strconv.Atoi(args[2])
	ts.Check(err)
	key := keyNamed(args[3])
	object := map[string]any{"type": "im.signet.keys.user.v1", "label": args[1], "version": version, "not_before": time.Now().UnixMilli(),
		"keys": map[string]string{"ed25519:master": base64.RawStdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))}}
	if len(args) > 4 {
		object["prev"] = args[4]
	}
	text, err := json.Marshal(object) // its members in order, as in canonical JSON
	ts.Check(err)
	by := func(k ed25519.PrivateKey) any {
		return map[string]string{"ed25519:master": base64.RawStdEncoding.EncodeToString(ed25519.Sign(k, text))}
	}
	signatures := map[string]any{"self": by(key)}
	if len(args) > 5 {
		signatures["prev"] = by(keyNamed(args[5]))
	}
	object["signatures"] = signatures
	text, err = json.Marshal(object)
	ts.Check(err)
	ts.Setenv(args[0], string(text))
}
