package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"signet/keys/entry"
	"signet/keys/ladder"
	"signet/keys/prefixtree"
	. "signet/keys/proof"
	"signet/keys/value"
)

func (w *world) verify(l *Lookup, asked Asked) (Result, error) {
	return Verify(l, asked, w.policy(), w.now)
}

// mustVerify fails the test if an honest answer is refused.
func (w *world) mustVerify(l *Lookup, asked Asked) Result {
	w.Helper()
	r, err := w.verify(l, asked)
	if err != nil {
		w.Fatalf("an honest answer: %v", err)
	}
	return r
}

// mustRefuse fails the test unless it is refused at that step, for that reason.
func (w *world) mustRefuse(what string, l *Lookup, asked Asked, step Step, reason error) {
	w.Helper()
	r, err := w.verify(l, asked)
	var failed *Failed
	if !errors.As(err, &failed) || failed.Step != step || !errors.Is(err, reason) {
		w.Errorf("%s: %v, want %s: %v", what, err, step, reason)
		return
	}
	if r.Value != nil || r.Head.N != 0 || len(failed.Held) != step.Number()-1 {
		w.Errorf("%s: refused with %+v, after %v", what, r, failed.Held)
	}
}

func TestAnHonestServerIsBelieved(t *testing.T) {
	w, seen := populated(t)
	for label, versions := range w.versions {
		r := w.mustVerify(clone(t, w.lookup(label, seen.N)), Asked{Label: label, Head: &seen})
		if !r.Present || int(r.Version) != len(versions)-1 || string(r.Value.JSON()) != string(versions[len(versions)-1].value) {
			t.Errorf("%s: %+v", label, r)
		}
		if r.Head != w.head() || !r.Sealed.Equal(w.now) || r.Label != w.label(label) || r.Reset || len(r.Held) != 8 {
			t.Errorf("%s: %+v", label, r)
		}
	}
	r := w.mustVerify(clone(t, w.lookup(nobody, 0)), Asked{Label: nobody})
	if r.Present || r.Value != nil {
		t.Errorf("nobody: %+v", r)
	}
}

// The next look-up begins where this one ended, and what people see is what was asked.
func TestWhatIsRememberedIsAskedNext(t *testing.T) {
	w, _ := populated(t)
	first := w.mustVerify(w.lookup(alice, 0), Asked{Label: "email:Alice@EXAMPLE.com"})
	again := w.mustVerify(w.lookup(alice, first.Head.N), Asked{Label: alice, Head: &first.Head, Version: &first.Version})
	previous := again.Value.(*value.User)
	w.now = w.now.Add(time.Minute)
	w.publish(alice, w.person(alice, "a3", "a2"))
	w.seal()
	next := w.mustVerify(w.lookup(alice, again.Head.N), Asked{Label: alice, Head: &again.Head, Version: &again.Version, Previous: previous})
	if next.Version != 3 || next.Reset || !strings.HasPrefix(next.Held[0].String(), "1 label: ") || !strings.Contains(next.Held[7].String(), "the old key has signed") {
		t.Errorf("after a rotation: %+v", next)
	}
}

func TestAReset(t *testing.T) {
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.seal()
	first := w.mustVerify(w.lookup(alice, 0), Asked{Label: alice})
	w.publish(alice, w.person(alice, "a1", ""))
	w.seal()
	old := first.Value.(*value.User)
	for _, asked := range []Asked{{Label: alice}, {Label: alice, Previous: old}, {Label: alice, PreviousKeys: old.Keys}} {
		if r := w.mustVerify(w.lookup(alice, 0), asked); !r.Reset || !strings.Contains(r.Held[7].Text, "NO key") {
			t.Errorf("a reset is not told: %+v", r)
		}
	}
}

