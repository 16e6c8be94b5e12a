package keycheck_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"signet/internal/clocktest"
	"signet/internal/fedclient"
	"signet/internal/homeserver/e2ee/e2eetest"
	"signet/internal/homeserver/keycheck"
	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/store/storetest"
	"signet/keys/proof"
	"signet/keys/value"
)

const alice = matrix.UserID("@alice:hs.test")

// world is a homeserver's checks, and the directory that they are made of.
type world struct {
	*testing.T
	*keycheck.Checks
	directory *directorytest.Directory
	clock     *clocktest.Clock
}

func each(t *testing.T, story func(w *world)) {
	storetest.Each(t, []string{"keydirectory"}, func(t *testing.T, db *store.DB) {
		w := &world{T: t, clock: clocktest.New()}
		w.directory = directorytest.New(t, "id.test", "seed", w.clock.Now)
		w.Checks = keycheck.New(keydirectory.New(keydirectory.Options{DB: db, Asker: w.directory, At: w.directory.Server(), Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)}), w.clock.Now)
		story(w)
	})
}

func uploaded(who e2eetest.Identity) directorytest.Uploaded {
	return directorytest.Uploaded{Master: who.MasterKey(), SelfSigning: who.SelfSigningKey(), UserSigning: who.UserSigningKey()}
}

func shown(who e2eetest.Identity) keycheck.Shown {
	return keycheck.Shown{Master: e2eetest.Name(who.Master), SelfSigning: e2eetest.Name(who.Self)}
}

// is checks how what stands in the directory compares with what is shown.
func (w *world) is(what string, s keycheck.Shown, want keycheck.State) {
	w.Helper()
	f, err := w.Lookup(w.Context(), alice)
	if err != nil {
		w.Fatal(err)
	}
	if got := keycheck.Compare(f, s); got != want {
		w.Errorf("%s: %s, want %s", what, got, want)
	}
}

// later is when nothing is fresh any more.
func (w *world) later() {
	w.clock.Advance(time.Hour)
	w.directory.Seal()
}

func TestWhatIsShownAndWhatStands(t *testing.T) {
	each(t, func(w *world) {
		one, two := e2eetest.NewIdentity(alice, 1), e2eetest.NewIdentity(alice, 2)
		w.is("nothing was published", shown(one), keycheck.None)
		w.later()
		w.directory.CrossSigned(alice, uploaded(one))
		w.is("the same", shown(one), keycheck.Same)
		mixed := shown(one)
		mixed.SelfSigning = e2eetest.Name(two.Self)
		own := shown(one)
		own.UserSigning = e2eetest.Name(one.Others)
		foreign := own
		foreign.UserSigning = e2eetest.Name(two.Others)
		w.is("the same, to its owner", own, keycheck.Same)
		for what, s := range map[string]keycheck.Shown{"others": shown(two), "another self-signing key": mixed, "another user-signing key": foreign,
			"nothing": {}, "no self-signing key": {Master: own.Master}} {
			w.is(what, s, keycheck.Different)
		}
		w.later()
		w.directory.Erased(alice)
		w.is("it was erased", shown(one), keycheck.None)
	})
}

// Who has published keys of devices alone has no master key that nobody shows.
func TestKeysWithoutAMasterKey(t *testing.T) {
	f := keydirectory.Found{Result: proof.Result{Present: true, Value: &value.User{Keys: map[value.KeyID][]byte{"ed25519:PHONE": make([]byte, 32)}}}}
	if got := keycheck.Compare(f, keycheck.Shown{}); got != keycheck.Different {
		t.Errorf("Compare = %s", got)
	}
}

// What was looked up is kept while a client would believe it, and no longer.
func TestALookUpIsKept(t *testing.T) {
	each(t, func(w *world) {
		who := e2eetest.NewIdentity(alice, 1)
		w.directory.CrossSigned(alice, uploaded(who))
		if _, there := w.AtHand(alice); there {
			t.Error("it is at hand though nobody has asked")
		}
		w.is("first", shown(who), keycheck.Same)
		before := w.directory.Asked()
		w.clock.Advance(54 * time.Minute)
		w.is("again", shown(who), keycheck.Same)
		if _, there := w.AtHand(alice); !there || w.directory.Asked() != before {
			t.Errorf("asked %d times more, at hand: %v", w.directory.Asked()-before, there)
		}
		w.clock.Advance(time.Minute)
		if _, there := w.AtHand(alice); there {
			t.Error("it is at hand though no client believes it")
		}
		w.directory.Seal()
		w.is("much later", shown(who), keycheck.Same)
		if w.directory.Asked() != before+1 {
			t.Errorf("asked %d times more", w.directory.Asked()-before)
		}
	})
}

