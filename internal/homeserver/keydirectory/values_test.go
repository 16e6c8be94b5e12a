package keydirectory_test

import (
	"bytes"
	"context"
	"testing"

	"signet/internal/homeserver/keydirectory"
	"signet/internal/homeserver/keydirectory/directorytest"
	"signet/internal/idclient"
	"signet/keys/proof"
)

// The key by which the identity server signs values is rotated: nobody notices, and nobody is asked
// anything that is not needed.
func TestAKeyForValuesIsReplaced(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.RotateValues("second")
		w.server.RotateValues("third")
		w.server.Person(bob, "b0")
		w.server.RotateValues("fourth")
		w.server.Person(alice, "a1")
		asked := w.server.Asked()
		w.open()
		found := w.finds(bob, "b0")
		w.finds(alice, "a1")
		w.finds(bob, "b0")
		root, err := proof.ParseConfig(found.Root)
		if _, has := root.Keys["ed25519:third"]; err != nil || !has {
			t.Errorf("what was found goes with a trust root that does not have its key: %s, %v", found.Root, err)
		}
		if n := w.server.Asked() - asked; n != 4 { // three look-ups, and the trust root once
			t.Errorf("asked %d times", n)
		}
		if n := w.standing(); n != 0 {
			t.Errorf("%d alarms stand", n)
		}
	})
}

// A key for which nobody vouches is an alarm, though the trust root that the server names now has it;
// and it is one as often as it is shown.
func TestAKeyForValuesThatNobodyVouchedFor(t *testing.T) {
	each(t, func(w *world) {
		w.server.Person(alice, "a0")
		w.finds(alice, "a0")
		w.server.SignBy("evil")
		w.server.Person(bob, "b0")
		for range 2 {
			asked := w.server.Asked()
			alarm := w.alarmed(bob, keydirectory.Users, proof.StepSignatures)
			if n := w.server.Asked() - asked; n != 2 {
				t.Errorf("asked %d times", n)
			}
			evidence, err := w.Evidence(t.Context(), alarm.ID)
			if err != nil || !bytes.Contains(evidence, []byte("ed25519:evil")) {
				t.Errorf("kept is %.200q, %v", evidence, err)
			}
			if err := w.End(t.Context(), alarm.ID, "a test"); err != nil {
				t.Fatal(err)
			}
		}
		w.finds(alice, "a0")
	})
}

// once shows one answer before it answers as another does.
type once struct {
	keydirectory.Asker
	first []byte
}

func (o *once) LookupKeys(ctx context.Context, at idclient.Server, label string, size int64) ([]byte, error) {
	if answer := o.first; answer != nil {
		o.first = nil
		return answer, nil
	}
	return o.Asker.LookupKeys(ctx, at, label, size)
}

// Whoever has shown what does not hold cannot take it back while it is looked for a key: another
// answer would hold, and nobody would know of the first.
func TestWhatWasShownIsNotTakenBack(t *testing.T) {
	for name, lie := range map[string]struct {
		tell func(fork *directorytest.Directory)
		step proof.Step
	}{
		"by a key for values": {func(fork *directorytest.Directory) { fork.SignBy("evil") }, proof.StepSignatures},
		"by a key of the log": {func(fork *directorytest.Directory) { fork.Rotate("evil") }, proof.StepCheckpoint},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.server.Person(alice, "a0")
				if err := w.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				fork := directorytest.New(t, id, "first", w.clock.Now)
				lie.tell(fork)
				fork.Person(alice, "evil")
				shown, err := fork.LookupKeys(t.Context(), fork.Server(), "mxid:"+alice.String(), 0)
				if err != nil {
					t.Fatal(err)
				}
				w.o.Asker = &once{w.server, shown}
				w.open()
				w.alarmed(alice, keydirectory.Users, lie.step)
			})
		})
	}
}