// Bits that are flipped anywhere are noticed.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(bob, w.person(bob, "b0", ""))
	w.seal()
	seen := w.head()
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(nobody, w.person(nobody, "n0", ""))
	w.seal()
	l := clone(t, w.lookup(alice, seen.N))
	asked := Asked{Label: alice, Head: &seen}
	w.mustVerify(l, asked)
	fields := [][]byte{l.Epoch[:], l.Opening[:]}
	for _, hashes := range [][]Hash{l.EpochProof, l.Consistency} {
		for i := range hashes {
			fields = append(fields, hashes[i][:])
		}
	}
	for i := range l.Ladder {
		fields = append(fields, l.Ladder[i].Pi[:])
		s := &l.Ladder[i].Map
		for j := range s.Path {
			fields = append(fields, s.Path[j][:])
		}
		for _, h := range []*Hash{s.Label, s.Value} {
			if h != nil {
				fields = append(fields, h[:])
			}
		}
	}
	bits := 0
	for f, field := range fields {
		for bit := range len(field) * 8 {
			field[bit/8] ^= 1 << (bit % 8)
			if _, err := w.verify(l, asked); err == nil {
				t.Errorf("field %d, bit %d: not noticed", f, bit)
			}
			field[bit/8] ^= 1 << (bit % 8)
			bits++
		}
	}
	for i := range l.Value {
		l.Value[i] ^= 1
		w.mustRefuse(fmt.Sprintf("octet %d of the value", i), l, asked, StepOpening, ErrCommitment)
		l.Value[i] ^= 1
	}
	w.mustVerify(l, asked)
	t.Logf("%d bits of %d fields", bits, len(fields))
}

func TestEveryCharacterOfTheNoteCounts(t *testing.T) {
	t.Parallel()
	w, seen := populated(t)
	l := w.lookup(alice, seen.N)
	text := []byte(l.Checkpoint)
	for bit := range len(text) * 8 {
		text[bit/8] ^= 1 << (bit % 8)
		l.Checkpoint = string(text)
		if _, err := w.verify(l, Asked{Label: alice, Head: &seen}); err == nil {
			t.Errorf("bit %d of character %d, %q: not noticed", bit%8, bit/8, text[bit/8])
		}
		text[bit/8] ^= 1 << (bit % 8)
	}
	for i := range text {
		l.Checkpoint = string(slices.Delete(slices.Clone(text), i, i+1))
		if _, err := w.verify(l, Asked{Label: alice, Head: &seen}); err == nil {
			t.Errorf("character %d missing: not noticed", i)
		}
	}
}

// Whatever is said in numbers is held against what is proven.
func TestEveryNumberCounts(t *testing.T) {
	t.Parallel()
	w, seen := populated(t)
	for bit := range 32 {
		l := clone(t, w.lookup(alice, seen.N))
		l.Version ^= 1 << bit
		w.mustRefuse(fmt.Sprintf("bit %d of the version", bit), l, Asked{Label: alice, Head: &seen}, StepLadder, ladder.ErrRungs)
		for i := range l.Ladder {
			l := clone(t, w.lookup(alice, seen.N))
			l.Ladder[i].Version ^= 1 << bit
			w.mustRefuse(fmt.Sprintf("bit %d of rung %d", bit, i), l, Asked{Label: alice, Head: &seen}, StepLadder, ladder.ErrRungs)
		}
	}
	l := w.lookup(alice, 0)
	for i := range l.Ladder {
		for k := range 256 {
			l := clone(t, l)
			if byte(l.Ladder[i].Map.Kind) == byte(k) {
				continue
			}
			l.Ladder[i].Map.Kind = prefixtree.Kind(k)
			if _, err := w.verify(l, Asked{Label: alice}); err == nil {
				t.Errorf("rung %d as k %d: not noticed", i, k)
			}
		}
	}
	l = clone(t, l)
	l.Present = false
	w.mustRefuse("presence denied", l, Asked{Label: alice}, StepLadder, ladder.ErrRungs)
	absent := w.lookup(nobody, 0)
	absent.Version = 1
	w.mustRefuse("a version of nobody's", absent, Asked{Label: nobody}, StepLadder, ladder.ErrRungs)
	absent.Version, absent.Present = 0, true
	w.mustRefuse("presence claimed", absent, Asked{Label: nobody}, StepLadder, ladder.ErrRungs)
}

