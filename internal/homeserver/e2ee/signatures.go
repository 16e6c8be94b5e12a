package e2ee

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// SignedKeys are keys with new signatures, by their owner and by the name of the key: a
// device id, or a public key in base64.
type SignedKeys map[matrix.UserID]map[string]jsontext.Value

// SignatureFailures say of each key why it was not signed.
type SignatureFailures map[matrix.UserID]map[string]error

func (f SignatureFailures) add(user matrix.UserID, key string, err error) {
	if f[user] == nil {
		f[user] = map[string]error{}
	}
	f[user][key] = err
}

// maxSigned is how many keys may be signed at once.
const maxSigned = 500

// failures of one key that leave the others as they are.
var signatureErrors = []error{
	signedkey.ErrMalformed, signedkey.ErrTooLarge, signedkey.ErrSignature, signedkey.ErrOwner, signedkey.ErrAlgorithm,
	ErrNoKey, ErrOtherKey, ErrNotSignable, ErrNoRemote,
}

// UploadSignatures stores what a user has signed: devices of their own by the
// self-signing key, the own master key by devices, and others' master keys by the
// user-signing key. Each is judged by itself. The error is ErrTooMany.
func (e *Encryption) UploadSignatures(ctx context.Context, user matrix.UserID, keys SignedKeys) (SignatureFailures, error) {
	n := 0
	for _, byName := range keys {
		n += len(byName)
	}
	if n > maxSigned {
		return nil, ErrTooMany
	}
	failures, masters := SignatureFailures{}, e.remoteMasters(ctx, keys)
	for target, byName := range keys {
		for name, raw := range byName {
			err := e.uploadSignature(ctx, user, target, name, raw, masters)
			if failed(err) {
				failures.add(target, name, err)
			} else if err != nil {
				return nil, err
			}
		}
	}
	return failures, nil
}

func failed(err error) bool {
	for _, f := range signatureErrors {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}

func (e *Encryption) uploadSignature(ctx context.Context, user, target matrix.UserID, name string, raw []byte, masters remoteMasters) error {
	object, err := signedkey.ParseObject(raw)
	if err != nil {
		return err
	}
	if !matrix.ValidID(target.String()) || !matrix.ValidID(name) {
		return ErrNoKey
	}
	if target != user {
		return e.signOther(ctx, user, target, name, object, masters)
	}
	told, err := e.toldOf(ctx, user, true)
	if err != nil {
		return err
	}
	return e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		if err := e.admit(ctx, tx, user); err != nil {
			return err
		}
		key, err := ownSignable(ctx, tx, user, name)
		if err != nil {
			return err
		}
		made, err := key.judge(user, object)
		if err != nil {
			return stream.Refuse(err)
		}
		if err := putSignatures(ctx, tx, user, name, made); err != nil {
			return fmt.Errorf("storing signatures: %w", err)
		}
		var u *update
		if key.device {
			if u, err = signedUpdate(ctx, tx, Device{user, DeviceID(name)}, signedkey.Device{Object: signedkey.Object{Signed: key.signed}}); err != nil {
				return err
			}
		}
		return e.list(ctx, tx, pos, user, told, u)
	})
}

// signable is a key with the keys that may sign it, by their names.
type signable struct {
	signed []byte
	by     map[string]ed25519.PublicKey
	device bool
}

// judge is the signatures of the object that count. Those of keys that may not sign it
// are there because clients send the whole object; they are left out.
func (s signable) judge(user matrix.UserID, object signedkey.Object) (signedkey.Signatures, error) {
	if !bytes.Equal(s.signed, object.Signed) {
		return nil, ErrOtherKey
	}
	made := signedkey.Signatures{}
	for by, text := range object.Signatures[user] {
		public, may := s.by[by]
		if !may {
			continue
		}
		if !object.SignedBy(user, by, public) {
			return nil, signedkey.ErrSignature
		}
		made.Add(user, by, text)
	}
	if len(made) == 0 {
		return nil, signedkey.ErrSignature
	}
	return made, nil
}

