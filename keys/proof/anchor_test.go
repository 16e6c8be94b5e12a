package proof_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	. "signet/keys/proof"
	"signet/keys/value"
	"signet/keys/vrf"
)

func TestTimes(t *testing.T) {
	for after, reason := range map[time.Duration]error{
		0: nil, time.Hour: nil, time.Hour + time.Millisecond: ErrStale, 61 * time.Minute: ErrStale,
		-5 * time.Minute: nil, -5*time.Minute - time.Millisecond: ErrAhead, -6 * time.Minute: ErrAhead,
	} {
		w, _ := populated(t)
		l := w.lookup(alice, 0)
		w.now = w.now.Add(after)
		if reason == nil {
			w.mustVerify(l, Asked{Label: alice})
			continue
		}
		w.mustRefuse(fmt.Sprintf("after %v", after), l, Asked{Label: alice}, StepTimes, reason)
	}
}

// An EPOCH of now does not help a log that its witnesses have not seen lately.
func TestTheWitnessesHaveSeenItLately(t *testing.T) {
	w, _ := populated(t)
	w.now = w.now.Add(-61 * time.Minute)
	old := w.note(w.head())
	w.now = w.now.Add(61 * time.Minute)
	l := w.lookup(alice, 0)
	l.Checkpoint = string(old)
	w.mustRefuse("witnessed 61 minutes ago", l, Asked{Label: alice}, StepTimes, ErrStale)
	p := w.policy()
	p.Needed = 0
	if _, err := Verify(l, Asked{Label: alice}, p, w.now); err != nil {
		t.Errorf("without a need of witnesses: %v", err)
	}
}

// Of more witnesses than are needed, some may be late.
func TestWitnessesThatStop(t *testing.T) {
	w, _ := populated(t)
	late := w.now.Add(-61 * time.Minute)
	p := w.policy()
	for p.Needed = 1; p.Needed <= 3; p.Needed++ {
		for stopped := range 4 {
			for i, s := range w.witnesses {
				if s.clock = &w.now; i < stopped {
					s.clock = &late
				}
			}
			_, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, p, w.now)
			if enough := 3-stopped >= p.Needed; enough != (err == nil) || !enough && !errors.Is(err, ErrStale) {
				t.Errorf("%d of 3 stopped, and %d are needed: %v", stopped, p.Needed, err)
			}
		}
	}
}

// A log may end in an EPOCH that lies about its place.
func TestAnEpochThatIsElsewhere(t *testing.T) {
	w, _ := populated(t)
	honest := w.lookup(alice, 0)
	newest, _ := w.state.Newest()
	size := w.state.Size()
	lie := newest.Epoch // says that it is the entry before
	hashes, err := tlog.StoredHashes(size, lie.Append(nil), w.reader())
	if err != nil {
		t.Fatal(err)
	}
	w.hashes = append(w.hashes, hashes...)
	included, err := tlog.ProveRecord(size+1, size, w.reader())
	if err != nil {
		t.Fatal(err)
	}
	honest.Anchor = NewAnchor(w.note(w.headAt(size+1)), lie, included, nil)
	w.mustRefuse("an epoch in another's place", honest, Asked{Label: alice}, StepEpoch, ErrEpoch)
}

func TestKeysExpire(t *testing.T) {
	w, _ := populated(t)
	w.now = w.now.Add(25 * time.Hour)
	w.seal()
	w.mustRefuse("after a day", w.lookup(alice, 0), Asked{Label: alice}, StepSignatures, value.ErrExpired)
}