func TestTheLadder(t *testing.T) {
	w, _ := populated(t)
	honest := w.lookup(alice, 0)
	rungs := honest.Ladder // 0, 1, 3, 2
	for what, lie := range map[string][]Rung{
		"a rung hidden":       slices.Delete(slices.Clone(rungs), 1, 2),
		"the first hidden":    rungs[1:],
		"the last dropped":    rungs[:len(rungs)-1],
		"a rung added":        append(slices.Clone(rungs), w.rung(alice, 4)),
		"a rung twice":        append(slices.Clone(rungs), rungs[3]),
		"two reordered":       {rungs[0], rungs[1], rungs[3], rungs[2]},
		"in reverse":          {rungs[3], rungs[2], rungs[1], rungs[0]},
		"none":                nil,
		"those of 1":          {rungs[0], rungs[1], rungs[2], rungs[2]},
		"70 rungs":            slices.Repeat(rungs[:1], 70),
		"for that of another": {rungs[0], rungs[1], w.rung(alice, 4), rungs[3]},
	} {
		l := clone(t, honest)
		l.Ladder = lie
		w.mustRefuse(what, l, Asked{Label: alice}, StepLadder, ladder.ErrRungs)
	}
	// Proofs of other versions, or of another's, under the number that is asked.
	for what, r := range map[string]Rung{"another version": w.rung(alice, 5), "another label": w.rung(bob, 3)} {
		l := clone(t, honest)
		r.Version = 3
		l.Ladder[2] = r
		w.mustRefuse(what+" as rung 3", l, Asked{Label: alice}, StepLadder, ErrVRF)
	}
}

func TestAnOldVersionIsNotTheNewest(t *testing.T) {
	w, seen := populated(t)
	for n := range uint32(2) {
		w.mustRefuse(fmt.Sprintf("version %d as the newest", n), w.claim(alice, n, seen.N), Asked{Label: alice, Head: &seen}, StepLadder, ladder.ErrRungs)
	}
	newest, later := uint32(2), uint32(3)
	w.mustVerify(w.lookup(alice, 0), Asked{Label: alice, Version: &newest})
	w.mustRefuse("a version before that seen", w.lookup(alice, 0), Asked{Label: alice, Version: &later}, StepLadder, ErrOlder)
	w.mustRefuse("none after one was seen", w.lookup(nobody, 0), Asked{Label: nobody, Version: new(uint32)}, StepLadder, ErrOlder)

	// The log as it was before version 2, with a note of today: who has seen more notices.
	early, _ := populated(t)
	now := w.mustVerify(w.lookup(alice, 0), Asked{Label: alice})
	early.versions[alice] = early.versions[alice][:2]
	head := early.head()
	head.N++ // longer by an entry that alice's client has seen
	early.mustRefuse("an older tree", early.lookup(alice, 0), Asked{Label: alice, Head: &tlog.Tree{N: now.Head.N + 1, Hash: head.Hash}}, StepConsistency, ErrShrunk)
}

func TestThereIsNoHidingOfAVersion(t *testing.T) {
	w, _ := populated(t)
	true0 := w.rung(alice, 0)
	lie := func(what string, edit func(s *Search)) {
		r := w.rung(alice, 0)
		edit(&r.Map)
		l := NewAbsence(w.anchor(0), r)
		if _, err := w.verify(l, Asked{Label: alice}); err == nil {
			t.Errorf("%s hides a version", what)
		}
	}
	empty := func(s *Search) { s.Kind, s.Label, s.Value = prefixtree.NonInclusionParent, nil, nil }
	lie("k 1", func(*Search) {})
	lie("k 3 at the leaf", empty)
	for depth := range true0.Map.Depth {
		lie(fmt.Sprintf("k 3 at depth %d", depth), func(s *Search) { empty(s); s.Depth, s.Path = depth, s.Path[len(s.Path)-depth:] })
		lie(fmt.Sprintf("k 3, depth %d said", depth), func(s *Search) { empty(s); s.Depth = depth })
	}
	lie("k 3 deeper", func(s *Search) { empty(s); s.Depth, s.Path = s.Depth+1, append([]Hash{{1}}, s.Path...) })
	// Another leaf, whole with its own path: it does not stand where the search for alice ends.
	other := w.rung(bob, 0)
	_, output := w.vrf.Prove(w.label(bob).VRFInput(0))
	bobs := Hash(entry.IndexOf(output))
	lie("k 2 with a leaf off the path", func(s *Search) { *s = other.Map; s.Kind, s.Label = prefixtree.NonInclusionLeaf, &bobs })
	_, output = w.vrf.Prove(w.label(alice).VRFInput(0))
	own := Hash(entry.IndexOf(output))
	lie("k 2 with the label's own leaf", func(s *Search) { s.Kind, s.Label = prefixtree.NonInclusionLeaf, &own })
	lie("k 2 with a leaf that is not there", func(s *Search) { s.Kind, s.Label = prefixtree.NonInclusionLeaf, &Hash{} })
	lie("k 0", func(s *Search) { s.Kind = 0 })
}

