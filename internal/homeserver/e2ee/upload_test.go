package e2ee_test

import (
	"crypto/ed25519"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
)

func TestKeysArePublished(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(alice, "PHONE")
		since := w.stream.Visible()
		counts := w.upload(p, e2ee.Upload{Device: p.Keys(), OneTime: p.OneTimes(0, 5), Fallback: p.Fallback("F")})
		if want := map[string]int64{"signed_curve25519": 5}; !maps.Equal(counts, want) {
			w.Errorf("counts = %v, want %v", counts, want)
		}
		for _, viewer := range []matrix.UserID{alice, bob, stranger} {
			got := w.query(viewer, alice).Devices[alice]
			if len(got) != 1 || matrix.Verify(matrix.ServerName(alice), "ed25519:PHONE", public(p.Key), got["PHONE"]) != nil {
				w.Errorf("%s sees %s", viewer, got)
			}
			if !strings.Contains(string(got["PHONE"]), `"device_display_name":"the PHONE"`) {
				w.Errorf("%s does not see the name: %s", viewer, got)
			}
		}
		for _, user := range []matrix.UserID{alice, bob, carol} {
			w.changed("new keys", user, since, alice)
		}
		w.changed("a stranger", stranger, since)
	})
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// What is uploaded again changes nothing, whether some is new or not, and keys that were
// given out meanwhile do not come back.
func TestTheSameAgain(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 4)
		whole := e2ee.Upload{Device: p.Keys(), OneTime: p.OneTimes(0, 4), Fallback: p.Fallback("F")}
		w.upload(p, whole)
		since := w.stream.Visible()
		w.unchanged("the same again", func() { w.upload(p, whole) })
		w.changed("the same again", bob, since)
		if counts := w.upload(p, e2ee.Upload{OneTime: p.OneTimes(1, 4)}); counts["signed_curve25519"] != 5 {
			w.Errorf("1 to 4 after 0 to 3 makes %v, want 5", counts)
		}
		given := w.claim(alice, "PHONE")
		if counts := w.upload(p, e2ee.Upload{OneTime: p.OneTimes(0, 4)}); counts["signed_curve25519"] != 4 {
			w.Errorf("after the repetition of what was given out there are %v, want 4", counts)
		}
		for range 4 {
			if again := w.claim(alice, "PHONE"); again == given || again == "" {
				w.Errorf("%s was given out twice, or nothing", again)
			}
		}
	})
}

func TestUploadsThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		p, other := w.ready(alice, "PHONE", 1), e2eetest.NewPhone(alice, "OTHER")
		bare := w.phone(alice, "BARE")
		key := func(name string, value jsontext.Value) map[string]jsontext.Value {
			return map[string]jsontext.Value{name: value}
		}
		two := p.Fallback("F")
		maps.Copy(two, p.Fallback("G"))
		for _, test := range []struct {
			name   string
			device e2ee.Device
			upload e2ee.Upload
			want   error
		}{
			{"another device's keys", device(p), e2ee.Upload{Device: other.Keys()}, signedkey.ErrOwner},
			{"another user's keys", device(p), e2ee.Upload{Device: e2eetest.NewPhone(bob, "PHONE").Keys()}, signedkey.ErrOwner},
			{"a text for keys", device(p), e2ee.Upload{Device: raw(`"keys"`)}, signedkey.ErrMalformed},
			{"good keys with a bad one-time key", device(bare), e2ee.Upload{Device: bare.Keys(), OneTime: key("signed_curve25519:A", raw(`{}`))}, signedkey.ErrMalformed},
			{"one-time keys of another device", device(p), e2ee.Upload{OneTime: other.OneTimes(0, 1)}, signedkey.ErrSignature},
			{"one-time keys without a device's", device(bare), e2ee.Upload{OneTime: bare.OneTimes(0, 1)}, e2ee.ErrNoDeviceKeys},
			{"of another algorithm", device(p), e2ee.Upload{OneTime: key("curve25519:A", raw(`"AAAA"`))}, signedkey.ErrAlgorithm},
			{"another key of that name", device(p), e2ee.Upload{OneTime: key("signed_curve25519:000000", p.OneTime("else"))}, e2ee.ErrKeyConflict},
			{"a conflict beside good ones", device(p), e2ee.Upload{Fallback: p.Fallback("F"), OneTime: key("signed_curve25519:000000", p.OneTime("else"))}, e2ee.ErrKeyConflict},
			{"too many at once", device(p), e2ee.Upload{OneTime: p.OneTimes(0, 501)}, e2ee.ErrTooMany},
			{"two fallback keys", device(p), e2ee.Upload{Fallback: two}, signedkey.ErrMalformed},
			{"a fallback key that says nothing", device(p), e2ee.Upload{Fallback: p.OneTimes(7, 1)}, signedkey.ErrMalformed},
			{"of a device that is not there", device(other), e2ee.Upload{Device: other.Keys()}, e2ee.ErrNoDevice},
		} {
			w.unchanged(test.name, func() {
				if _, err := w.Upload(w.Context(), test.device, test.upload); !errors.Is(err, test.want) {
					w.Errorf("%s: Upload = %v, want %v", test.name, err, test.want)
				}
			})
		}
	})
}

