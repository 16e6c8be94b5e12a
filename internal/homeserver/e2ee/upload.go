package e2ee

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// Upload is what a device publishes at once: its identity keys, or nil, and one-time and
// fallback keys by their names.
type Upload struct {
	Device   jsontext.Value
	OneTime  map[string]jsontext.Value
	Fallback map[string]jsontext.Value
}

const (
	// maxOneTime is how many one-time keys of an algorithm a device may have waiting.
	// Clients keep 50 to 100.
	maxOneTime = 500
	// maxGiven is how many one-time keys that were given out are remembered by name.
	maxGiven = 1000
)

// Upload publishes keys of a device and returns how many one-time keys are waiting then,
// by algorithm. All is published or nothing. The same again changes nothing, also where
// keys were given out meanwhile. The error is of signedkey, ErrKeyConflict, ErrTooMany,
// ErrTooManyKeys, ErrKeyIDInUse, ErrNoDeviceKeys or ErrNoDevice.
func (e *Encryption) Upload(ctx context.Context, d Device, u Upload) (map[string]int64, error) {
	if len(u.OneTime) > maxOneTime || len(u.Fallback) > maxOneTime {
		return nil, ErrTooMany
	}
	keys, err := e.parseUpload(ctx, d, u)
	if err != nil {
		return nil, err
	}
	if keys.empty() {
		return e.OneTimeCounts(ctx, d)
	}
	told, err := e.toldOf(ctx, d.User, keys.device != nil)
	if err != nil {
		return nil, err
	}
	err = e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		plan, err := e.planUpload(ctx, tx, d, keys)
		if err != nil {
			return err
		}
		return e.storeUpload(ctx, tx, pos, plan, told)
	})
	if err := unlessUnchanged(err); err != nil {
		return nil, err
	}
	return e.OneTimeCounts(ctx, d)
}

// keySet is an upload that has been read and whose signatures are right.
type keySet struct {
	device   *signedkey.Device
	signer   ed25519.PublicKey // by which one-time keys are signed
	oneTime  []signedkey.OneTime
	fallback []signedkey.OneTime
}

func (k keySet) empty() bool { return k.device == nil && len(k.oneTime)+len(k.fallback) == 0 }

// parseUpload checks signatures before the stream is taken up with the rest.
func (e *Encryption) parseUpload(ctx context.Context, d Device, u Upload) (keys keySet, err error) {
	if u.Device != nil {
		device, err := signedkey.ParseDevice(u.Device, d.User, string(d.ID))
		if err != nil {
			return keySet{}, err
		}
		keys.device, keys.signer = &device, device.Ed25519
	} else if len(u.OneTime)+len(u.Fallback) > 0 {
		if keys.signer, err = e.storedSigner(ctx, d); err != nil {
			return keySet{}, err
		}
	}
	signer := signedkey.Signer{User: d.User, Device: string(d.ID), Key: keys.signer}
	for name, raw := range u.OneTime {
		key, err := signedkey.ParseOneTime(name, raw, signer)
		if err != nil {
			return keySet{}, err
		}
		keys.oneTime = append(keys.oneTime, key)
	}
	keys.fallback, err = parseFallbacks(u.Fallback, signer)
	return keys, err
}

// storedSigner is the signing key that a device has published before.
func (e *Encryption) storedSigner(ctx context.Context, d Device) (ed25519.PublicKey, error) {
	stored, found, err := selectDevice(ctx, e.DB, d)
	if err != nil {
		return nil, fmt.Errorf("reading device keys: %w", err)
	}
	if !found {
		return nil, ErrNoDeviceKeys
	}
	return stored.Ed25519, nil
}

// parseFallbacks reads fallback keys, of each algorithm one at most.
func parseFallbacks(byName map[string]jsontext.Value, signer signedkey.Signer) (keys []signedkey.OneTime, err error) {
	algorithms := map[string]bool{}
	for name, raw := range byName {
		key, err := signedkey.ParseFallback(name, raw, signer)
		if err != nil {
			return nil, err
		}
		if algorithms[key.Algorithm] {
			return nil, signedkey.ErrMalformed
		}
		algorithms[key.Algorithm] = true
		keys = append(keys, key)
	}
	return keys, nil
}

// uploadPlan is what of an upload is new.
type uploadPlan struct {
	Device
	keys   *signedkey.Device // with the signatures that are to stand, or nil
	anew   bool              // the device has another signing key than before, or had none
	keySet                   // its one-time and fallback keys
}

// planUpload reads all that an upload is judged by, and writes nothing.
func (e *Encryption) planUpload(ctx context.Context, tx *store.Tx, d Device, keys keySet) (uploadPlan, error) {
	plan := uploadPlan{Device: d}
	known, err := e.hasDevice(ctx, tx, d)
	if err != nil {
		return plan, err
	}
	if !known {
		return plan, stream.Refuse(ErrNoDevice)
	}
	stored, found, err := selectDevice(ctx, tx, d)
	if err != nil {
		return plan, fmt.Errorf("reading device keys: %w", err)
	}
	plan.anew = !bytes.Equal(stored.Ed25519, keys.signer)
	switch {
	case keys.device == nil && plan.anew: // replaced since the signatures were checked
		return plan, stream.Refuse(signedkey.ErrSignature)
	case keys.device != nil:
		same := found && bytes.Equal(stored.Signed, keys.device.Signed)
		if plan.keys, err = planDevice(ctx, tx, d, *keys.device, same); err != nil {
			return plan, err
		}
	}
	if plan.oneTime, err = plan.planOneTime(ctx, tx, keys.oneTime); err != nil {
		return plan, err
	}
	if plan.fallback, err = plan.planFallback(ctx, tx, keys.fallback); err != nil {
		return plan, err
	}
	if plan.keys == nil && len(plan.oneTime)+len(plan.fallback) == 0 {
		return plan, stream.Refuse(errUnchanged)
	}
	return plan, nil
}

