package e2ee

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// CrossSigningUpload is the cross-signing keys that a user publishes at once; nil for
// those that stay.
type CrossSigningUpload struct {
	Master      jsontext.Value
	SelfSigning jsontext.Value
	UserSigning jsontext.Value
}

// Authenticate lets a user show again who they are, by User-Interactive Authentication.
// What it returns is called in the transaction of what was authenticated for, and spends
// it; an error of that function that stream.Refuse has not marked undoes the transaction.
type Authenticate func(ctx context.Context) (spend func(context.Context, *store.Tx) error, err error)

// errAuthentication is why keys are not stored before the user has authenticated.
var errAuthentication = errors.New("replacing cross-signing keys needs authentication")

// UploadCrossSigning publishes cross-signing keys. The first ones need no authentication,
// nor does the same again (client-server API, /keys/device_signing/upload; MSC3967): only
// where other keys would take their place, or stand beside them, authenticate is called,
// and its error returned. Other errors are of signedkey, ErrNoMaster and ErrKeyIDInUse.
func (e *Encryption) UploadCrossSigning(ctx context.Context, user matrix.UserID, u CrossSigningUpload, authenticate Authenticate) error {
	keys, err := u.parse(user)
	if err != nil {
		return err
	}
	told, err := e.toldOf(ctx, user, true)
	if err != nil {
		return err
	}
	err = e.putCrossSigning(ctx, user, keys, told, nil)
	if !errors.Is(err, errAuthentication) {
		return unlessUnchanged(err)
	}
	spend, err := authenticate(ctx)
	if err != nil {
		return err
	}
	return unlessUnchanged(e.putCrossSigning(ctx, user, keys, told, spend))
}

func (u CrossSigningUpload) parse(user matrix.UserID) ([]signedkey.CrossSigning, error) {
	var keys []signedkey.CrossSigning
	for _, part := range []struct {
		usage signedkey.Usage
		raw   jsontext.Value
	}{
		{signedkey.Master, u.Master}, {signedkey.SelfSigning, u.SelfSigning}, {signedkey.UserSigning, u.UserSigning},
	} {
		if part.raw == nil {
			continue
		}
		key, err := signedkey.ParseCrossSigning(part.raw, user, part.usage)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// putCrossSigning stores keys; without spend only where that is allowed.
func (e *Encryption) putCrossSigning(ctx context.Context, user matrix.UserID, keys []signedkey.CrossSigning, told told,
	spend func(context.Context, *store.Tx) error) error {
	return e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		if err := e.admit(ctx, tx, user); err != nil {
			return err
		}
		plan, err := e.planCrossSigning(ctx, tx, user, keys)
		if err != nil {
			return err
		}
		if plan.replaces {
			if spend == nil {
				return stream.Refuse(errAuthentication)
			}
			if err := spend(ctx, tx); err != nil {
				return err
			}
		}
		if err := plan.store(ctx, tx, user); err != nil {
			return fmt.Errorf("storing cross-signing keys: %w", err)
		}
		if err := e.crossSigned(ctx, tx, user); err != nil {
			return err
		}
		if err := e.list(ctx, tx, pos, user, told, nil); err != nil {
			return err
		}
		return e.queueSigningKeys(ctx, tx, user, plan.added, told.servers)
	})
}

func (e *Encryption) crossSigned(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	if e.CrossSigned == nil {
		return nil
	}
	return e.CrossSigned(ctx, tx, user)
}

// CrossSigning is the cross-signing keys of a user of this server, with the signatures that the
// user has made of them.
func (e *Encryption) CrossSigning(ctx context.Context, user matrix.UserID) ([]signedkey.CrossSigning, error) {
	keys, err := selectCrossSigning(ctx, e.DB, user)
	if err != nil {
		return nil, fmt.Errorf("reading cross-signing keys: %w", err)
	}
	signatures, err := selectSignatures(ctx, e.DB, user, user)
	if err != nil {
		return nil, fmt.Errorf("reading signatures: %w", err)
	}
	for i := range keys {
		keys[i].Signatures = signatures[keys[i].Name]
	}
	return keys, nil
}

// crossSigningPlan is what of an upload is new.
type crossSigningPlan struct {
	added    []signedkey.CrossSigning // with the signatures that are to stand
	outdated []signedkey.CrossSigning // of which nothing is to be left
	replaces bool                     // there was a master key before
}

