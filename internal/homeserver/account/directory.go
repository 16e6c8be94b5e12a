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

// ActiveAmong are those of some users who have an account that has not ended.
func (a *Accounts) ActiveAmong(ctx context.Context, users []matrix.UserID) (map[matrix.UserID]bool, error) {
	if len(users) == 0 {
		return nil, nil
	}
	active, err := selectActive(ctx, a.DB, users)
	if err != nil {
		return nil, fmt.Errorf("looking for users: %w", err)
	}
	found := make(map[matrix.UserID]bool, len(active))
	for _, user := range active {
		found[user] = true
	}
	return found, nil
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
