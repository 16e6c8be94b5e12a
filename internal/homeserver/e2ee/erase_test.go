package e2ee_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/store"
)

// full is Alice with a device that has everything, and another one.
func (w *world) full() (phone, tablet e2eetest.Phone, identity e2eetest.Identity) {
	w.Helper()
	identity, bobs := w.identity(alice), w.identity(bob)
	w.ready(bob, "LAPTOP", 0)
	phone, tablet = w.ready(alice, "PHONE", 3), w.ready(alice, "TABLET", 3)
	w.upload(phone, e2ee.Upload{Fallback: phone.Fallback("F")})
	w.claim(alice, "PHONE")
	w.sign(alice, alice, "PHONE", e2eetest.Sign(alice, e2eetest.Name(identity.Self), identity.Self, phone.Keys()))
	w.sign(alice, alice, e2eetest.Name(identity.Master), e2eetest.Sign(alice, "PHONE", phone.Key, identity.MasterKey()))
	w.sign(alice, bob, e2eetest.Name(bobs.Master), e2eetest.Sign(alice, e2eetest.Name(identity.Others), identity.Others, bobs.MasterKey()))
	w.sign(bob, alice, e2eetest.Name(identity.Master), e2eetest.Sign(bob, e2eetest.Name(bobs.Others), bobs.Others, identity.MasterKey()))
	w.send(device(phone), "1", to(alice, e2ee.AllDevices, `{}`))
	return phone, tablet, identity
}

func TestADeletedDeviceIsGone(t *testing.T) {
	each(t, func(w *world) {
		phone, tablet, _ := w.full()
		since := w.stream.Visible()
		w.land.queued = nil
		w.logOut(device(phone))
		for range 2 {
			if err := w.DeleteDevice(w.Context(), device(phone)); err != nil {
				w.Fatal(err)
			}
		}
		if dump := w.dump(); strings.Contains(dump, "PHONE") {
			w.Errorf("something of the device is left:\n%s", dump)
		}
		w.changed("a deleted device", bob, since, alice)
		if devices := w.query(bob, alice).Devices[alice]; len(devices) != 1 || devices["TABLET"] == nil {
			w.Errorf("Bob sees %v", devices)
		}
		if len(w.land.queued) != 1 || !strings.Contains(string(w.land.queued[0].edu.Content), `"deleted":true`) {
			w.Errorf("other servers are told %v", w.land.queued)
		}
		w.send(device(tablet), "2", to(alice, "PHONE", `{}`))
		if n := w.count(`SELECT COUNT(*) FROM e2ee_to_device`); n != 1 {
			w.Errorf("%d messages wait, want the one for the tablet", n)
		}
	})
}

// Who has logged out everywhere is who they were, for all who have verified them.
func TestAUserWithoutDevicesKeepsTheirIdentity(t *testing.T) {
	each(t, func(w *world) {
		phone, tablet, identity := w.full()
		w.logOut(device(phone))
		w.logOut(device(tablet))
		if err := w.DeleteDevices(w.Context(), alice); err != nil {
			w.Fatal(err)
		}
		keys := w.query(bob, alice)
		if devices, there := keys.Devices[alice]; !there || len(devices) != 0 {
			w.Errorf("Bob sees devices %v, %t, want none of a user who is there", devices, there)
		}
		if !strings.Contains(string(keys.Master[alice]), e2eetest.Name(identity.Master)) || keys.SelfSigning[alice] == nil || keys.UserSigning[alice] != nil {
			w.Errorf("Bob sees the master key %s and the self-signing key %s", keys.Master[alice], keys.SelfSigning[alice])
		}
		list, err := w.DevicesOf(w.Context(), alice)
		if err != nil || list.Master == nil || len(list.Devices) != 0 {
			w.Errorf("another server is told %+v, %v", list, err)
		}
	})
}

