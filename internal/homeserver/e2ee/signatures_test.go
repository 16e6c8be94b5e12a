package e2ee_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/matrix"
)

// Who sees a signature: of one's own devices and keys everybody, of somebody else's who
// has made it, and nobody else (client-server API, "Key and signature security").
func TestWhoSeesWhichSignature(t *testing.T) {
	each(t, func(w *world) {
		alices, bobs := w.identity(alice), w.identity(bob)
		p := w.ready(alice, "PHONE", 0)
		w.ready(bob, "LAPTOP", 0)
		self, others := e2eetest.Name(alices.Self), e2eetest.Name(alices.Others)
		since := w.stream.Visible()
		w.sign(alice, bob, e2eetest.Name(bobs.Master), e2eetest.Sign(alice, others, alices.Others, bobs.MasterKey()))
		w.changed("what Alice has signed of Bob", alice, since, bob)
		w.changed("what Alice has signed of Bob", bob, since)
		w.changed("what Alice has signed of Bob", carol, since)
		w.sign(alice, alice, p.ID, e2eetest.Sign(alice, self, alices.Self, p.Keys()))
		w.sign(alice, alice, e2eetest.Name(alices.Master), e2eetest.Sign(alice, p.ID, p.Key, alices.MasterKey()))
		w.changed("Alice's own device", bob, since, alice)
		for _, viewer := range []matrix.UserID{alice, bob, carol, ""} {
			keys := w.query(viewer, bob)
			if sees := strings.Contains(string(keys.Master[bob]), others); sees != (viewer == alice) {
				w.Errorf("%q sees what Alice has signed of Bob: %v", viewer, sees)
			}
			keys = w.query(viewer, alice)
			if !strings.Contains(string(keys.Devices[alice]["PHONE"]), self) || !strings.Contains(string(keys.Master[alice]), "ed25519:PHONE") {
				w.Errorf("%q does not see what Alice has signed of herself: %s, %s", viewer, keys.Devices, keys.Master)
			}
		}
	})
}

func TestSignaturesThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		alices, bobs := w.identity(alice), w.identity(bob)
		p, laptop := w.ready(alice, "PHONE", 0), w.ready(bob, "LAPTOP", 0)
		self, others, bobsMaster := e2eetest.Name(alices.Self), e2eetest.Name(alices.Others), e2eetest.Name(bobs.Master)
		changed := e2eetest.Sign(alice, self, alices.Self, jsontext.Value(strings.Replace(string(p.Keys()), "m.megolm", "m.mogelm", 1)))
		for _, test := range []struct {
			name   string
			target matrix.UserID
			key    string
			object jsontext.Value
			want   error
		}{
			{"a text", alice, "PHONE", raw(`"x"`), signedkey.ErrMalformed},
			{"nothing", alice, "PHONE", nil, signedkey.ErrMalformed},
			{"no device", alice, "TABLET", p.Keys(), e2ee.ErrNoKey},
			{"nobody", unknownOne, "TABLET", p.Keys(), e2ee.ErrNoKey},
			{"not a user", "alice", "PHONE", p.Keys(), e2ee.ErrNoKey},
			{"another device", alice, "PHONE", e2eetest.Sign(alice, self, alices.Self, e2eetest.NewPhone(alice, "TABLET").Keys()), e2ee.ErrOtherKey},
			{"a device that was changed", alice, "PHONE", changed, e2ee.ErrOtherKey},
			{"the device's own signature alone", alice, "PHONE", p.Keys(), signedkey.ErrSignature},
			{"a device by the wrong key", alice, "PHONE", e2eetest.Sign(alice, self, alices.Master, p.Keys()), signedkey.ErrSignature},
			{"a device by a key that may not", alice, "PHONE", e2eetest.Sign(alice, others, alices.Others, p.Keys()), signedkey.ErrSignature},
			{"a device in another's name", alice, "PHONE", e2eetest.Sign(bob, e2eetest.Name(bobs.Others), bobs.Others, p.Keys()), signedkey.ErrSignature},
			{"another's device", bob, "LAPTOP", e2eetest.Sign(alice, others, alices.Others, laptop.Keys()), e2ee.ErrNotSignable},
			{"another's self-signing key", bob, e2eetest.Name(bobs.Self), e2eetest.Sign(alice, others, alices.Others, bobs.SelfSigningKey()), e2ee.ErrNotSignable},
			{"another's master key by a device", bob, bobsMaster, e2eetest.Sign(alice, p.ID, p.Key, bobs.MasterKey()), signedkey.ErrSignature},
			{"another's master key, wrongly", bob, bobsMaster, e2eetest.Sign(alice, others, alices.Self, bobs.MasterKey()), signedkey.ErrSignature},
			{"somebody elsewhere of whom nothing is known", dave, "X", bobs.MasterKey(), e2ee.ErrNoKey},
			{"somebody whose server is away", "@erin:gone.test", "X", bobs.MasterKey(), e2ee.ErrNoKey},
		} {
			w.unchanged(test.name, func() {
				failures, err := w.UploadSignatures(w.Context(), alice, e2ee.SignedKeys{test.target: {test.key: test.object}})
				if err != nil || !errors.Is(failures[test.target][test.key], test.want) {
					w.Errorf("%s: failures = %v, %v; want %v", test.name, failures, err, test.want)
				}
			})
		}
	})
}