func TestOneTimeKeysAreCapped(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 499)
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(499, 1)})
		w.unchanged("one too many", func() {
			if _, err := w.Upload(w.Context(), device(p), e2ee.Upload{OneTime: p.OneTimes(500, 1)}); !errors.Is(err, e2ee.ErrTooManyKeys) {
				w.Errorf("one too many: %v", err)
			}
		})
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(0, 500)}) // which are there
		w.claim(alice, "PHONE")
		w.upload(p, e2ee.Upload{OneTime: p.OneTimes(500, 1)})
	})
}

// A device that begins anew, under its old id, has nothing of what its old key signed.
func TestANewSigningKey(t *testing.T) {
	each(t, func(w *world) {
		p := w.ready(alice, "PHONE", 3)
		w.upload(p, e2ee.Upload{Fallback: p.Fallback("F")})
		w.claim(alice, "PHONE")
		i := w.identity(alice)
		w.sign(alice, alice, e2eetest.Name(i.Master), e2eetest.Sign(alice, p.ID, p.Key, i.MasterKey()))
		since := w.stream.Visible()
		anew := p
		anew.Key = e2eetest.Key("another")
		counts := w.upload(anew, e2ee.Upload{Device: anew.Keys(), OneTime: anew.OneTimes(0, 2)})
		if counts["signed_curve25519"] != 2 {
			w.Errorf("counts = %v, want the 2 new ones", counts)
		}
		w.fallbacks(p.ID)
		if keys := w.query(bob, alice); strings.Contains(string(keys.Master[alice]), "PHONE") {
			w.Errorf("what the old key has signed is given out: %s", keys.Master[alice])
		}
		w.changed("a new key", bob, since, alice)
		w.unchanged("a one-time key by the old one", func() {
			if _, err := w.Upload(w.Context(), device(p), e2ee.Upload{OneTime: p.OneTimes(9, 1)}); !errors.Is(err, signedkey.ErrSignature) {
				w.Errorf("a one-time key by the old one: %v", err)
			}
		})
	})
}

// A client that has the self-signing key signs its device before anybody sees it.
func TestADeviceThatComesSigned(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		p := w.phone(alice, "PHONE")
		signed := e2eetest.Sign(alice, e2eetest.Name(i.Self), i.Self, p.Keys())
		signed = e2eetest.Sign(alice, e2eetest.Name(i.Master), e2eetest.Key("forged"), signed)
		w.upload(p, e2ee.Upload{Device: signed})
		got := w.query(bob, alice).Devices[alice]["PHONE"]
		for name, key := range map[string]ed25519.PrivateKey{"PHONE": p.Key, e2eetest.Name(i.Self): i.Self} {
			if err := matrix.Verify(matrix.ServerName(alice), matrix.KeyID("ed25519:"+name), public(key), got); err != nil {
				w.Errorf("%s is not signed by %s: %v", got, name, err)
			}
		}
		if strings.Contains(string(got), e2eetest.Name(i.Master)) {
			w.Errorf("a forged signature is given out: %s", got)
		}
	})
}