func TestOtherLabels(t *testing.T) {
	w, _ := populated(t)
	w.mustRefuse("bob's answer about alice", w.lookup(bob, 0), Asked{Label: alice}, StepLadder, ErrVRF)
	w.mustRefuse("nobody's answer about alice", w.lookup(nobody, 0), Asked{Label: alice}, StepLadder, ErrVRF)
	for _, bad := range []string{"", "alice@example.com", "email:", "email:alice", "mail:alice@example.com", "email:alice@example.com\n", "msisdn:+1", "msisdn:1", "mxid:alice", "binding:mxid:@alice:example.com"} {
		w.mustRefuse("asked for "+bad, w.lookup(alice, 0), Asked{Label: bad}, StepLabel, entry.ErrLabel)
	}
}

func TestTheValueIsTheOneInTheLog(t *testing.T) {
	w, _ := populated(t)
	change := func(what string, reason error, edit func(l *Lookup)) {
		l := clone(t, w.lookup(alice, 0))
		edit(l)
		w.mustRefuse(what, l, Asked{Label: alice}, StepOpening, reason)
	}
	change("another's value", ErrCommitment, func(l *Lookup) { l.Value = w.versions[bob][0].value })
	change("an older value", ErrCommitment, func(l *Lookup) { l.Value = w.versions[alice][1].value })
	change("an older value with its opening", ErrCommitment, func(l *Lookup) {
		l.Value, l.Opening = w.versions[alice][1].value, (*Opening)(&w.versions[alice][1].opening)
	})
	change("no opening, as if erased", ErrErased, func(l *Lookup) { l.Opening = nil })
	change("no value", ErrErased, func(l *Lookup) { l.Value = nil })
	change("neither", ErrErased, func(l *Lookup) { l.Value, l.Opening = nil, nil })
	absent := w.lookup(nobody, 0)
	absent.Value = w.versions[bob][0].value
	w.mustRefuse("a value of nobody's", absent, Asked{Label: nobody}, StepOpening, ErrUnasked)
	absent.Value, absent.Opening = nil, &Opening{}
	w.mustRefuse("an opening of nobody's", absent, Asked{Label: nobody}, StepOpening, ErrUnasked)
}

// The log commits to what its server gives it, which may be of another label or version.
func TestACommitmentOfSomethingElse(t *testing.T) {
	for what, c := range map[string]struct {
		commit func(w *world, v *version)
		reason error
	}{
		"committed for another label":   {func(w *world, v *version) { v.commitment = entry.Commit(v.opening, w.label(bob), 0, v.value) }, ErrCommitment},
		"committed for another version": {func(w *world, v *version) { v.commitment = entry.Commit(v.opening, w.label(alice), 1, v.value) }, ErrCommitment},
		"a value of another label": {func(w *world, v *version) {
			v.value = w.person(bob, "b0", "")
			v.commitment = entry.Commit(v.opening, w.label(alice), 0, v.value)
		}, value.ErrOther},
		"a value of another version": {func(w *world, v *version) {
			v.value = w.edited(alice, "a0", "", func(o object) { o["version"] = 1 })
			v.commitment = entry.Commit(v.opening, w.label(alice), 0, v.value)
		}, value.ErrOther},
		"no value of the directory": {func(w *world, v *version) {
			v.value = []byte(`{"type":"x"}`)
			v.commitment = entry.Commit(v.opening, w.label(alice), 0, v.value)
		}, value.ErrValue},
	} {
		w := newWorld(t)
		v := version{value: w.person(alice, "a0", ""), opening: entry.Opening{1}}
		c.commit(w, &v)
		w.insert(alice, v)
		w.seal()
		w.mustRefuse(what, w.lookup(alice, 0), Asked{Label: alice}, StepOpening, c.reason)
	}
}