// One signature that is wrong does not keep the others out.
func TestEachSignatureByItself(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		p, tablet := w.ready(alice, "PHONE", 0), w.ready(alice, "TABLET", 0)
		failures, err := w.UploadSignatures(w.Context(), alice, e2ee.SignedKeys{alice: {
			"PHONE":  e2eetest.Sign(alice, e2eetest.Name(i.Self), i.Self, p.Keys()),
			"TABLET": e2eetest.Sign(alice, e2eetest.Name(i.Self), i.Others, tablet.Keys()),
		}})
		if err != nil || len(failures) != 1 || len(failures[alice]) != 1 || !errors.Is(failures[alice]["TABLET"], signedkey.ErrSignature) {
			w.Errorf("failures = %v, %v", failures, err)
		}
		devices := w.query(bob, alice).Devices[alice]
		for id, want := range map[e2ee.DeviceID]bool{"PHONE": true, "TABLET": false} {
			if signed := strings.Contains(string(devices[id]), e2eetest.Name(i.Self)); signed != want {
				w.Errorf("%s is signed: %v", id, signed)
			}
		}
		many := e2ee.SignedKeys{alice: {}}
		for n := range 501 {
			many[alice][fmt.Sprint(n)] = p.Keys()
		}
		if _, err := w.UploadSignatures(w.Context(), alice, many); !errors.Is(err, e2ee.ErrTooMany) {
			w.Errorf("501 keys: %v", err)
		}
	})
}

// What another server says of its user spoils that one signature alone.
func TestSigningWhatAnotherServerInvents(t *testing.T) {
	each(t, func(w *world) {
		i, bobs := w.identity(alice), w.identity(bob)
		others := e2eetest.Name(i.Others)
		for name, master := range map[string]jsontext.Value{
			"somebody else's": bobs.MasterKey(),
			"an unknown one":  raw(`{"user_id":"@dave:elsewhere.test","usage":["master"],"keys":{"rot13:x":"x"}}`),
			"nonsense":        raw(`{}`),
		} {
			w.land.remote = map[matrix.UserID]e2ee.Keys{dave: {Master: map[matrix.UserID]jsontext.Value{dave: master}}}
			failures, err := w.UploadSignatures(w.Context(), alice, e2ee.SignedKeys{
				dave: {"x": e2eetest.Sign(alice, others, i.Others, e2eetest.NewIdentity(dave, 1).MasterKey()), "y": raw(`{}`)},
				bob:  {e2eetest.Name(bobs.Master): e2eetest.Sign(alice, others, i.Others, bobs.MasterKey())},
			})
			if err != nil || len(failures) != 1 || failures[dave]["x"] == nil || failures[dave]["y"] == nil {
				w.Errorf("%s: %v, %v, want failures of Dave's alone", name, failures, err)
			}
			if w.land.asked != 1 {
				w.Errorf("%s: Dave's server was asked %d times, want once", name, w.land.asked)
			}
			w.land.asked = 0
		}
	})
}

// The master key of somebody elsewhere is fetched to be signed, and shown to who has
// signed it.
func TestSigningSomebodyElsewhere(t *testing.T) {
	each(t, func(w *world) {
		i, daves := w.identity(alice), e2eetest.NewIdentity(dave, 1)
		w.land.remote = map[matrix.UserID]e2ee.Keys{dave: {
			Master:      map[matrix.UserID]jsontext.Value{dave: daves.MasterKey(), bob: daves.MasterKey()},
			UserSigning: map[matrix.UserID]jsontext.Value{dave: daves.UserSigningKey()},
		}}
		others := e2eetest.Name(i.Others)
		w.sign(alice, dave, e2eetest.Name(daves.Master), e2eetest.Sign(alice, others, i.Others, daves.MasterKey()))
		for _, viewer := range []matrix.UserID{alice, bob} {
			keys := w.query(viewer, dave)
			if sees := strings.Contains(string(keys.Master[dave]), others); sees != (viewer == alice) {
				w.Errorf("%s sees the signature: %v", viewer, sees)
			}
			if len(keys.Master) != 1 || len(keys.UserSigning) != 0 {
				w.Errorf("%s is given what Dave's server may not say: %v", viewer, keys)
			}
		}
	})
}
