package signedkey_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/matrix"
)

const alice matrix.UserID = "@alice:hs.test"

var phone = e2eetest.NewPhone(alice, "PHONE")

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// edited is an object with members replaced, or deleted where the value is nil.
func edited(t *testing.T, object jsontext.Value, change map[string]any) jsontext.Value {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return e2eetest.Object(members)
}

// resigned is edited with the phone's signature.
func resigned(t *testing.T, object jsontext.Value, change map[string]any) jsontext.Value {
	t.Helper()
	change["signatures"] = nil
	return e2eetest.Sign(alice, "PHONE", phone.Key, edited(t, object, change))
}

func TestADeviceIsReadAndWritten(t *testing.T) {
	sent := edited(t, phone.Keys(), map[string]any{"unsigned": map[string]any{"device_display_name": "forged"}})
	device, err := signedkey.ParseDevice(sent, alice, "PHONE")
	if err != nil {
		t.Fatal(err)
	}
	if !device.Ed25519.Equal(public(phone.Key)) {
		t.Errorf("the signing key is %x", device.Ed25519)
	}
	named := device.Named("Alice's phone")
	if err := matrix.Verify(matrix.ServerName(alice), "ed25519:PHONE", device.Ed25519, named); err != nil {
		t.Errorf("%s as it is given to others: %v", named, err)
	}
	if !strings.Contains(string(named), `"unsigned":{"device_display_name":"Alice's phone"}`) || strings.Contains(string(device.JSON()), "unsigned") {
		t.Errorf("named %s, not named %s", named, device.JSON())
	}
	again, err := signedkey.ParseDevice(device.JSON(), alice, "PHONE")
	if err != nil || !bytes.Equal(again.Signed, device.Signed) || !bytes.Equal(again.JSON(), device.JSON()) {
		t.Errorf("%s read again = %s, %v", device.JSON(), again.JSON(), err)
	}
}

// A device without its own signature is kept: nobody uses it, and it can do nothing.
func TestADeviceThatHasNotSigned(t *testing.T) {
	device, err := signedkey.ParseDevice(phone.Unsigned(), alice, "PHONE")
	if err != nil || !strings.HasSuffix(string(device.JSON()), `"signatures":{}}`) {
		t.Errorf("ParseDevice = %s, %v", device.JSON(), err)
	}
}

func TestDevicesThatAreRefused(t *testing.T) {
	keys := phone.Keys()
	tests := []struct {
		name string
		raw  jsontext.Value
		want error
	}{
		{"nothing", nil, signedkey.ErrMalformed},
		{"null", jsontext.Value(`null`), signedkey.ErrMalformed},
		{"a list", jsontext.Value(`[]`), signedkey.ErrMalformed},
		{"an empty object", jsontext.Value(`{}`), signedkey.ErrMalformed},
		{"half an object", keys[:len(keys)-1], signedkey.ErrMalformed},
		{"ids alone", edited(t, keys, map[string]any{"algorithms": nil, "keys": nil, "signatures": nil}), signedkey.ErrMalformed},
		{"no user", edited(t, keys, map[string]any{"user_id": nil}), signedkey.ErrMalformed},
		{"another user", edited(t, keys, map[string]any{"user_id": "@bob:hs.test"}), signedkey.ErrOwner},
		{"another device", edited(t, keys, map[string]any{"device_id": "TABLET"}), signedkey.ErrOwner},
		{"no algorithms", resigned(t, keys, map[string]any{"algorithms": nil}), signedkey.ErrMalformed},
		{"a text for algorithms", resigned(t, keys, map[string]any{"algorithms": "m.olm"}), signedkey.ErrMalformed},
		{"many algorithms", resigned(t, keys, map[string]any{"algorithms": strings.Split(strings.Repeat("x ", 50), " ")}), signedkey.ErrMalformed},
		{"no keys", resigned(t, keys, map[string]any{"keys": map[string]any{}}), signedkey.ErrMalformed},
		{"a number for a key", resigned(t, keys, map[string]any{"keys": map[string]any{"ed25519:PHONE": 1}}), signedkey.ErrMalformed},
		{"a short key", resigned(t, keys, map[string]any{"keys": map[string]any{"ed25519:PHONE": "AAAA"}}), signedkey.ErrMalformed},
		{"a key of another device", resigned(t, keys, map[string]any{"keys": map[string]any{"ed25519:TABLET": e2eetest.Name(phone.Key)}}), signedkey.ErrMalformed},
		{"a short curve key", resigned(t, keys, map[string]any{"keys": map[string]any{"ed25519:PHONE": e2eetest.Name(phone.Key), "curve25519:PHONE": "AAAA"}}), signedkey.ErrMalformed},
		{"no signatures", edited(t, keys, map[string]any{"signatures": nil}), signedkey.ErrMalformed},
		{"a list of signatures", edited(t, keys, map[string]any{"signatures": []string{}}), signedkey.ErrMalformed},
		{"a fraction", edited(t, keys, map[string]any{"extra": 1.5}), signedkey.ErrMalformed},
		{"a huge number", edited(t, keys, map[string]any{"extra": int64(1) << 53}), signedkey.ErrMalformed},
		{"signed before it was changed", edited(t, keys, map[string]any{"extra": "x"}), signedkey.ErrSignature},
		{"signed by another key", e2eetest.Sign(alice, "PHONE", e2eetest.Key("another"), phone.Unsigned()), signedkey.ErrSignature},
		{"not base64", edited(t, keys, map[string]any{"signatures": map[string]any{alice.String(): map[string]any{"ed25519:PHONE": "?"}}}), signedkey.ErrSignature},
		{"too large", edited(t, keys, map[string]any{"extra": strings.Repeat("x", signedkey.MaxSize)}), signedkey.ErrTooLarge},
	}
	for _, test := range tests {
		if device, err := signedkey.ParseDevice(test.raw, alice, "PHONE"); !errors.Is(err, test.want) {
			t.Errorf("%s: ParseDevice = %s, %v; want %v", test.name, device.Signed, err, test.want)
		}
	}
}

