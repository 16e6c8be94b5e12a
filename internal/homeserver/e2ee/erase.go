package e2ee

import (
	"context"
	"fmt"

	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

// DeleteDevice erases all that there is of a device: its keys, what they have signed, and
// the messages that wait for it. It is to be called when the accounts no longer have the
// device, and may be called again; one that they have, as after another login, stays. What
// it fails to erase Sweep does.
func (e *Encryption) DeleteDevice(ctx context.Context, d Device) error {
	err := e.deleteDevice(ctx, d)
	if err != nil {
		e.reconciled.Store(false)
	}
	return err
}

func (e *Encryption) deleteDevice(ctx context.Context, d Device) error {
	told, err := e.toldOf(ctx, d.User, true)
	if err != nil {
		return err
	}
	err = e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		known, err := e.hasDevice(ctx, tx, d)
		if err != nil {
			return err
		}
		if known {
			return stream.Refuse(errUnchanged)
		}
		hadKeys, err := eraseDevice(ctx, tx, d)
		if err != nil {
			return fmt.Errorf("erasing a device: %w", err)
		}
		if !hadKeys {
			return nil // nobody has followed it
		}
		return e.list(ctx, tx, pos, d.User, told, &update{Device: d, deleted: true})
	})
	return unlessUnchanged(err)
}

func eraseDevice(ctx context.Context, tx *store.Tx, d Device) (hadKeys bool, err error) {
	if hadKeys, err = deleteDevice(ctx, tx, d); err != nil {
		return false, err
	}
	if err := deleteOneTime(ctx, tx, d); err != nil {
		return false, err
	}
	if err := deleteSignaturesOf(ctx, tx, d.User, string(d.ID)); err != nil {
		return false, err
	}
	if err := deleteSignaturesBy(ctx, tx, d.User, string(d.ID)); err != nil {
		return false, err
	}
	return hadKeys, deleteTraffic(ctx, tx, d)
}

// DeleteDevices is DeleteDevice for all devices of a user.
func (e *Encryption) DeleteDevices(ctx context.Context, user matrix.UserID) error {
	devices, err := selectDeviceIDs(ctx, e.DB, user)
	if err != nil {
		return fmt.Errorf("reading a user's devices: %w", err)
	}
	for _, id := range devices {
		if err := e.deleteUnknown(ctx, Device{user, id}); err != nil {
			return err
		}
	}
	return nil
}

// Leaver is account's: in the transaction that deactivates an account it erases the keys
// that are not a device's, and has Sweep do the rest where nobody calls Erase.
type Leaver struct{}

// Leave has nothing to ask, since keys are of no use to anybody then.
func (Leaver) Leave(ctx context.Context, tx *store.Tx, user matrix.UserID, _ bool) error {
	if err := eraseUser(ctx, tx, user); err != nil {
		return fmt.Errorf("erasing a user's keys: %w", err)
	}
	if err := insertLeaver(ctx, tx, user); err != nil {
		return fmt.Errorf("noting that a user has left: %w", err)
	}
	return nil
}

// Erase erases all that there is of a user, whose account has been deactivated: what
// DeleteDevice erases of each device, cross-signing keys, and signatures by anybody. That
// the list of devices has changed stays, for those who still have it. It may be called
// again.
func (e *Encryption) Erase(ctx context.Context, user matrix.UserID) error {
	if err := e.DeleteDevices(ctx, user); err != nil {
		return err
	}
	told, err := e.toldOf(ctx, user, true)
	if err != nil {
		return err
	}
	return e.commit(ctx, told.users, func(tx *store.Tx, pos stream.Pos) error {
		if err := eraseUser(ctx, tx, user); err != nil {
			return fmt.Errorf("erasing a user's keys: %w", err)
		}
		if err := deleteLeaver(ctx, tx, user); err != nil {
			return fmt.Errorf("noting that a user is erased: %w", err)
		}
		return e.list(ctx, tx, pos, user, told, nil)
	})
}

// Sweep forgets transactions that nobody will repeat, erases users who have left, and
// finishes the erasure of devices that has failed, or that a crash may have interrupted
// before the start.
func (e *Encryption) Sweep(ctx context.Context) error {
	left, err := selectLeavers(ctx, e.DB)
	if err != nil {
		return fmt.Errorf("reading who has left: %w", err)
	}
	for _, user := range left {
		if err := e.Erase(ctx, user); err != nil {
			return err
		}
	}
	if !e.reconciled.Swap(true) {
		if err := e.reconcile(ctx); err != nil {
			e.reconciled.Store(false)
			return err
		}
	}
	before := e.Now().Add(-transactionLife)
	for more := true; more; {
		var err error
		if more, err = deleteTransactionsBefore(ctx, e.DB, before, sweptAtOnce); err != nil {
			return fmt.Errorf("forgetting transactions: %w", err)
		}
	}
	return nil
}

// sweptAtOnce is how many rows are deleted before somebody else may write.
const sweptAtOnce = 1000

// reconcile erases devices that the accounts no longer have.
func (e *Encryption) reconcile(ctx context.Context) error {
	for after := (Device{}); ; {
		devices, err := selectDevicesAfter(ctx, e.DB, after, sweptAtOnce)
		if err != nil {
			return fmt.Errorf("reading devices with keys or messages: %w", err)
		}
		for _, d := range devices {
			if err := e.deleteUnknown(ctx, d); err != nil {
				return err
			}
			after = d
		}
		if len(devices) < sweptAtOnce {
			return nil
		}
	}
}

// deleteUnknown asks the accounts before it takes the stream up.
func (e *Encryption) deleteUnknown(ctx context.Context, d Device) error {
	names, err := e.displayNames(ctx, e.DB, d.User)
	if err != nil {
		return err
	}
	if _, known := names[d.ID]; known {
		return nil
	}
	return e.DeleteDevice(ctx, d)
}