func TestTheNote(t *testing.T) {
	w, _ := populated(t)
	text := strings.SplitAfter(string(w.note(w.head())), "\n\n")[0]
	text = text[:len(text)-1]
	all := []note.Signer{w.log, w.witnesses[0], w.witnesses[1], w.witnesses[2]}
	stranger := newSigner(t, "id.example.com/users", "log", nil)
	impostor := newSigner(t, origin, "impostor", nil)
	otherWitness := newSigner(t, "witness2.example", "impostor", &w.now)
	many := slices.Clone(all)
	for i := range 29 {
		many = append(many, newSigner(t, fmt.Sprintf("w%d.example", i), "many", &w.now))
	}
	sign := func(text string, by ...note.Signer) string { return string(w.sign(text, by...)) }
	otherOrigin := strings.Replace(text, origin, "id.example.com/users", 1)
	for what, c := range map[string]struct{ note string }{
		"other origin, by that log":         {sign(otherOrigin, stranger)},
		"other origin, by all":              {sign(otherOrigin, all...)},
		"by another log":                    {sign(text, append(slices.Clone(all[1:]), stranger)...)},
		"by another key of that name":       {sign(text, append(slices.Clone(all[1:]), impostor)...)},
		"by witnesses alone":                {sign(text, all[1:]...)},
		"by too few witnesses":              {sign(text, all[:3]...)},
		"by a witness's other key":          {sign(text, append(slices.Clone(all[:3]), otherWitness)...)},
		"33 signatures":                     {sign(text, many...)},
		"no note":                           {""},
		"no signature":                      {text},
		"more than 64 KiB":                  {sign(text+strings.Repeat("x\n", 33<<10), all...)},
		"not a checkpoint":                  {sign("hello\n", all...)},
		"size with a zero before it":        {sign(strings.Replace(text, "\n", "\n0", 1), all...)},
		"size with a plus":                  {sign(strings.Replace(text, "\n", "\n+", 1), all...)},
		"size of 2^63":                      {sign(origin+"\n9223372036854775808\n"+strings.SplitAfter(text, "\n")[2], all...)},
		"size of 0":                         {sign(origin+"\n0\n"+strings.SplitAfter(text, "\n")[2], all...)},
		"short root":                        {sign(strings.Join(strings.SplitAfter(text, "\n")[:2], "")+"AAAA\n", all...)},
		"a signature by the log over other": {strings.Replace(sign(text, all...), "\n", "\n1", 1)},
	} {
		l := w.lookup(alice, 0)
		l.Checkpoint = c.note
		_, err := w.verify(l, Asked{Label: alice})
		var failed *Failed
		if !errors.As(err, &failed) || failed.Step != StepCheckpoint {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, c := range map[string]string{
		"32 signatures": sign(text, many[:32]...), "an extension line": sign(text+"extension\n", all...), "by another too": sign(text, append(slices.Clone(all), stranger, impostor)...),
	} {
		l := w.lookup(alice, 0)
		l.Checkpoint = c
		if _, err := w.verify(l, Asked{Label: alice}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A log whose key is replaced signs with both for a while.
func TestOneOfSeveralLogKeys(t *testing.T) {
	w, _ := populated(t)
	p := w.policy()
	p.LogKeys = []note.Verifier{newSigner(t, origin, "next", nil), w.log}
	if _, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, p, w.now); err != nil {
		t.Errorf("signed by one of two keys: %v", err)
	}
	p.LogKeys = p.LogKeys[:1]
	if _, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, p, w.now); err == nil {
		t.Error("signed by a key that is not known any more, and taken")
	}
}

// Two keys of one witness do not make two witnesses.
func TestAWitnessCountsOnce(t *testing.T) {
	w, _ := populated(t)
	second := newSigner(t, "witness0.example", "second", &w.now)
	p := w.policy()
	p.Witnesses, p.Needed = []note.Verifier{w.witnesses[0], second, w.witnesses[1]}, 2
	head := string(w.note(w.head()))
	text := head[:strings.Index(head, "\n\n")+1]
	l := w.lookup(alice, 0)
	l.Checkpoint = string(w.sign(text, w.log, w.witnesses[0], second))
	_, err := Verify(l, Asked{Label: alice}, p, w.now)
	if err == nil {
		t.Error("one witness with two keys is taken for two")
	}
	l.Checkpoint = string(w.sign(text, w.log, w.witnesses[1], second))
	if _, err := Verify(l, Asked{Label: alice}, p, w.now); err != nil {
		t.Errorf("two witnesses: %v", err)
	}
}

func TestTheCheckpointEndsInTheEpoch(t *testing.T) {
	w, _ := populated(t)
	early, _ := w.state.At(4) // the first epoch: CONFIG, two INSERTs, EPOCH
	size := w.state.Size()
	included := func(at int64) tlog.RecordProof {
		p, err := tlog.ProveRecord(size, at, w.reader())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	note := w.note(w.head())
	newest, _ := w.state.Newest()
	forged := newest.Epoch
	forged.MapRoot = early.MapRoot
	elsewhere := newest.Epoch
	elsewhere.Position--
	for what, a := range map[string]Anchor{
		"an older epoch, in the log":       NewAnchor(note, early.Epoch, included(3), nil),
		"an epoch that is not in the log":  NewAnchor(note, forged, included(size-1), nil),
		"an epoch that says other":         NewAnchor(note, elsewhere, included(size-1), nil),
		"a path that is too short":         NewAnchor(note, newest.Epoch, included(size - 1)[1:], nil),
		"a path that is too long":          NewAnchor(note, newest.Epoch, append(included(size-1), tlog.Hash{}), nil),
		"no path":                          NewAnchor(note, newest.Epoch, nil, nil),
		"the path of the entry before":     NewAnchor(note, newest.Epoch, included(size-2), nil),
		"a checkpoint that ends otherwise": NewAnchor(w.note(w.headAt(size-1)), newest.Epoch, included(size-1), nil),
	} {
		l := w.lookup(alice, 0)
		l.Anchor = a
		w.mustRefuse(what, l, Asked{Label: alice}, StepEpoch, ErrEpoch)
	}
	l := w.lookup(alice, 0)
	l.Epoch = Epoch{1}
	w.mustRefuse("something that is no epoch", l, Asked{Label: alice}, StepTimes, ErrEpoch)
}

func TestSplitView(t *testing.T) {
	w, seen := populated(t)
	head := w.head()
	for what, c := range map[string]struct {
		head   tlog.Tree
		edit   func(l *Lookup)
		reason error
	}{
		"equal size, other hash":  {tlog.Tree{N: head.N, Hash: tlog.Hash{1}}, func(l *Lookup) { l.Consistency = nil }, ErrSplit},
		"equal size, with a path": {head, func(*Lookup) {}, ErrSplit},
		"smaller now":             {tlog.Tree{N: head.N + 1, Hash: head.Hash}, func(*Lookup) {}, ErrShrunk},
		"another past":            {tlog.Tree{N: seen.N, Hash: tlog.Hash{1}}, func(*Lookup) {}, ErrSplit},
		"no path":                 {seen, func(l *Lookup) { l.Consistency = nil }, ErrSplit},
		"a path too short":        {seen, func(l *Lookup) { l.Consistency = l.Consistency[1:] }, ErrSplit},
		"a path too long":         {seen, func(l *Lookup) { l.Consistency = append(l.Consistency, Hash{}) }, ErrSplit},
		"a path from elsewhere":   {tlog.Tree{N: seen.N + 1, Hash: seen.Hash}, func(*Lookup) {}, ErrSplit},
		"a head of nothing":       {tlog.Tree{}, func(*Lookup) {}, ErrSplit},
	} {
		l := clone(t, w.lookup(alice, seen.N))
		c.edit(l)
		w.mustRefuse(what, l, Asked{Label: alice, Head: &c.head}, StepConsistency, c.reason)
	}
	w.mustVerify(w.lookup(alice, 0), Asked{Label: alice, Head: &head})

	// Another log of the same keys, which was shown to somebody else.
	other := newWorld(t)
	other.publish(alice, other.person(alice, "mallory", ""))
	for range 20 {
		other.seal()
	}
	other.mustRefuse("a fork", other.lookup(alice, seen.N), Asked{Label: alice, Head: &seen}, StepConsistency, ErrSplit)
}

func TestThePinnedVRFKey(t *testing.T) {
	w, _ := populated(t)
	other, err := vrf.NewPrivateKey(secret("other").Seed())
	if err != nil {
		t.Fatal(err)
	}
	p := w.policy()
	p.VRF = other.Public()
	if _, err := Verify(w.lookup(alice, 0), Asked{Label: alice}, p, w.now); !errors.Is(err, ErrVRF) {
		t.Errorf("under another VRF key: %v", err)
	}
	// A second VRF key of the log would give a label a second history.
	mine := w.vrf
	w.vrf = other
	l := w.lookup(nobody, 0)
	w.vrf = mine
	w.mustRefuse("by a second VRF key", l, Asked{Label: nobody}, StepLadder, ErrVRF)
}

func TestPolicyHasToBeWhole(t *testing.T) {
	w, _ := populated(t)
	l := w.lookup(alice, 0)
	for what, edit := range map[string]func(p *Policy){
		"origin": func(p *Policy) { p.Origin = "" }, "log keys": func(p *Policy) { p.LogKeys = nil }, "VRF": func(p *Policy) { p.VRF = nil },
		"server": func(p *Policy) { p.Server = "" }, "server keys": func(p *Policy) { p.ServerKeys = nil }, "time": func(p *Policy) { p.MaxBehind = -1 },
		"more witnesses": func(p *Policy) { p.Needed = 4 }, "needed": func(p *Policy) { p.Needed = -1 },
	} {
		p := w.policy()
		edit(&p)
		if _, err := Verify(l, Asked{Label: alice}, p, w.now); !errors.Is(err, ErrPolicy) {
			t.Errorf("without %s: %v, want ErrPolicy", what, err)
		}
	}
	if _, err := Verify(&Lookup{}, Asked{Label: alice}, w.policy(), w.now); err == nil {
		t.Error("nothing at all is taken for a proof")
	}
}

// transparency-dev/merkle is a second opinion on the proofs in the log.
func TestSecondOpinion(t *testing.T) {
	w, seen := populated(t)
	l := w.lookup(alice, seen.N)
	head := w.head()
	path := func(hashes []Hash) (p [][]byte) {
		for _, h := range hashes {
			p = append(p, h[:])
		}
		return p
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(l.Epoch[:])
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(head.N-1), uint64(head.N), leaf, path(l.EpochProof), head.Hash[:]); err != nil {
		t.Errorf("inclusion: %v", err)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(seen.N), uint64(head.N), path(l.Consistency), seen.Hash[:], head.Hash[:]); err != nil {
		t.Errorf("consistency: %v", err)
	}
}