func TestOneTimeKeys(t *testing.T) {
	signer := signedkey.Signer{User: alice, Device: "PHONE", Key: public(phone.Key)}
	good := phone.OneTime("AAAAHg")
	key, err := signedkey.ParseOneTime("signed_curve25519:AAAAHg", good, signer)
	if err != nil || key.Name() != "signed_curve25519:AAAAHg" {
		t.Fatalf("ParseOneTime = %+v, %v", key, err)
	}
	if err := matrix.Verify(matrix.ServerName(alice), "ed25519:PHONE", signer.Key, key.JSON); err != nil {
		t.Errorf("%s as it is given out: %v", key.JSON, err)
	}
	fallback := phone.Fallback("F")["signed_curve25519:F"]
	if _, err := signedkey.ParseFallback("signed_curve25519:F", fallback, signer); err != nil {
		t.Errorf("a fallback key: %v", err)
	}
	others := edited(t, good, map[string]any{"unsigned": "x", "signatures": map[string]any{
		alice.String(): map[string]any{"ed25519:PHONE": signatureOf(t, good), "ed25519:TABLET": "x"}, "@bob:hs.test": map[string]any{"ed25519:X": "y"},
	}})
	if again, err := signedkey.ParseOneTime("signed_curve25519:AAAAHg", others, signer); err != nil || !bytes.Equal(again.JSON, key.JSON) {
		t.Errorf("with signatures of others = %s, %v; want %s", again.JSON, err, key.JSON)
	}
	for _, test := range []struct {
		name, id string
		raw      jsontext.Value
		want     error
	}{
		{"another algorithm", "curve25519:A", jsontext.Value(`"AAAA"`), signedkey.ErrAlgorithm},
		{"no algorithm", "AAAAHg", good, signedkey.ErrAlgorithm},
		{"no id", "signed_curve25519:", good, signedkey.ErrMalformed},
		{"a long id", "signed_curve25519:" + strings.Repeat("A", 65), good, signedkey.ErrMalformed},
		{"an id with a blank", "signed_curve25519:A B", good, signedkey.ErrMalformed},
		{"a text", "signed_curve25519:A", jsontext.Value(`"AAAA"`), signedkey.ErrMalformed},
		{"no key", "signed_curve25519:A", resigned(t, good, map[string]any{"key": nil}), signedkey.ErrMalformed},
		{"a short key", "signed_curve25519:A", resigned(t, good, map[string]any{"key": "AAAA"}), signedkey.ErrMalformed},
		{"no signature", "signed_curve25519:A", edited(t, good, map[string]any{"signatures": nil}), signedkey.ErrSignature},
		{"of another device", "signed_curve25519:A", e2eetest.NewPhone(alice, "TABLET").OneTime("A"), signedkey.ErrSignature},
		{"of another user", "signed_curve25519:A", e2eetest.NewPhone("@bob:hs.test", "PHONE").OneTime("A"), signedkey.ErrSignature},
		{"a fallback key", "signed_curve25519:F", fallback, signedkey.ErrMalformed},
	} {
		if key, err := signedkey.ParseOneTime(test.id, test.raw, signer); !errors.Is(err, test.want) {
			t.Errorf("%s: ParseOneTime = %s, %v; want %v", test.name, key.JSON, err, test.want)
		}
	}
	if _, err := signedkey.ParseFallback("signed_curve25519:AAAAHg", good, signer); !errors.Is(err, signedkey.ErrMalformed) {
		t.Errorf("a one-time key for a fallback key: %v", err)
	}
}

func signatureOf(t *testing.T, object jsontext.Value) string {
	t.Helper()
	parsed, err := signedkey.ParseObject(object)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[alice]["PHONE"]
}