func TestTheValueIsSignedAndInForce(t *testing.T) {
	day := 24 * time.Hour
	for what, c := range map[string]struct {
		edit   func(w *world, o object)
		reason error
	}{
		"not yet": {func(_ *world, o object) { o["not_before"] = start.Add(6 * time.Minute).UnixMilli() }, value.ErrNotYet},
		"expired": {func(_ *world, o object) {
			o["not_before"], o["not_after"] = start.Add(-day).UnixMilli(), start.Add(-1).UnixMilli()
		}, value.ErrExpired},
		"a key that did not sign": {func(_ *world, o object) { o["keys"].(object)["ed25519:x"] = publicOf("x") }, value.ErrSignature},
		"another server's key":    {func(w *world, _ object) { w.server.Private = secret("mallory") }, value.ErrSignature},
		"the same, expired": {func(w *world, o object) {
			w.server.Private, o["not_before"], o["not_after"] = secret("mallory"), start.Add(-day).UnixMilli(), start.Add(-1).UnixMilli()
		}, value.ErrSignature},
	} {
		w := newWorld(t)
		policy := w.policy()
		w.publish(alice, w.edited(alice, "a0", "", func(o object) { c.edit(w, o) }))
		w.seal()
		_, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, policy, w.now)
		var failed *Failed
		if !errors.As(err, &failed) || failed.Step != StepSignatures || !errors.Is(err, c.reason) {
			t.Fatalf("%s: %v, want %v", what, err, c.reason)
		}
		if p := failed.Proven; (p != nil) != (c.reason != value.ErrSignature) || p != nil && (!p.Present || p.Value == nil) {
			t.Errorf("%s: proven is %+v", what, p)
		}
	}
}

func TestTheOldKeyHandsOver(t *testing.T) {
	w := newWorld(t)
	w.publish(alice, w.person(alice, "a0", ""))
	w.publish(alice, w.person(alice, "a1", "mallory")) // which says that the old key signed
	w.seal()
	old, err := value.ParseUser(w.versions[alice][0].value)
	if err != nil {
		t.Fatal(err)
	}
	w.mustRefuse("signed by a stranger", w.lookup(alice, 0), Asked{Label: alice, Previous: old}, StepSignatures, value.ErrSignature)
	w.mustRefuse("signed by a stranger", w.lookup(alice, 0), Asked{Label: alice, PreviousKeys: old.Keys}, StepSignatures, value.ErrSignature)
	if r := w.mustVerify(w.lookup(alice, 0), Asked{Label: alice}); !strings.Contains(r.Held[7].Text, "was not verified") {
		t.Errorf("who does not know the old key reads: %s", r.Held[7])
	}
}

// Who is behind an address has a label of its own, and so has its past.
func TestBinding(t *testing.T) {
	w, _ := populated(t)
	const label = "binding:" + alice
	bind := func(mxid any) []byte {
		signed, err := w.server.Sign(serverName, marshal(t, object{"address": "alice@example.com", "medium": "email", "mxid": mxid,
			"not_before": start.UnixMilli(), "not_after": start.Add(time.Hour).UnixMilli(), "ts": start.UnixMilli()}))
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	w.publish(label, bind("@alice:example.com"))
	w.seal()
	r := w.mustVerify(clone(t, w.lookup(label, 0)), Asked{Label: "binding:email:Alice@example.com"})
	if a, ok := r.Value.(*value.Association); !ok || a.MXID != "@alice:example.com" || r.Reset {
		t.Errorf("bound: %+v", r)
	}
	w.mustRefuse("the binding for the keys", w.lookup(label, 0), Asked{Label: alice}, StepLadder, ErrVRF)
	w.publish(label, bind(nil))
	w.seal()
	r = w.mustVerify(clone(t, w.lookup(label, 0)), Asked{Label: label})
	if a, ok := r.Value.(*value.Association); !ok || a.MXID != "" || r.Version != 1 {
		t.Errorf("unbound: %+v", r)
	}
	w.mustRefuse("the binding of before", w.claim(label, 0, 0), Asked{Label: label}, StepLadder, ladder.ErrRungs)

	// The server may log keys as a binding; nobody takes them for one.
	w = newWorld(t)
	w.publish(label, w.person(alice, "a0", ""))
	w.seal()
	w.mustRefuse("keys for a binding", w.lookup(label, 0), Asked{Label: label}, StepOpening, value.ErrOther)
}

// A number may go out of use; what was logged of it stays.
func TestANumberOutOfUse(t *testing.T) {
	w := newWorld(t)
	const label = "msisdn:12"
	w.publish(label, w.person(label, "a0", ""))
	w.seal()
	w.mustVerify(w.lookup(label, 0), Asked{Label: label})
}

func TestTombstone(t *testing.T) {
	w, _ := populated(t)
	stone, err := value.NewTombstone(3, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.publish(alice, stone.JSON())
	w.seal()
	r := w.mustVerify(clone(t, w.lookup(alice, 0)), Asked{Label: alice})
	if _, ok := r.Value.(*value.Tombstone); !ok || r.Version != 3 {
		t.Errorf("after an erasure: %+v", r)
	}
}
