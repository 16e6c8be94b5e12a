package e2ee

import (
	"context"
	"database/sql"
	"errors"

	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/matrix"
	"signet/internal/store"
)

// selectDevice returns the device keys without their signatures.
func selectDevice(ctx context.Context, q store.Queryer, d Device) (keys signedkey.Device, found bool, err error) {
	err = q.QueryRow(ctx, `SELECT signed, ed25519 FROM e2ee_devices WHERE user_id = $1 AND device_id = $2`,
		string(d.User), string(d.ID)).Scan(&keys.Signed, &keys.Ed25519)
	if errors.Is(err, sql.ErrNoRows) {
		return signedkey.Device{}, false, nil
	}
	return keys, err == nil, err
}

// selectDevices returns all device keys of a user without their signatures.
func selectDevices(ctx context.Context, q store.Queryer, user matrix.UserID) (map[DeviceID]signedkey.Device, error) {
	rows, err := q.Query(ctx, `SELECT device_id, signed, ed25519 FROM e2ee_devices WHERE user_id = $1`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	devices := map[DeviceID]signedkey.Device{}
	for rows.Next() {
		var id DeviceID
		var keys signedkey.Device
		if err := rows.Scan(&id, &keys.Signed, &keys.Ed25519); err != nil {
			return nil, err
		}
		devices[id] = keys
	}
	return devices, rows.Err()
}

func putDevice(ctx context.Context, tx *store.Tx, d Device, keys signedkey.Device) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_devices (user_id, device_id, signed, ed25519) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id, device_id) DO UPDATE SET signed = $3, ed25519 = $4`,
		string(d.User), string(d.ID), string(keys.Signed), []byte(keys.Ed25519))
	return err
}

// deleteDevice tells whether the device had keys.
func deleteDevice(ctx context.Context, tx *store.Tx, d Device) (bool, error) {
	return store.Changed(tx.Exec(ctx, `DELETE FROM e2ee_devices WHERE user_id = $1 AND device_id = $2`, string(d.User), string(d.ID)))
}

// selectCrossSigning returns a user's cross-signing keys without their signatures.
func selectCrossSigning(ctx context.Context, q store.Queryer, user matrix.UserID) ([]signedkey.CrossSigning, error) {
	rows, err := q.Query(ctx, `SELECT usage, name, signed, ed25519 FROM e2ee_cross_signing WHERE user_id = $1`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []signedkey.CrossSigning
	for rows.Next() {
		var key signedkey.CrossSigning
		if err := rows.Scan(&key.Usage, &key.Name, &key.Signed, &key.Ed25519); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

func putCrossSigning(ctx context.Context, tx *store.Tx, user matrix.UserID, key signedkey.CrossSigning) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_cross_signing (user_id, usage, name, signed, ed25519) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, usage) DO UPDATE SET name = $3, signed = $4, ed25519 = $5`,
		string(user), string(key.Usage), key.Name, string(key.Signed), []byte(key.Ed25519))
	return err
}

func deleteCrossSigning(ctx context.Context, tx *store.Tx, user matrix.UserID, usage signedkey.Usage) error {
	_, err := tx.Exec(ctx, `DELETE FROM e2ee_cross_signing WHERE user_id = $1 AND usage = $2`, string(user), string(usage))
	return err
}

// signature is one of a key, by a key.
type signature struct {
	target matrix.UserID
	key    string // of target
	signer matrix.UserID
	by     string // of signer
	text   string
}

func putSignature(ctx context.Context, tx *store.Tx, s signature) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_signatures (target_user, target_key, signer_user, signer_key, signature) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (target_user, signer_user, target_key, signer_key) DO UPDATE SET signature = $5`,
		string(s.target), s.key, string(s.signer), s.by, s.text)
	return err
}

// selectSignatures returns the signatures of a user's keys, by the name of the key, that
// the user has made, and the viewer.
func selectSignatures(ctx context.Context, q store.Queryer, user, viewer matrix.UserID) (map[string]signedkey.Signatures, error) {
	rows, err := q.Query(ctx, `SELECT target_key, signer_user, signer_key, signature FROM e2ee_signatures
		WHERE target_user = $1 AND signer_user IN ($1, $2)`, string(user), string(viewer))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]signedkey.Signatures{}
	for rows.Next() {
		var s signature
		if err := rows.Scan(&s.key, &s.signer, &s.by, &s.text); err != nil {
			return nil, err
		}
		if all[s.key] == nil {
			all[s.key] = signedkey.Signatures{}
		}
		all[s.key].Add(s.signer, s.by, s.text)
	}
	return all, rows.Err()
}

// deleteSignaturesOf deletes what was signed of a key.
func deleteSignaturesOf(ctx context.Context, tx *store.Tx, user matrix.UserID, key string) error {
	_, err := tx.Exec(ctx, `DELETE FROM e2ee_signatures WHERE target_user = $1 AND target_key = $2`, string(user), key)
	return err
}

// deleteSignaturesBy deletes what a key has signed.
func deleteSignaturesBy(ctx context.Context, tx *store.Tx, user matrix.UserID, key string) error {
	_, err := tx.Exec(ctx, `DELETE FROM e2ee_signatures WHERE signer_user = $1 AND signer_key = $2`, string(user), key)
	return err
}