func TestCrossSigningKeys(t *testing.T) {
	identity := e2eetest.NewIdentity(alice, 1)
	master, err := signedkey.ParseCrossSigning(identity.MasterKey(), alice, signedkey.Master)
	if err != nil || master.Name != e2eetest.Name(identity.Master) {
		t.Fatalf("ParseCrossSigning = %q, %v", master.Name, err)
	}
	self, err := signedkey.ParseCrossSigning(identity.SelfSigningKey(), alice, signedkey.SelfSigning)
	if err != nil || !self.SignedBy(alice, master.Name, master.Ed25519) || self.SignedBy(alice, self.Name, self.Ed25519) {
		t.Errorf("the self-signing key %s is not signed by the master key alone: %v", self.JSON(), err)
	}
	name := "ed25519:" + master.Name
	for _, test := range []struct {
		name string
		raw  jsontext.Value
		want error
	}{
		{"null", jsontext.Value(`null`), signedkey.ErrMalformed},
		{"another user", edited(t, identity.MasterKey(), map[string]any{"user_id": "@bob:hs.test"}), signedkey.ErrOwner},
		{"no user", edited(t, identity.MasterKey(), map[string]any{"user_id": nil}), signedkey.ErrMalformed},
		{"another usage", identity.SelfSigningKey(), signedkey.ErrMalformed},
		{"no usage", edited(t, identity.MasterKey(), map[string]any{"usage": nil}), signedkey.ErrMalformed},
		{"no key", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{}}), signedkey.ErrMalformed},
		{"two keys", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{name: master.Name, "ed25519:x": "x"}}), signedkey.ErrMalformed},
		{"another algorithm", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{"rsa:x": "x"}}), signedkey.ErrAlgorithm},
		{"another name", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{"ed25519:x": master.Name}}), signedkey.ErrMalformed},
		{"padded", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{name + "=": master.Name + "="}}), signedkey.ErrMalformed},
		{"short", edited(t, identity.MasterKey(), map[string]any{"keys": map[string]any{"ed25519:AAAA": "AAAA"}}), signedkey.ErrMalformed},
	} {
		if key, err := signedkey.ParseCrossSigning(test.raw, alice, signedkey.Master); !errors.Is(err, test.want) {
			t.Errorf("%s: ParseCrossSigning = %s, %v; want %v", test.name, key.Signed, err, test.want)
		}
	}
}

// What is read and written again is the same, and what others are given of a device is
// signed by the key that it is found by.
func FuzzDevice(f *testing.F) {
	f.Add([]byte(phone.Keys()))
	f.Add([]byte(phone.Unsigned()))
	f.Add([]byte(`{"user_id":"@alice:hs.test","device_id":"PHONE","algorithms":[],"keys":{"ed25519:PHONE":"` + e2eetest.Name(phone.Key) + `"},"signatures":{"":{"ed25519:":"\u0000"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		device, err := signedkey.ParseDevice(raw, alice, "PHONE")
		if err != nil {
			return
		}
		again, err := signedkey.ParseDevice(device.Named("a name"), alice, "PHONE")
		if len(device.JSON()) > signedkey.MaxSize-100 { // escapes may grow
			return
		}
		if err != nil || !bytes.Equal(again.JSON(), device.JSON()) {
			t.Fatalf("%q reads as %q and then as %q, %v", raw, device.JSON(), again.JSON(), err)
		}
		if _, signed := device.Signatures[alice]["PHONE"]; !signed {
			return
		}
		if err := matrix.Verify(matrix.ServerName(alice), "ed25519:PHONE", device.Ed25519, device.JSON()); err != nil {
			t.Fatalf("%q reads as %q, which others find wrong", raw, device.JSON())
		}
	})
}

func FuzzOneTime(f *testing.F) {
	signer := signedkey.Signer{User: alice, Device: "PHONE", Key: public(phone.Key)}
	f.Add("signed_curve25519:A", []byte(phone.OneTime("A")))
	f.Add("signed_curve25519:F", []byte(phone.Fallback("F")["signed_curve25519:F"]))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		key, err := signedkey.ParseOneTime(name, raw, signer)
		if err != nil {
			return
		}
		again, err := signedkey.ParseOneTime(key.Name(), key.JSON, signer)
		if err != nil || !bytes.Equal(again.JSON, key.JSON) || again.Name() != name {
			t.Fatalf("%q %q reads as %q and then as %q, %v", name, raw, key.JSON, again.JSON, err)
		}
	})
}

func FuzzCrossSigning(f *testing.F) {
	identity := e2eetest.NewIdentity(alice, 1)
	f.Add([]byte(identity.MasterKey()))
	f.Add([]byte(identity.SelfSigningKey()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := signedkey.ParseCrossSigning(raw, alice, signedkey.Master)
		if err != nil || len(key.JSON()) > signedkey.MaxSize {
			return
		}
		again, err := signedkey.ParseCrossSigning(key.JSON(), alice, signedkey.Master)
		if err != nil || !bytes.Equal(again.JSON(), key.JSON()) || again.Name != key.Name {
			t.Fatalf("%q reads as %q and then as %q, %v", raw, key.JSON(), again.JSON(), err)
		}
	})
}