// ownSignable finds one of a user's own keys.
func ownSignable(ctx context.Context, tx *store.Tx, user matrix.UserID, name string) (signable, error) {
	devices, err := selectDevices(ctx, tx, user)
	if err != nil {
		return signable{}, fmt.Errorf("reading device keys: %w", err)
	}
	stored, err := selectCrossSigning(ctx, tx, user)
	if err != nil {
		return signable{}, fmt.Errorf("reading cross-signing keys: %w", err)
	}
	cross := byUsage(stored)
	s := signable{by: map[string]ed25519.PublicKey{}}
	if device, found := devices[DeviceID(name)]; found {
		s.signed, s.device = device.Signed, true
		s.may(cross[signedkey.SelfSigning])
		return s, nil
	}
	for _, key := range stored {
		if key.Name != name {
			continue
		}
		s.signed = key.Signed
		if key.Usage != signedkey.Master {
			s.may(cross[signedkey.Master])
			return s, nil
		}
		for id, device := range devices {
			s.by[string(id)] = device.Ed25519
		}
		return s, nil
	}
	return signable{}, stream.Refuse(ErrNoKey)
}

// may lets a key sign that is there.
func (s signable) may(key signedkey.CrossSigning) {
	if key.Name != "" {
		s.by[key.Name] = key.Ed25519
	}
}

// signOther stores what a user has signed of another's master key. The user's own devices
// alone see it, and are told.
func (e *Encryption) signOther(ctx context.Context, user, target matrix.UserID, name string, object signedkey.Object, masters remoteMasters) error {
	var elsewhere signedkey.CrossSigning
	if !e.local(target) {
		var err error
		if elsewhere, err = masters.of(target); err != nil {
			return err
		}
	}
	return e.commit(ctx, []matrix.UserID{user}, func(tx *store.Tx, pos stream.Pos) error {
		if err := e.admit(ctx, tx, user); err != nil {
			return err
		}
		key, err := e.otherSignable(ctx, tx, user, target, name, elsewhere)
		if err != nil {
			return err
		}
		made, err := key.judge(user, object)
		if err != nil {
			return stream.Refuse(err)
		}
		if err := putSignatures(ctx, tx, target, name, made); err != nil {
			return fmt.Errorf("storing signatures: %w", err)
		}
		_, err = e.listFor(ctx, tx, pos, user, target)
		return err
	})
}

// otherSignable is another user's master key, which the user's user-signing key may sign.
// elsewhere is the key of a user who is not here.
func (e *Encryption) otherSignable(ctx context.Context, tx *store.Tx, user, target matrix.UserID, name string, elsewhere signedkey.CrossSigning) (signable, error) {
	master := elsewhere
	if e.local(target) {
		stored, err := selectCrossSigning(ctx, tx, target)
		if err != nil {
			return signable{}, fmt.Errorf("reading cross-signing keys: %w", err)
		}
		master = byUsage(stored)[signedkey.Master]
	}
	switch {
	case master.Name == "":
		return signable{}, stream.Refuse(ErrNoKey)
	case master.Name != name:
		return signable{}, stream.Refuse(ErrNotSignable)
	}
	own, err := selectCrossSigning(ctx, tx, user)
	if err != nil {
		return signable{}, fmt.Errorf("reading cross-signing keys: %w", err)
	}
	s := signable{signed: master.Signed, by: map[string]ed25519.PublicKey{}}
	s.may(byUsage(own)[signedkey.UserSigning])
	return s, nil
}

// remoteMasters are the master keys of users elsewhere.
type remoteMasters struct {
	keys     Keys
	failures Failures
}

// remoteMasters asks for those that are to be signed: each server once, and all of them
// for as long as one may take.
func (e *Encryption) remoteMasters(ctx context.Context, signed SignedKeys) remoteMasters {
	queries := map[matrix.ServerName]Query{}
	for user := range signed {
		if e.local(user) || !validUsers(Query{user: {}}) {
			continue
		}
		if queries[user.Server()] == nil {
			queries[user.Server()] = Query{}
		}
		queries[user.Server()][user] = nil
	}
	masters := remoteMasters{keys: newKeys()}
	masters.failures = e.queryElsewhere(ctx, remoteWait, queries, masters.keys)
	return masters
}

func (m remoteMasters) of(user matrix.UserID) (signedkey.CrossSigning, error) {
	if err := m.failures[user.Server()]; err != nil {
		return signedkey.CrossSigning{}, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	if m.keys.Master[user] == nil {
		return signedkey.CrossSigning{}, ErrNoKey
	}
	return signedkey.ParseCrossSigning(m.keys.Master[user], user, signedkey.Master)
}
