package e2ee_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/homeserver/e2ee"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/e2ee/signedkey"
	"signet/internal/homeserver/stream"
	"signet/internal/matrix"
	"signet/internal/store"
)

var errChallenge, errSpent = errors.New("who are you?"), errors.New("somebody else was first")

// authentication is how the tests authenticate. Its nil value is passed.
type authentication struct {
	challenge, spent error
	asked, spends    int
}

func (a *authentication) pass(context.Context) (func(context.Context, *store.Tx) error, error) {
	a.asked++
	return func(context.Context, *store.Tx) error {
		a.spends++
		if a.spent != nil {
			return stream.Refuse(a.spent)
		}
		return nil
	}, a.challenge
}

func TestTheFirstKeysNeedNoAuthentication(t *testing.T) {
	each(t, func(w *world) {
		since := w.stream.Visible()
		i := w.identity(alice)
		for _, u := range []e2ee.CrossSigningUpload{whole(i), {Master: i.MasterKey()}, {SelfSigning: i.SelfSigningKey()}, {}} {
			w.unchanged("the same again", func() {
				if err := w.UploadCrossSigning(w.Context(), alice, u, noAuthentication); err != nil {
					w.Errorf("the same again: %v", err)
				}
			})
		}
		for _, user := range []matrix.UserID{alice, bob} {
			w.changed("new keys", user, since, alice)
		}
		w.changed("new keys", stranger, since)
	})
}

func TestWhoSeesWhichKey(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		w.ready(alice, "PHONE", 0)
		for _, viewer := range []matrix.UserID{alice, bob} {
			keys := w.query(viewer, alice)
			if !strings.Contains(string(keys.Master[alice]), e2eetest.Name(i.Master)) || !strings.Contains(string(keys.SelfSigning[alice]), e2eetest.Name(i.Self)) {
				w.Errorf("%s sees %s and %s", viewer, keys.Master, keys.SelfSigning)
			}
			if err := matrix.Verify(matrix.ServerName(alice), matrix.KeyID("ed25519:"+e2eetest.Name(i.Master)), public(i.Master), keys.SelfSigning[alice]); err != nil {
				w.Errorf("the self-signing key %s: %v", keys.SelfSigning[alice], err)
			}
			if sees := keys.UserSigning[alice] != nil; sees != (viewer == alice) {
				w.Errorf("%s sees the user-signing key: %v", viewer, sees)
			}
		}
		keys, err := w.QueryHere(w.Context(), e2ee.Query{alice: {}})
		if err != nil || keys.Master[alice] == nil || keys.SelfSigning[alice] == nil || len(keys.UserSigning) != 0 {
			w.Errorf("another server sees %v, %v", keys, err)
		}
	})
}

func TestReplacingKeysNeedsAuthentication(t *testing.T) {
	each(t, func(w *world) {
		w.identity(alice)
		next := e2eetest.NewIdentity(alice, 2)
		for what, u := range map[string]e2ee.CrossSigningUpload{
			"all": whole(next), "the master key": {Master: next.MasterKey()},
		} {
			w.unchanged(what, func() {
				a := &authentication{challenge: errChallenge}
				if err := w.UploadCrossSigning(w.Context(), alice, u, a.pass); !errors.Is(err, errChallenge) || a.spends != 0 {
					w.Errorf("%s: %v, spent %d times", what, err, a.spends)
				}
				a = &authentication{spent: errSpent}
				if err := w.UploadCrossSigning(w.Context(), alice, u, a.pass); !errors.Is(err, errSpent) {
					w.Errorf("%s with a session that is spent: %v", what, err)
				}
			})
		}
		since := w.stream.Visible()
		a := &authentication{}
		if err := w.UploadCrossSigning(w.Context(), alice, whole(next), a.pass); err != nil || a.asked != 1 || a.spends != 1 {
			w.Errorf("with authentication: %v, asked %d times, spent %d times", err, a.asked, a.spends)
		}
		w.changed("other keys", bob, since, alice)
		w.ready(alice, "PHONE", 0)
		if keys := w.query(alice, alice); !strings.Contains(string(keys.Master[alice]), e2eetest.Name(next.Master)) {
			w.Errorf("the master key is %s", keys.Master[alice])
		}
	})
}

