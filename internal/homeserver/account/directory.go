package account

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Active tells whether a user has an account that has not ended, as q sees it.
func (a *Accounts) Active(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error) {
	return userActive(ctx, q, user)
}

// Ended tells whether a user is of this server and has no account that has not ended.
func (a *Accounts) Ended(ctx context.Context, q store.Queryer, user matrix.UserID) (bool, error) {
	if user.Server() != a.ServerName {
		return false, nil
	}
	active, err := userActive(ctx, q, user)
	return !active && err == nil, err
}

// Known is Devices as q sees them: the transaction of what is written for them, or the
// database.
func (a *Accounts) Known(ctx context.Context, q store.Queryer, user matrix.UserID) ([]DeviceInfo, error) {
	devices, err := selectDevices(ctx, q, user)
	if err != nil {
		return nil, fmt.Errorf("reading a user's devices: %w", err)
	}
	return devices, nil
}