// A directory that lies is believed nothing, not what it has shown before either.
func TestADirectoryThatLies(t *testing.T) {
	each(t, func(w *world) {
		who := e2eetest.NewIdentity(alice, 1)
		w.directory.CrossSigned(alice, uploaded(who))
		w.is("first", shown(who), keycheck.Same)
		w.directory.Alter(func(answer []byte) []byte {
			return bytes.Replace(answer, []byte(`"present":false`), []byte(`"present":true`), 1)
		})
		_, err := w.Lookup(t.Context(), "@bob:hs.test")
		if _, is := errors.AsType[*keydirectory.Alarm](err); !is {
			t.Errorf("Lookup = %v, want an alarm", err)
		}
		w.directory.Alter(nil)
		if _, there := w.AtHand(alice); there {
			t.Error("what it has shown before is still at hand")
		}
		if _, err := w.Lookup(t.Context(), alice); err == nil {
			t.Error("it is believed while the alarm stands")
		}
	})
}

// What was asked for before an alarm and comes after it is not kept.
func TestForgottenWhileItIsAsked(t *testing.T) {
	clock := clocktest.New()
	asked := make(chan struct{})
	answer := make(chan struct{})
	c := keycheck.New(lookup(func(context.Context, string) (f keydirectory.Found, err error) {
		close(asked)
		<-answer
		f.Sealed = clock.Now()
		return f, nil
	}), clock.Now)
	done := make(chan error)
	go func() { _, err := c.Lookup(t.Context(), alice); done <- err }()
	<-asked
	c.Forget()
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, there := c.AtHand(alice); there {
		t.Error("it is kept")
	}
}

// Who asks for many finds the last ones at hand, and not all of them in memory.
func TestManyLookUps(t *testing.T) {
	clock := clocktest.New()
	c := keycheck.New(lookup(func(context.Context, string) (f keydirectory.Found, err error) {
		f.Sealed = clock.Now()
		return f, nil
	}), clock.Now)
	kept := 0
	for i := range 1500 {
		user := matrix.UserID(fmt.Sprintf("@user%d:hs.test", i))
		if _, err := c.Lookup(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if _, there := c.AtHand(user); !there {
			t.Errorf("%s is not at hand", user)
		}
	}
	for i := range 1500 {
		if _, there := c.AtHand(matrix.UserID(fmt.Sprintf("@user%d:hs.test", i))); there {
			kept++
		}
	}
	if kept != 1000 {
		t.Errorf("%d are kept", kept)
	}
}

// lookup is a directory that answers like that.
type lookup func(ctx context.Context, label string) (keydirectory.Found, error)

func (l lookup) Lookup(ctx context.Context, label string) (keydirectory.Found, error) {
	return l(ctx, label)
}

func TestADirectoryIsAway(t *testing.T) {
	each(t, func(w *world) {
		for _, err := range []error{fedclient.ErrUnreachable, fedclient.Refusal{Status: 429, Errcode: matrix.LimitExceededCode}, fedclient.ErrBadAnswer} {
			w.directory.Fail(err)
			if _, err := w.Lookup(t.Context(), alice); !errors.Is(err, keycheck.ErrAway) {
				t.Errorf("Lookup = %v, want %v", err, keycheck.ErrAway)
			}
		}
		w.directory.Fail(fedclient.Refusal{Status: 404, Errcode: matrix.Unrecognized})
		if _, err := w.Lookup(t.Context(), alice); !errors.Is(err, keydirectory.ErrNoDirectory) || errors.Is(err, keycheck.ErrAway) {
			t.Errorf("Lookup = %v, want %v", err, keydirectory.ErrNoDirectory)
		}
	})
}

// An identity server that names nothing by which its directory could be believed cannot be asked.
func TestNoTrustRoot(t *testing.T) {
	each(t, func(w *world) {
		w.directory.Alter(func([]byte) []byte { return []byte("<html>") })
		if _, err := w.Lookup(t.Context(), alice); !errors.Is(err, keycheck.ErrAway) {
			t.Error(err)
		}
	})
}