// A key beside those that are there needs authentication as well: with a stolen token
// somebody could sign devices.
func TestAddingAKeyNeedsAuthentication(t *testing.T) {
	each(t, func(w *world) {
		i := e2eetest.NewIdentity(alice, 1)
		if err := w.UploadCrossSigning(w.Context(), alice, e2ee.CrossSigningUpload{Master: i.MasterKey()}, noAuthentication); err != nil {
			w.Fatal(err)
		}
		a := &authentication{challenge: errChallenge}
		if err := w.UploadCrossSigning(w.Context(), alice, e2ee.CrossSigningUpload{SelfSigning: i.SelfSigningKey()}, a.pass); !errors.Is(err, errChallenge) {
			w.Errorf("a self-signing key: %v", err)
		}
		if err := w.UploadCrossSigning(w.Context(), alice, e2ee.CrossSigningUpload{SelfSigning: i.SelfSigningKey()}, new(authentication).pass); err != nil {
			w.Errorf("with authentication: %v", err)
		}
	})
}

func TestCrossSigningKeysThatAreRefused(t *testing.T) {
	each(t, func(w *world) {
		i, other := e2eetest.NewIdentity(alice, 1), e2eetest.NewIdentity(alice, 2)
		p := w.ready(alice, "PHONE", 0)
		for _, test := range []struct {
			name   string
			upload e2ee.CrossSigningUpload
			want   error
		}{
			{"a text", e2ee.CrossSigningUpload{Master: raw(`"key"`)}, signedkey.ErrMalformed},
			{"another user's", e2ee.CrossSigningUpload{Master: e2eetest.NewIdentity(bob, 1).MasterKey()}, signedkey.ErrOwner},
			{"the wrong place", e2ee.CrossSigningUpload{Master: i.SelfSigningKey()}, signedkey.ErrMalformed},
			{"no master key", e2ee.CrossSigningUpload{SelfSigning: i.SelfSigningKey()}, e2ee.ErrNoMaster},
			{"signed by another master key", e2ee.CrossSigningUpload{Master: other.MasterKey(), SelfSigning: i.SelfSigningKey()}, signedkey.ErrSignature},
			{"one good, one not", e2ee.CrossSigningUpload{Master: i.MasterKey(), SelfSigning: i.SelfSigningKey(), UserSigning: other.UserSigningKey()}, signedkey.ErrSignature},
			{"a device's signature that is wrong", e2ee.CrossSigningUpload{Master: e2eetest.Sign(alice, p.ID, e2eetest.Key("x"), i.MasterKey())}, signedkey.ErrSignature},
		} {
			w.unchanged(test.name, func() {
				if err := w.UploadCrossSigning(w.Context(), alice, test.upload, noAuthentication); !errors.Is(err, test.want) {
					w.Errorf("%s: %v, want %v", test.name, err, test.want)
				}
			})
		}
	})
}

// With keys go all the signatures that they have made, and those of them.
func TestNothingIsLeftOfOldKeys(t *testing.T) {
	each(t, func(w *world) {
		first, bobs := w.identity(alice), w.identity(bob)
		p := w.ready(alice, "PHONE", 0)
		w.sign(alice, alice, p.ID, e2eetest.Sign(alice, e2eetest.Name(first.Self), first.Self, p.Keys()))
		w.sign(alice, alice, e2eetest.Name(first.Master), e2eetest.Sign(alice, p.ID, p.Key, first.MasterKey()))
		w.sign(alice, bob, e2eetest.Name(bobs.Master), e2eetest.Sign(alice, e2eetest.Name(first.Others), first.Others, bobs.MasterKey()))
		w.sign(bob, alice, e2eetest.Name(first.Master), e2eetest.Sign(bob, e2eetest.Name(bobs.Others), bobs.Others, first.MasterKey()))
		next := e2eetest.NewIdentity(alice, 2)
		if err := w.UploadCrossSigning(w.Context(), alice, e2ee.CrossSigningUpload{Master: next.MasterKey()}, new(authentication).pass); err != nil {
			w.Fatal(err)
		}
		dump := w.dump()
		for name, key := range map[string]string{"master": e2eetest.Name(first.Master), "self-signing": e2eetest.Name(first.Self), "user-signing": e2eetest.Name(first.Others)} {
			if strings.Contains(dump, key) {
				w.Errorf("the old %s key is still somewhere in\n%s", name, dump)
			}
		}
		if keys := w.query(alice, alice); keys.SelfSigning[alice] != nil || keys.UserSigning[alice] != nil {
			w.Errorf("keys of the old master key are given out: %v", keys)
		}
	})
}