// A device without a signature shows, and can do nothing.
func TestADeviceThatProvesNothing(t *testing.T) {
	each(t, func(w *world) {
		victim := w.ready(bob, "LAPTOP", 1)
		thief := w.phone(alice, "THIEF")
		thief.Key = victim.Key // whose public half everybody knows
		w.upload(thief, e2ee.Upload{Device: thief.Unsigned()})
		liar := e2eetest.NewPhone(alice, "THIEF")
		if _, err := w.Upload(w.Context(), device(thief), e2ee.Upload{OneTime: liar.OneTimes(0, 1)}); !errors.Is(err, signedkey.ErrSignature) {
			w.Errorf("one-time keys by somebody who lacks the private half: %v", err)
		}
	})
}

// Device ids and cross-signing keys share their names.
func TestADeviceIsNotCalledAsAKey(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		p := w.phone(alice, e2eetest.Name(i.Master))
		w.unchanged("a device called as the master key", func() {
			if _, err := w.Upload(w.Context(), device(p), e2ee.Upload{Device: p.Keys()}); !errors.Is(err, e2ee.ErrKeyIDInUse) {
				w.Errorf("a device called as the master key: %v", err)
			}
		})
		taken := e2eetest.NewIdentity(bob, 1)
		w.phone(bob, e2eetest.Name(taken.Others))
		w.unchanged("a key called as a device", func() {
			if err := w.UploadCrossSigning(w.Context(), bob, whole(taken), noAuthentication); !errors.Is(err, e2ee.ErrKeyIDInUse) {
				w.Errorf("a key called as a device: %v", err)
			}
		})
	})
}

// Keys that are uploaded again with one more signature keep those that they have.
func TestSignaturesComeLater(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		p := w.phone(alice, "PHONE")
		w.upload(p, e2ee.Upload{Device: p.Unsigned()})
		since := w.stream.Visible()
		w.upload(p, e2ee.Upload{Device: e2eetest.Sign(alice, e2eetest.Name(i.Self), i.Self, p.Unsigned())})
		w.upload(p, e2ee.Upload{Device: p.Keys()})
		w.changed("a signature", bob, since, alice)
		got := w.query(bob, alice).Devices[alice]["PHONE"]
		for name, key := range map[string]ed25519.PrivateKey{"PHONE": p.Key, e2eetest.Name(i.Self): i.Self} {
			if err := matrix.Verify(matrix.ServerName(alice), matrix.KeyID("ed25519:"+name), public(key), got); err != nil {
				w.Errorf("%s is not signed by %s: %v", got, name, err)
			}
		}
		w.unchanged("either again", func() { w.upload(p, e2ee.Upload{Device: p.Keys()}) })
	})
}

// What another's fault has undone is stored at the second try; what cannot be stored is
// not there.
func TestASecondTry(t *testing.T) {
	each(t, func(w *world) {
		p := w.phone(alice, "PHONE")
		w.land.failures = 1
		w.upload(p, e2ee.Upload{Device: p.Keys()})
		w.unchanged("two failures", func() {
			w.land.failures = 2
			if _, err := w.Upload(w.Context(), device(p), e2ee.Upload{OneTime: p.OneTimes(0, 1)}); !errors.Is(err, errDirectory) || !errors.Is(err, stream.ErrNotStored) {
				w.Errorf("Upload = %v, want %v", err, errDirectory)
			}
		})
	})
}