func TestADeactivatedUserIsGone(t *testing.T) {
	each(t, func(w *world) {
		phone, tablet, identity := w.full()
		since := w.stream.Visible()
		w.logOut(device(phone))
		w.logOut(device(tablet))
		for range 2 {
			if err := w.Erase(w.Context(), alice); err != nil {
				w.Fatal(err)
			}
		}
		lines := slices.DeleteFunc(strings.Split(w.dump(), "\n"), func(line string) bool { return !strings.Contains(line, alice.String()) })
		for _, line := range lines {
			if !strings.HasPrefix(line, "e2ee_lists viewer= ") {
				w.Errorf("of Alice there is still %s", line)
			}
		}
		if dump := w.dump(); strings.Contains(dump, e2eetest.Name(identity.Others)) || strings.Contains(dump, e2eetest.Name(identity.Master)) {
			w.Errorf("a key of Alice's is left:\n%s", dump)
		}
		w.changed("a deactivated user", bob, since, alice)
		if keys := w.query(bob, alice); len(keys.Devices)+len(keys.Master)+len(keys.SelfSigning) != 0 {
			w.Errorf("Bob sees %v", keys)
		}
		if w.query(bob, bob).Master[bob] == nil {
			w.Error("Bob's own keys are gone")
		}
	})
}

// A command beside the server deactivates an account too, and a crash comes between that
// and the erasure: nothing that others see outlives the account, and nothing stays for good.
func TestWhoLeftWithoutAWord(t *testing.T) {
	each(t, func(w *world) {
		phone, tablet, identity := w.full()
		w.logOut(device(phone))
		w.logOut(device(tablet))
		err := w.db.Tx(w.Context(), func(tx *store.Tx) error { return e2ee.Leaver{}.Leave(w.Context(), tx, alice, false) })
		if err != nil {
			w.Fatal(err)
		}
		if dump := w.dump(); strings.Contains(dump, e2eetest.Name(identity.Master)) || strings.Contains(dump, e2eetest.Name(identity.Others)) {
			w.Errorf("a key that outlives devices is left:\n%s", dump)
		}
		since := w.stream.Visible()
		for range 2 {
			w.run()
			if err := w.Sweep(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
		for line := range strings.Lines(w.dump()) {
			if strings.Contains(line, alice.String()) && !strings.HasPrefix(line, "e2ee_lists viewer= ") {
				w.Errorf("of Alice there is still %s", line)
			}
		}
		w.changed("a user who left", bob, since, alice)
		since = w.stream.Visible()
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.changed("a user who was erased", bob, since)
	})
}

// Who has logged in again with the same device keeps its keys.
func TestADeviceThatIsThereStays(t *testing.T) {
	each(t, func(w *world) {
		phone, _, _ := w.full()
		w.unchanged("deleting a device that is there", func() {
			if err := w.DeleteDevices(w.Context(), alice); err != nil {
				w.Error(err)
			}
			if err := w.DeleteDevice(w.Context(), device(phone)); err != nil {
				w.Error(err)
			}
		})
	})
}

// A crash between the logout and the erasure leaves nothing for good, and nothing that
// others see.
func TestWhatACrashHasLeft(t *testing.T) {
	each(t, func(w *world) {
		radio := w.phone(alice, "RADIO") // which has messages, and no keys
		phone, _, _ := w.full()
		w.logOut(device(phone))
		w.logOut(device(radio))
		if devices := w.query(bob, alice).Devices[alice]; len(devices) != 1 || devices["TABLET"] == nil {
			w.Errorf("after the logout Bob sees %v", devices)
		}
		w.run()
		w.wantSwept("a crash", "PHONE", "RADIO")
	})
}

// An erasure that fails is made up for while the server runs.
func TestAnErasureThatFails(t *testing.T) {
	each(t, func(w *world) {
		phone, _, _ := w.full()
		if err := w.Sweep(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.logOut(device(phone))
		w.land.mu.Lock()
		w.land.failures = 2 // and at the second try
		w.land.mu.Unlock()
		if err := w.DeleteDevice(w.Context(), device(phone)); !errors.Is(err, errDirectory) {
			w.Errorf("DeleteDevice = %v, want %v", err, errDirectory)
		}
		w.wantSwept("a failure", "PHONE")
	})
}

// wantSwept sweeps, and checks that Alice's devices are gone but for the tablet, and that
// others are told.
func (w *world) wantSwept(what string, gone ...string) {
	w.Helper()
	since := w.stream.Visible()
	if err := w.Sweep(w.Context()); err != nil {
		w.Fatal(err)
	}
	dump := w.dump()
	for _, id := range gone {
		if strings.Contains(dump, id) {
			w.Errorf("after %s and a sweep something of %s is left:\n%s", what, id, dump)
		}
	}
	if !strings.Contains(dump, "TABLET") {
		w.Errorf("after %s and a sweep the tablet is gone", what)
	}
	w.changed(what, bob, since, alice)
}