// sign uploads one signed key, which must be taken.
func (w *world) sign(user, target matrix.UserID, name string, object jsontext.Value) {
	w.Helper()
	failures, err := w.UploadSignatures(w.Context(), user, e2ee.SignedKeys{target: {name: object}})
	if err != nil || len(failures) > 0 {
		w.Fatalf("signing %s of %s: %v, %v", name, target, failures, err)
	}
}

// Two clients that set up cross-signing at the same moment do not mix their keys: the
// second one has to authenticate.
func TestTwoFirstUploadsAtOnce(t *testing.T) {
	each(t, func(w *world) {
		errs := make([]error, 8)
		crowd(len(errs), func(i int) {
			a := &authentication{challenge: errChallenge}
			errs[i] = w.UploadCrossSigning(w.Context(), alice, whole(e2eetest.NewIdentity(alice, i)), a.pass)
		})
		taken := 0
		for _, err := range errs {
			if err == nil {
				taken++
			} else if !errors.Is(err, errChallenge) {
				w.Error(err)
			}
		}
		if taken != 1 {
			w.Errorf("%d first uploads were taken, want 1", taken)
		}
	})
}

// Whoever is told of new keys is told in their transaction: what they write is there with the
// keys, or neither is. Of the same keys again, and of keys that are refused, nobody is told.
func TestWhoIsToldOfNewKeys(t *testing.T) {
	each(t, func(w *world) {
		var told []matrix.UserID
		fails := errSpent
		w.CrossSigned = func(_ context.Context, tx *store.Tx, user matrix.UserID) error {
			told = append(told, user)
			return fails
		}
		i := e2eetest.NewIdentity(alice, 7)
		if err := w.UploadCrossSigning(w.Context(), alice, whole(i), noAuthentication); err == nil {
			t.Error("keys are stored of which nobody could be told")
		}
		if keys, err := w.CrossSigning(w.Context(), alice); len(keys) != 0 || err != nil {
			t.Errorf("CrossSigning = %v, %v", keys, err)
		}
		told, fails = nil, nil
		for range 2 {
			if err := w.UploadCrossSigning(w.Context(), alice, whole(i), noAuthentication); err != nil {
				t.Error(err)
			}
		}
		if err := w.UploadCrossSigning(w.Context(), bob, e2ee.CrossSigningUpload{SelfSigning: e2eetest.NewIdentity(bob, 7).SelfSigningKey()}, noAuthentication); err == nil {
			t.Error("a key is stored that nobody has signed")
		}
		if len(told) != 1 || told[0] != alice {
			t.Errorf("told of %q", told)
		}
	})
}

// Keys are read with the signatures of their owner, and nobody else's.
func TestCrossSigningOfAUser(t *testing.T) {
	each(t, func(w *world) {
		i := w.identity(alice)
		keys, err := w.CrossSigning(w.Context(), alice)
		if len(keys) != 3 || err != nil {
			t.Fatalf("CrossSigning = %v, %v", keys, err)
		}
		for _, key := range keys {
			if signed := key.SignedBy(alice, e2eetest.Name(i.Master), i.Master.Public().(ed25519.PublicKey)); signed != (key.Usage != signedkey.Master) {
				t.Errorf("the %s key is signed: %v", key.Usage, signed)
			}
		}
		if keys, err := w.CrossSigning(w.Context(), bob); len(keys) != 0 || err != nil {
			t.Errorf("of who has none: %v, %v", keys, err)
		}
	})
}
