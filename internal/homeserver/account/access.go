package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/matrix"
	"signet/internal/store"
)

// AccessLife is how long an access token is good that its device can refresh. Others
// have no end.
const AccessLife = time.Hour

// ErrTokenExpired says that an access token has to be refreshed; the device lives on.
var ErrTokenExpired = errors.New("the access token has expired")

// grant is a pair of tokens as the database has it. Its parent is the pair that it was
// made from, while it has not been used: then the client may not have got it, and the
// parent is still good (client-server API, "Refreshing access tokens").
type grant struct {
	Device
	mac     []byte // of the access token
	refresh []byte // of the refresh token, nil for none
	parent  []byte // MAC of the parent's access token, nil for none
	expires time.Time
	seen    time.Time // the device was
}

// issue gives a device a new pair of tokens.
func (a *Accounts) issue(ctx context.Context, tx *store.Tx, d Device, refreshes bool, parent []byte) (Login, error) {
	login := Login{Device: d, AccessToken: newToken()}
	g := grant{Device: d, mac: a.tokens.Of(login.AccessToken), parent: parent}
	if refreshes {
		login.RefreshToken, login.ExpiresIn = newToken(), AccessLife
		g.refresh, g.expires = a.refreshes.Of(login.RefreshToken), a.Now().Add(AccessLife)
	}
	if err := insertGrant(ctx, tx, g); err != nil {
		return Login{}, fmt.Errorf("storing tokens: %w", err)
	}
	return login, nil
}

// Authenticate finds the device that an access token was given to. The error is
// ErrUnknownToken or ErrTokenExpired.
func (a *Accounts) Authenticate(ctx context.Context, token string) (Device, error) {
	mac := a.tokens.Of(token)
	if d, known := a.memory.find(mac, a.Now()); known {
		return d, nil
	}
	tick := a.memory.begin()
	g, err := selectGrant(ctx, a.DB, mac)
	switch {
	case err != nil:
		return Device{}, fmt.Errorf("finding a device by its token: %w", err)
	case !g.expires.IsZero() && !a.Now().Before(g.expires):
		return Device{}, ErrTokenExpired
	}
	if g.parent != nil {
		if err := a.ending(ctx, g.User, func(tx *store.Tx) error { return confirm(ctx, tx, g) }); err != nil {
			return Device{}, fmt.Errorf("ending former tokens: %w", err)
		}
	}
	seen, err := a.see(ctx, g)
	if err != nil {
		return Device{}, err
	}
	a.memory.put(mac, remembered{g.Device, g.expires, seen, tick})
	return g.Device, nil
}

// Refresh changes a refresh token for a new pair. The old pair stays good until the new
// one is used, and the token may be changed again until then, which ends the pair that it
// was changed for before. The error is ErrUnknownToken.
func (a *Accounts) Refresh(ctx context.Context, refreshToken string) (login Login, err error) {
	var user matrix.UserID
	defer func() {
		if user != "" {
			a.memory.forget(user)
		}
	}()
	err = a.DB.Tx(ctx, func(tx *store.Tx) error {
		g, err := selectGrantByRefresh(ctx, tx, a.refreshes.Of(refreshToken))
		if err != nil {
			return err
		}
		user = g.User
		if g.parent != nil {
			if err := confirm(ctx, tx, g); err != nil {
				return err
			}
		}
		ended, err := deleteChildren(ctx, tx, g.mac)
		if err := tell(ctx, tx, g.User, ended, err); err != nil {
			return err
		}
		login, err = a.issue(ctx, tx, g.Device, true, g.mac)
		return err
	})
	if err != nil {
		return Login{}, fmt.Errorf("refreshing tokens: %w", err)
	}
	return login, nil
}

// confirm ends the pair that g was made from: whoever uses g has it.
func confirm(ctx context.Context, tx *store.Tx, g grant) error {
	there, err := adopt(ctx, tx, g.mac)
	if err != nil {
		return err
	}
	if !there { // another pair of the same parent was made in the meantime
		return ErrUnknownToken
	}
	ended, err := deleteGrant(ctx, tx, g.parent)
	return tell(ctx, tx, g.User, ended, err)
}

// seenStep is how exactly it is kept when a device was last seen. More would be a diary
// of a person's day; and a write each time.
const seenStep = time.Hour

// see notes that a device was seen, and returns when.
func (a *Accounts) see(ctx context.Context, g grant) (time.Time, error) {
	now := a.Now().Truncate(seenStep)
	if !g.seen.Before(now) {
		return g.seen, nil
	}
	err := a.DB.TxSoon(ctx, func(tx *store.Tx) error { return updateSeen(ctx, tx, g.Device, now) })
	if err != nil {
		return time.Time{}, fmt.Errorf("noting that a device was seen: %w", err)
	}
	return now, nil
}

// endDevice forgets a device with all its tokens.
func endDevice(ctx context.Context, tx *store.Tx, d Device) error {
	if err := deleteOpenIDOfDevice(ctx, tx, d); err != nil {
		return err
	}
	ended, err := deleteGrantsOfDevice(ctx, tx, d)
	if err := tell(ctx, tx, d.User, ended, err); err != nil {
		return err
	}
	return deleteDevice(ctx, tx, d)
}

// endDevices forgets all devices of a user but one.
func endDevices(ctx context.Context, tx *store.Tx, user matrix.UserID, but DeviceID) error {
	devices, err := selectDevices(ctx, tx, user)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if d.ID == but {
			continue
		}
		if err := endDevice(ctx, tx, d.Device); err != nil {
			return err
		}
	}
	return nil
}

// Logout forgets the device, its access token and its OpenID tokens.
func (a *Accounts) Logout(ctx context.Context, d Device) error {
	err := a.ending(ctx, d.User, func(tx *store.Tx) error { return endDevice(ctx, tx, d) })
	if err != nil {
		return fmt.Errorf("logging out a device: %w", err)
	}
	return nil
}

// LogoutAll is Logout for all devices of a user, and for those that are about to log in by a
// token.
func (a *Accounts) LogoutAll(ctx context.Context, user matrix.UserID) error {
	err := a.ending(ctx, user, func(tx *store.Tx) error {
		if err := deleteLoginTokensOfUser(ctx, tx, user); err != nil {
			return err
		}
		return endDevices(ctx, tx, user, "")
	})
	if err != nil {
		return fmt.Errorf("logging out all devices: %w", err)
	}
	return nil
}