// planCrossSigning reads all that keys are judged by, and writes nothing.
func (e *Encryption) planCrossSigning(ctx context.Context, tx *store.Tx, user matrix.UserID, keys []signedkey.CrossSigning) (crossSigningPlan, error) {
	var plan crossSigningPlan
	stored, err := selectCrossSigning(ctx, tx, user)
	if err != nil {
		return plan, fmt.Errorf("reading cross-signing keys: %w", err)
	}
	before := byUsage(stored)
	added := map[signedkey.Usage]signedkey.CrossSigning{}
	for _, key := range keys {
		if !bytes.Equal(before[key.Usage].Signed, key.Signed) {
			added[key.Usage] = key
		}
	}
	if len(added) == 0 {
		return plan, stream.Refuse(errUnchanged)
	}
	master, renewed := added[signedkey.Master]
	if !renewed {
		master = before[signedkey.Master]
	}
	plan.replaces = len(before) > 0
	if plan.added, err = e.checkCrossSigning(ctx, tx, user, master, added); err != nil {
		return plan, err
	}
	for _, old := range stored {
		if _, again := added[old.Usage]; again || renewed {
			plan.outdated = append(plan.outdated, old)
		}
	}
	return plan, nil
}

func byUsage(keys []signedkey.CrossSigning) map[signedkey.Usage]signedkey.CrossSigning {
	m := map[signedkey.Usage]signedkey.CrossSigning{}
	for _, key := range keys {
		m[key.Usage] = key
	}
	return m
}

// checkCrossSigning is new keys with those of their signatures that are right: the master
// key signs the two others, and devices may sign the master key. No key may be called as a
// device is, since signatures name both in one way.
func (e *Encryption) checkCrossSigning(ctx context.Context, tx *store.Tx, user matrix.UserID, master signedkey.CrossSigning,
	added map[signedkey.Usage]signedkey.CrossSigning) (checked []signedkey.CrossSigning, err error) {
	names, err := e.displayNames(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	devices, err := selectDevices(ctx, tx, user)
	if err != nil {
		return nil, fmt.Errorf("reading device keys: %w", err)
	}
	for _, key := range added {
		if _, taken := names[DeviceID(key.Name)]; taken {
			return nil, stream.Refuse(ErrKeyIDInUse)
		}
		kept := signedkey.Signatures{}
		switch {
		case key.Usage == signedkey.Master:
			if kept, err = signedByDevices(user, key, devices); err != nil {
				return nil, stream.Refuse(err)
			}
		case master.Name == "":
			return nil, stream.Refuse(ErrNoMaster)
		case !key.SignedBy(user, master.Name, master.Ed25519):
			return nil, stream.Refuse(signedkey.ErrSignature)
		default:
			kept.Add(user, master.Name, key.Signatures[user][master.Name])
		}
		key.Signatures = kept
		checked = append(checked, key)
	}
	return checked, nil
}

// signedByDevices is the signatures of a master key by its owner's devices. One that is
// wrong is an error; one by a key that is not there says nothing.
func signedByDevices(user matrix.UserID, key signedkey.CrossSigning, devices map[DeviceID]signedkey.Device) (signedkey.Signatures, error) {
	kept := signedkey.Signatures{}
	for by, text := range key.Signatures[user] {
		public := devices[DeviceID(by)].Ed25519
		if by == key.Name {
			public = key.Ed25519
		}
		if public == nil {
			continue
		}
		if !key.SignedBy(user, by, public) {
			return nil, signedkey.ErrSignature
		}
		kept.Add(user, by, text)
	}
	return kept, nil
}

// store writes the plan. With a key goes all that it has signed, and what was signed of
// it; with a master key the keys below it, which it has signed.
func (p crossSigningPlan) store(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	for _, old := range p.outdated {
		if err := forgetCrossSigning(ctx, tx, user, old); err != nil {
			return err
		}
	}
	for _, key := range p.added {
		if err := putCrossSigning(ctx, tx, user, key); err != nil {
			return err
		}
		if err := putSignatures(ctx, tx, user, key.Name, key.Signatures); err != nil {
			return err
		}
	}
	return nil
}

func forgetCrossSigning(ctx context.Context, tx *store.Tx, user matrix.UserID, key signedkey.CrossSigning) error {
	if err := deleteSignaturesOf(ctx, tx, user, key.Name); err != nil {
		return err
	}
	if err := deleteSignaturesBy(ctx, tx, user, key.Name); err != nil {
		return err
	}
	return deleteCrossSigning(ctx, tx, user, key.Usage)
}
