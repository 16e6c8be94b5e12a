package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"signet/internal/matrix"
	"signet/internal/store"
)

// DeviceID names a device among those of its user.
type DeviceID string

// Device is a client that a user has logged in with.
type Device struct {
	User matrix.UserID
	ID   DeviceID
}

// NewDevice is what a client says of the device that it logs in. Without an ID the
// server chooses one; the display name is for a device that is not known yet.
type NewDevice struct {
	ID          DeviceID
	DisplayName string
	Refreshes   bool // it can refresh its access token
}

// Login is a device that has just been let in, and the tokens it was given: a refresh
// token if it can use one, and how long the access token is good, 0 for no end. Nobody,
// the server included, can learn the tokens again.
type Login struct {
	Device
	AccessToken  string
	RefreshToken string
	ExpiresIn    time.Duration
}

const (
	maxDeviceID    = 255 // octets, as for the specification's other ids
	maxDisplayName = 100 // characters
)

// settled is the device with an id and a name of bearable length. ErrDeviceID is
// the error of an id that could not stand in a key's name or a path.
func (d NewDevice) settled() (NewDevice, error) {
	if d.ID == "" {
		d.ID = DeviceID(rand.Text()[:10])
	}
	if len(d.ID) > maxDeviceID || strings.ContainsFunc(string(d.ID), unseen) {
		return NewDevice{}, ErrDeviceID
	}
	d.DisplayName = cut(d.DisplayName)
	return d, nil
}

// cut shortens a display name to what lists can show.
func cut(name string) string {
	if letters := []rune(name); len(letters) > maxDisplayName {
		return string(letters[:maxDisplayName])
	}
	return name
}

func unseen(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// letIn gives the device new tokens. Those that it had before end (client-server API,
// "Relationship between access tokens and devices"). The error is ErrCredentials if the
// user has not that password any more.
func (a *Accounts) letIn(ctx context.Context, tx *store.Tx, user matrix.UserID, hash passwordHash, d NewDevice) (Login, error) {
	device := Device{User: user, ID: d.ID}
	now := a.Now()
	info := DeviceInfo{Device: device, DisplayName: d.DisplayName, Seen: now.Truncate(seenStep)}
	in, err := putDevice(ctx, tx, info, hash, now)
	if err != nil {
		return Login{}, fmt.Errorf("storing a device: %w", err)
	}
	if !in {
		return Login{}, ErrCredentials
	}
	ended, err := deleteGrantsOfDevice(ctx, tx, device)
	if err := tell(ctx, tx, user, ended, err); err != nil {
		return Login{}, fmt.Errorf("ending a device's tokens: %w", err)
	}
	return a.issue(ctx, tx, device, d.Refreshes, nil)
}

// DeviceInfo is a device as its owner sees it.
type DeviceInfo struct {
	Device
	DisplayName string
	Seen        time.Time // the hour of it
}

// ErrNoDevice says that the user has no such device.
var ErrNoDevice = errors.New("the user has no such device")

// Devices lists the devices of a user, the oldest first.
func (a *Accounts) Devices(ctx context.Context, user matrix.UserID) ([]DeviceInfo, error) {
	devices, err := selectDevices(ctx, a.DB, user)
	if err != nil {
		return nil, fmt.Errorf("listing devices: %w", err)
	}
	return devices, nil
}

// DeviceInfo is one device. The error is ErrNoDevice.
func (a *Accounts) DeviceInfo(ctx context.Context, d Device) (DeviceInfo, error) {
	info, err := selectDevice(ctx, a.DB, d)
	if err != nil {
		return DeviceInfo{}, fmt.Errorf("reading a device: %w", err)
	}
	return info, nil
}

// RenameDevice gives a device another display name, cut to a bearable length. The error
// is ErrNoDevice.
func (a *Accounts) RenameDevice(ctx context.Context, d Device, name string) error {
	there, err := updateDeviceName(ctx, a.DB, d, cut(name))
	if err != nil {
		return fmt.Errorf("renaming a device: %w", err)
	}
	if !there {
		return ErrNoDevice
	}
	return nil
}

// DeleteDevices is Logout for those of the caller's devices that have one of the ids; the
// others are gone already. It has to be authenticated.
func (a *Accounts) DeleteDevices(ctx context.Context, by Device, ids []DeviceID, auth *Auth) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	op := Operation{Name: OpDeleteDevices, By: by}
	for _, id := range ids {
		op.Params = append(op.Params, string(id))
	}
	err := a.Authenticated(ctx, op, auth, func(tx *store.Tx) error {
		devices, err := selectDevices(ctx, tx, by.User)
		for _, d := range devices {
			if _, meant := slices.BinarySearch(ids, d.ID); err == nil && meant {
				err = endDevice(ctx, tx, d.Device)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("deleting devices: %w", err)
	}
	return nil
}
