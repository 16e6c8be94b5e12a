package e2ee

import (
	"context"

	"signet/internal/matrix"
	"signet/internal/store"
)

// selectDeviceIDs returns the devices of which there is anything.
func selectDeviceIDs(ctx context.Context, q store.Queryer, user matrix.UserID) ([]DeviceID, error) {
	rows, err := q.Query(ctx, `SELECT device_id FROM e2ee_devices WHERE user_id = $1
		UNION SELECT device_id FROM e2ee_one_time_keys WHERE user_id = $1
		UNION SELECT device_id FROM e2ee_to_device WHERE user_id = $1`, string(user))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []DeviceID
	for rows.Next() {
		var id DeviceID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// selectDevicesAfter returns so many devices with keys or messages, in the order of their
// names in the index.
func selectDevicesAfter(ctx context.Context, q store.Queryer, after Device, most int) ([]Device, error) {
	rows, err := q.Query(ctx, `SELECT user_id, device_id FROM e2ee_devices WHERE (user_id, device_id) > ($1, $2)
		UNION SELECT user_id, device_id FROM e2ee_to_device WHERE (user_id, device_id) > ($1, $2)
		ORDER BY user_id, device_id LIMIT $3`, string(after.User), string(after.ID), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var devices []Device
	for rows.Next() {
		var d Device
		if err := rows.Scan(&d.User, &d.ID); err != nil {
			return nil, err
		}
		devices = append(devices, d)
	}
	return devices, rows.Err()
}

// deleteTraffic deletes what waits for a device, and what it is known by to have sent.
func deleteTraffic(ctx context.Context, tx *store.Tx, d Device) error {
	for _, statement := range []string{
		`DELETE FROM e2ee_to_device WHERE user_id = $1 AND device_id = $2`,
		`DELETE FROM e2ee_transactions WHERE sender = $1 AND device_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, string(d.User), string(d.ID)); err != nil {
			return err
		}
	}
	return nil
}

func insertLeaver(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `INSERT INTO e2ee_leavers (user_id) VALUES ($1) ON CONFLICT DO NOTHING`, string(user))
	return err
}

func deleteLeaver(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	_, err := tx.Exec(ctx, `DELETE FROM e2ee_leavers WHERE user_id = $1`, string(user))
	return err
}

func selectLeavers(ctx context.Context, q store.Queryer) ([]matrix.UserID, error) {
	return users(q.Query(ctx, `SELECT user_id FROM e2ee_leavers LIMIT 1000`))
}

// eraseUser deletes what is the user's beyond the devices.
func eraseUser(ctx context.Context, tx *store.Tx, user matrix.UserID) error {
	for _, statement := range []string{
		`DELETE FROM e2ee_cross_signing WHERE user_id = $1`,
		`DELETE FROM e2ee_signatures WHERE target_user = $1`,
		`DELETE FROM e2ee_signatures WHERE signer_user = $1`,
		`DELETE FROM e2ee_transactions WHERE sender = $1`,
		`DELETE FROM e2ee_lists WHERE viewer = $1 OR user_id = $1 AND viewer <> ''`,
		`DELETE FROM e2ee_given_keys WHERE user_id = $1`,
		`DELETE FROM e2ee_fallback_keys WHERE user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, string(user)); err != nil {
			return err
		}
	}
	return nil
}
