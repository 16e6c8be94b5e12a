package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/homeserver/account"
)

// byPassword authenticates at once.
var byPassword = &account.Auth{Stage: account.StagePassword, Password: password}

func TestDevicesAreListedAndRenamed(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice").Device
		w.joined("bob")
		w.clock.Advance(time.Minute)
		phone := w.login(account.Credentials{Name: "alice", Password: password, Device: account.NewDevice{ID: "PHONE", DisplayName: "Phone"}}).Device
		devices, err := w.Devices(w.Context(), alice.User)
		if err != nil || len(devices) != 2 || devices[0].Device != alice || devices[1].Device != phone || devices[1].DisplayName != "Phone" {
			w.Fatalf("Devices = %+v, %v", devices, err)
		}
		if err := w.RenameDevice(w.Context(), phone, strings.Repeat("é", 101)); err != nil {
			w.Error(err)
		}
		if got, err := w.DeviceInfo(w.Context(), phone); err != nil || got.DisplayName != strings.Repeat("é", 100) {
			w.Errorf("DeviceInfo = %+v, %v; want the name cut", got, err)
		}
		for _, d := range []account.Device{{User: alice.User, ID: "NONE"}, {User: "@bob:hs.test", ID: "PHONE"}, {}} {
			if err := w.RenameDevice(w.Context(), d, "x"); !errors.Is(err, account.ErrNoDevice) {
				w.Errorf("renaming %v = %v, want %v", d, err, account.ErrNoDevice)
			}
			if _, err := w.DeviceInfo(w.Context(), d); !errors.Is(err, account.ErrNoDevice) {
				w.Errorf("DeviceInfo of %v = %v, want %v", d, err, account.ErrNoDevice)
			}
		}
	})
}

// When a device was seen is known to the hour, and no request moves it back.
func TestDevicesAreSeenByTheHour(t *testing.T) {
	each(t, func(w *world) {
		login := w.joined("alice")
		for range 5 {
			w.clock.Advance(25 * time.Minute)
			w.lets("the device", login.AccessToken, nil)
			want := w.clock.Now().Truncate(time.Hour)
			if got, err := w.DeviceInfo(w.Context(), login.Device); err != nil || !got.Seen.Equal(want) {
				w.Errorf("seen %v, %v; want %v", got.Seen, err, want)
			}
		}
	})
}

func TestDeletingDevices(t *testing.T) {
	each(t, func(w *world) {
		alice, bobs := w.joined("alice"), w.joined("bob")
		login := func(id account.DeviceID) account.Login {
			return w.login(account.Credentials{Name: "alice", Password: password, Device: account.NewDevice{ID: id}})
		}
		a, b, c := login("A"), login("B"), login("C")
		phones := w.openIDOf(a.Device)
		ids := []account.DeviceID{"B", "A", "B", "NONE", bobs.ID}
		if err := w.DeleteDevices(w.Context(), alice.Device, ids, byPassword); err != nil {
			w.Fatal(err)
		}
		w.lets("the first", a.AccessToken, account.ErrUnknownToken)
		w.lets("the second", b.AccessToken, account.ErrUnknownToken)
		w.lets("the third", c.AccessToken, nil)
		w.lets("the caller's", alice.AccessToken, nil)
		w.lets("Bob's", bobs.AccessToken, nil)
		if _, err := w.OpenIDUser(w.Context(), phones); !errors.Is(err, account.ErrUnknownToken) {
			w.Errorf("an OpenID token of a deleted device = %v, want %v", err, account.ErrUnknownToken)
		}
	})
}
