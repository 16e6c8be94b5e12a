package serverkeys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/edwards25519"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
)

const (
	// MaxSize is the most octets of a document in the form that Parse gives.
	MaxSize = 15 << 10
	// maxKeys bounds the signatures that one document can make us check, of current and of
	// former keys each.
	maxKeys = 32
)

// ErrDocument is the error of a document that does not prove its keys, or cannot be kept.
var ErrDocument = errors.New("key document is not trustworthy")

// Document is what a server says of its keys, and has proven.
type Document struct {
	Server matrix.ServerName
	// JSON is the document in canonical form, at most MaxSize octets, with the signatures in
	// Signers, no others, and nothing unsigned.
	JSON []byte
	// Verify are the keys that sign; each has signed the document.
	Verify map[matrix.KeyID]ed25519.PublicKey
	// Old are the keys that sign no longer, as far as they can be read.
	Old map[matrix.KeyID]OldKey
	// Signers are those that have signed the document: all of Verify, and of Old any.
	Signers    map[matrix.KeyID]ed25519.PublicKey
	ValidUntil time.Time // as the server says, however far away, or past
}

// OldKey is a key that signs no longer; what it signed before Expired still counts.
type OldKey struct {
	Key     ed25519.PublicKey
	Expired time.Time
}

// Parse reads the document that a server sent, whole or not at all: each ed25519 key of
// verify_keys must have signed it, or the server could publish, as its own, a key that it
// does not hold. Algorithms that the specification does not know are passed over. The error
// is ErrDocument, whose text quotes nothing of the document but key ids.
func Parse(server matrix.ServerName, body []byte) (Document, error) {
	d, signatures, err := read(server, body)
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if err := d.check(signatures); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return d, nil
}

// signatures is those of a document's own server, by key.
type signatures map[string]string

// read takes the document apart and writes it anew, its own server's signatures alone.
func read(server matrix.ServerName, body []byte) (d Document, own signatures, err error) {
	var m members
	var all map[string]jsontext.Value
	var proofs struct {
		Signatures map[string]map[string]string `json:"signatures"`
	}
	for _, into := range []any{&m, &all, &proofs} {
		if json.Unmarshal(body, into) != nil {
			return Document{}, nil, errors.New("it is not JSON of the expected shape")
		}
	}
	if m.ServerName != server {
		return Document{}, nil, errors.New("it is another server's")
	}
	if len(m.VerifyKeys) > maxKeys || len(m.OldVerifyKeys) > 10*maxKeys {
		return Document{}, nil, errors.New("it has too many keys")
	}
	d = Document{Server: server, Signers: map[matrix.KeyID]ed25519.PublicKey{}, ValidUntil: time.UnixMilli(m.ValidUntilTS), Old: m.old()}
	if d.Verify, err = m.verify(); err != nil {
		return Document{}, nil, err
	}
	own = proofs.Signatures[server.String()]
	d.JSON, err = rewrite(server, all, d.known(own))
	return d, own, err
}

func (m members) verify() (map[matrix.KeyID]ed25519.PublicKey, error) {
	keys := map[matrix.KeyID]ed25519.PublicKey{}
	for name, published := range m.VerifyKeys {
		if !strings.HasPrefix(string(name), "ed25519:") {
			continue
		}
		key, ok := readKey(name, published.Key)
		if !ok {
			return nil, errors.New("a key is malformed")
		}
		keys[name] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key")
	}
	return keys, nil
}

// old are the former keys. One that cannot be read cannot verify anything, and is left
// out, as is one that still signs.
func (m members) old() map[matrix.KeyID]OldKey {
	keys := map[matrix.KeyID]OldKey{}
	for name, published := range m.OldVerifyKeys {
		if _, signs := m.VerifyKeys[name]; signs || published.ExpiredTS <= 0 {
			continue
		}
		if key, ok := readKey(name, published.Key); ok {
			keys[name] = OldKey{Key: key, Expired: time.UnixMilli(published.ExpiredTS)}
		}
	}
	return keys
}

func readKey(name matrix.KeyID, encoded string) (ed25519.PublicKey, bool) {
	_, ok := matrix.ParseKeyID(string(name))
	key, err := matrix.DecodeBase64(encoded)
	return key, ok && err == nil && len(key) == ed25519.PublicKeySize && ofLargeOrder(key)
}

// ofLargeOrder refuses the few points by which a signature of anybody verifies (RFC 8032
// leaves them out by making keys, not by checking them).
func ofLargeOrder(key []byte) bool {
	p, err := new(edwards25519.Point).SetBytes(key)
	return err == nil && new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0
}

// known is those of the signatures whose keys stand in the document.
func (d Document) known(all signatures) signatures {
	some := signatures{}
	for id, signature := range all {
		_, signs := d.Verify[matrix.KeyID(id)]
		_, signed := d.Old[matrix.KeyID(id)]
		if signs || signed && len(some) < 2*maxKeys {
			some[id] = signature
		}
	}
	return some
}

// rewrite writes the members down in canonical form, with these signatures alone: others'
// say nothing of the server, and anybody could add some.
func rewrite(server matrix.ServerName, all map[string]jsontext.Value, own signatures) ([]byte, error) {
	delete(all, "unsigned")
	kept, err := json.Marshal(map[matrix.ServerName]signatures{server: own})
	if err != nil {
		return nil, err
	}
	all["signatures"] = kept
	written, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	canonical, err := matrix.CanonicalJSON(written)
	if err == nil && len(canonical) > MaxSize {
		err = errors.New("it is too large")
	}
	return canonical, err
}

// check checks each signature that was kept. One of a former key that does not hold is left
// out, and the document written once more without it.
func (d *Document) check(own signatures) error {
	for id, key := range d.Verify {
		if err := matrix.Verify(d.Server, id, key, d.JSON); err != nil {
			return fmt.Errorf("by %s: %w", id, err)
		}
		d.Signers[id] = key
	}
	held := signatures{}
	for id, signature := range d.known(own) {
		if old, former := d.Old[matrix.KeyID(id)]; former {
			if matrix.Verify(d.Server, matrix.KeyID(id), old.Key, d.JSON) != nil {
				continue
			}
			d.Signers[matrix.KeyID(id)] = old.Key
		}
		held[id] = signature
	}
	return d.rewrite(held)
}

func (d *Document) rewrite(own signatures) (err error) {
	var all map[string]jsontext.Value
	if err := json.Unmarshal(d.JSON, &all); err != nil {
		return err
	}
	d.JSON, err = rewrite(d.Server, all, own)
	return err
}
