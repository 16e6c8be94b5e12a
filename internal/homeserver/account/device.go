package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
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
}

// Login is a device that has just been let in, and the access token it was given.
// Nobody, the server included, can learn the token again.
type Login struct {
	Device
	AccessToken string
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
	if name := []rune(d.DisplayName); len(name) > maxDisplayName {
		d.DisplayName = string(name[:maxDisplayName])
	}
	return d, nil
}

func unseen(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// letIn gives the device a new token. A token that it had before ends: a device
// has one at a time (client-server API, "Relationship between access tokens and
// devices").
func (a *Accounts) letIn(ctx context.Context, tx *store.Tx, user matrix.UserID, d NewDevice) (Login, error) {
	login := Login{Device: Device{User: user, ID: d.ID}, AccessToken: newToken()}
	if err := putDevice(ctx, tx, login.Device, d.DisplayName, a.tokens.Of(login.AccessToken), a.Now()); err != nil {
		return Login{}, fmt.Errorf("storing a device: %w", err)
	}
	return login, nil
}

// Authenticate finds the device that an access token was given to. The error is
// ErrUnknownToken.
func (a *Accounts) Authenticate(ctx context.Context, token string) (Device, error) {
	device, err := selectDevice(ctx, a.DB, a.tokens.Of(token))
	if err != nil {
		return Device{}, fmt.Errorf("finding a device by its token: %w", err)
	}
	return device, nil
}

// Logout forgets the device, its access token and its OpenID tokens.
func (a *Accounts) Logout(ctx context.Context, d Device) error {
	err := a.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := deleteOpenIDOfDevice(ctx, tx, d); err != nil {
			return err
		}
		return deleteDevice(ctx, tx, d)
	})
	if err != nil {
		return fmt.Errorf("logging out a device: %w", err)
	}
	return nil
}

// LogoutAll is Logout for all devices of a user.
func (a *Accounts) LogoutAll(ctx context.Context, user matrix.UserID) error {
	err := a.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := deleteOpenIDOfUser(ctx, tx, user); err != nil {
			return err
		}
		return deleteDevicesOfUser(ctx, tx, user)
	})
	if err != nil {
		return fmt.Errorf("logging out all devices: %w", err)
	}
	return nil
}
