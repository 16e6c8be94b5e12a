package account

import (
	"context"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/store"
)

// Known is Devices as q sees them: the transaction of what is written for them, or the
// database.
func (a *Accounts) Known(ctx context.Context, q store.Queryer, user matrix.UserID) ([]DeviceInfo, error) {
	devices, err := selectDevices(ctx, q, user)
	if err != nil {
		return nil, fmt.Errorf("reading a user's devices: %w", err)
	}
	return devices, nil
}
