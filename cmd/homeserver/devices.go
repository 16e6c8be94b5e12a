package main

import (
	"context"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/e2ee"
	"signet/internal/matrix"
	"signet/internal/store"
)

// accountDevices is the accounts as encryption sees them.
type accountDevices struct{ accounts *account.Accounts }

// Devices are those that the user is logged in with.
func (d accountDevices) Devices(ctx context.Context, q store.Queryer, user matrix.UserID) ([]e2ee.KnownDevice, error) {
	known, err := d.accounts.Known(ctx, q, user)
	devices := make([]e2ee.KnownDevice, len(known))
	for i, k := range known {
		devices[i] = e2ee.KnownDevice{ID: e2ee.DeviceID(k.ID), DisplayName: k.DisplayName}
	}
	return devices, err
}