// planDevice is device keys with those of their signatures that are right: by the device,
// which has been checked, and by the user's self-signing key, with which a client that
// already has it signs its device before anybody sees it. Of keys that are the same as
// before it is nil, unless a signature is new.
func planDevice(ctx context.Context, tx *store.Tx, d Device, keys signedkey.Device, same bool) (*signedkey.Device, error) {
	own, err := selectCrossSigning(ctx, tx, d.User)
	if err != nil {
		return nil, fmt.Errorf("reading cross-signing keys: %w", err)
	}
	kept, before := signedkey.Signatures{}, 0
	if same {
		stored, err := selectSignatures(ctx, tx, d.User, "")
		if err != nil {
			return nil, fmt.Errorf("reading signatures: %w", err)
		}
		for by, text := range stored[string(d.ID)][d.User] {
			kept.Add(d.User, by, text)
		}
		before = len(kept[d.User])
	}
	if signature, signed := keys.Signatures[d.User][string(d.ID)]; signed {
		kept.Add(d.User, string(d.ID), signature)
	}
	for _, key := range own {
		if key.Name == string(d.ID) {
			return nil, stream.Refuse(ErrKeyIDInUse)
		}
		if key.Usage == signedkey.SelfSigning && keys.SignedBy(d.User, key.Name, key.Ed25519) {
			kept.Add(d.User, key.Name, keys.Signatures[d.User][key.Name])
		}
	}
	if same && len(kept[d.User]) == before {
		return nil, nil
	}
	keys.Signatures = kept
	return &keys, nil
}

// planOneTime is those of the keys that are neither waiting nor given out.
func (p uploadPlan) planOneTime(ctx context.Context, tx *store.Tx, keys []signedkey.OneTime) ([]signedkey.OneTime, error) {
	if p.anew || len(keys) == 0 {
		return keys, nil
	}
	waiting, err := selectOneTime(ctx, tx, p.Device)
	if err != nil {
		return nil, fmt.Errorf("reading one-time keys: %w", err)
	}
	given, err := selectGiven(ctx, tx, p.Device)
	if err != nil {
		return nil, fmt.Errorf("reading one-time keys that were given out: %w", err)
	}
	var added []signedkey.OneTime
	for _, key := range keys {
		old, waits := waiting[key.Name()]
		switch {
		case waits && old != string(key.JSON):
			return nil, stream.Refuse(ErrKeyConflict)
		case !waits && !given[key.Name()]:
			added = append(added, key)
		}
	}
	if len(waiting)+len(added) > maxOneTime {
		return nil, stream.Refuse(ErrTooManyKeys)
	}
	return added, nil
}

// planFallback is those of the keys that are not there already, used or not.
func (p uploadPlan) planFallback(ctx context.Context, tx *store.Tx, keys []signedkey.OneTime) ([]signedkey.OneTime, error) {
	var added []signedkey.OneTime
	for _, key := range keys {
		old, err := selectFallback(ctx, tx, p.Device, key.Algorithm)
		if err != nil {
			return nil, fmt.Errorf("reading a fallback key: %w", err)
		}
		if p.anew || old.name != key.Name() || string(old.json) != string(key.JSON) {
			added = append(added, key)
		}
	}
	return added, nil
}

// storeUpload writes the plan. With the old signing key of a device goes all that it has
// signed.
func (e *Encryption) storeUpload(ctx context.Context, tx *store.Tx, pos stream.Pos, p uploadPlan, told told) error {
	if p.anew {
		if err := deleteOneTime(ctx, tx, p.Device); err != nil {
			return fmt.Errorf("deleting one-time keys: %w", err)
		}
		if err := deleteSignaturesBy(ctx, tx, p.User, string(p.ID)); err != nil {
			return fmt.Errorf("deleting signatures: %w", err)
		}
	}
	if p.keys != nil {
		if err := storeDevice(ctx, tx, p.Device, *p.keys); err != nil {
			return fmt.Errorf("storing device keys: %w", err)
		}
		if err := e.list(ctx, tx, pos, p.User, told, updateOf(p.Device, *p.keys)); err != nil {
			return err
		}
	}
	if len(p.oneTime) > 0 {
		if err := trimGiven(ctx, tx, p.Device, maxGiven); err != nil {
			return fmt.Errorf("forgetting one-time keys: %w", err)
		}
	}
	for _, key := range p.oneTime {
		if err := insertOneTime(ctx, tx, p.Device, pos, key); err != nil {
			return fmt.Errorf("storing a one-time key: %w", err)
		}
	}
	for _, key := range p.fallback {
		if err := putFallback(ctx, tx, p.Device, key); err != nil {
			return fmt.Errorf("storing a fallback key: %w", err)
		}
	}
	return nil
}

func storeDevice(ctx context.Context, tx *store.Tx, d Device, keys signedkey.Device) error {
	if err := putDevice(ctx, tx, d, keys); err != nil {
		return err
	}
	if err := deleteSignaturesOf(ctx, tx, d.User, string(d.ID)); err != nil {
		return err
	}
	return putSignatures(ctx, tx, d.User, string(d.ID), keys.Signatures)
}

// putSignatures stores signatures of one key.
func putSignatures(ctx context.Context, tx *store.Tx, target matrix.UserID, key string, s signedkey.Signatures) error {
	for signer, byKey := range s {
		for name, text := range byKey {
			if err := putSignature(ctx, tx, signature{target: target, key: key, signer: signer, by: name, text: text}); err != nil {
				return err
			}
		}
	}
	return nil
}
