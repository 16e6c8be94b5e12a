package audit_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
)

// asked is a source that remembers which paths it was asked for.
type asked struct {
	audittest.Site
	paths sync.Map
}

func (s *asked) Fetch(ctx context.Context, path string) ([]byte, error) {
	s.paths.Store(path, true)
	return s.Site.Fetch(ctx, path)
}

// An auditor goes on where it ended, at whatever size that was, comes to the same as one
// that reads the whole log, and reads no old bundle but the one in which it ended.
func TestAnAuditGoesOn(t *testing.T) {
	l := audittest.New(t, origin)
	steady := auditorOf(l, nil)
	file := filepath.Join(t.TempDir(), "state")
	for i, inserts := range []int{0, 1, 252, 0, 0, 300, 1, 900, 65536 - 1464, 700} {
		l.Epoch(inserts)
		source := &asked{Site: l.Publish()}
		steady.Source = source
		before := steady.Seen().N
		if i%2 == 1 { // the process begins anew
			steady = auditorOf(l, steady.Source)
			if err := steady.Load(file); err != nil {
				t.Fatal(err)
			}
		}
		r := holds(t, steady)
		if r.Before != before || r.Inserts != int64(inserts) || r.N != int64(len(l.Entries)) {
			t.Errorf("after %d inserts at %d the report is %+v", inserts, before, r)
		}
		if _, again := source.paths.Load("tile/entries/000"); again && before > 512 {
			t.Errorf("at %d entries the first bundle is read again", before)
		}
		if err := steady.Save(file); err != nil {
			t.Fatal(err)
		}
		if whole := holds(t, auditorOf(l, steady.Source)); whole.Tree != r.Tree || !whole.Epoch.Equal(r.Epoch) {
			t.Errorf("whole the audit comes to %+v, in parts to %+v", whole, r)
		}
	}
	nothing := holds(t, steady)
	if nothing.Bundles != 0 || nothing.Before != nothing.N {
		t.Errorf("nothing is new, and the report is %+v", nothing)
	}
}

// Another past than was seen before is caught, whatever stands where the log was seen to end.
func TestAForkIsCaught(t *testing.T) {
	fork := func(seen, from, then int) (a *audit.Auditor, forked *audittest.Log) {
		l, forked := audittest.New(t, origin), audittest.New(t, origin)
		for _, log := range []*audittest.Log{l, forked} {
			log.Epoch(from)
		}
		forked.Insert() // so that the next are others
		l.Epoch(seen)
		forked.Epoch(seen + then)
		a = auditorOf(l, l.Publish())
		holds(t, a)
		a.Source = forked.Publish()
		return a, forked
	}
	for _, c := range []struct {
		name             string
		seen, from, then int
		position         int64
	}{
		{"in the bundle that is not full", 100, 0, 0, 2},
		{"in the bundle that is not full, and the log grows", 100, 30, 1000, 32},
		{"in a full bundle", 1000, 300, 1000, 256},
		{"at the end of a full tile", 510, 0, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := fork(c.seen, c.from, c.then)
			lies(t, a, c.position, audit.History)
		})
	}
	a, _ := fork(100, 30, 5)
	known := a.Seen()
	_, err := a.Audit(t.Context())
	if l, is := errors.AsType[audit.Lie](err); !is || bytes.Equal(l.Checkpoint, known.Note) || !bytes.HasPrefix(l.Checkpoint, []byte(origin+"\n")) {
		t.Errorf("the other checkpoint is not shown: %v", err)
	}
}

// A fork that shows the tiles of before is caught by the root that it signed.
func TestAForkBehindOldTiles(t *testing.T) {
	l := small(t)
	site := l.Publish()
	a := auditorOf(l, site)
	holds(t, a)
	site["checkpoint"] = l.Sign(origin, 600, make([]byte, 32))
	lies(t, a, audit.Whole, audit.History)

	l.Epoch(5)
	a.Source = l.Publish()
	other := small(t)
	other.Epoch(6)
	a.Source.(audittest.Site)["checkpoint"] = other.Sign(origin, 606, audittest.Root(t, other.Entries[:606]))
	lies(t, a, audit.Whole, audit.RootHash)
}

func TestAShrunkenLog(t *testing.T) {
	l := small(t)
	shorter := audittest.Log{TB: t, Origin: l.Origin, Signer: l.Signer, VKey: l.VKey, Entries: l.Entries[:302]}
	a := auditorOf(l, l.Publish())
	holds(t, a)
	a.Source = shorter.Publish()
	lies(t, a, 302, audit.History)
}

// A state file that was changed, cut or written for another log is not taken.
func TestAStateThatIsNotOurs(t *testing.T) {
	l := small(t)
	a := auditorOf(l, l.Publish())
	holds(t, a)
	file := filepath.Join(t.TempDir(), "state")
	if err := a.Save(file); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		b := auditorOf(l, nil)
		if err := b.Load(file); !errors.Is(err, audit.ErrState) {
			t.Errorf("%s is taken: %v", what, err)
		}
		if b.Seen().N != 0 {
			t.Errorf("%s is remembered", what)
		}
	}
	for at := 0; at < len(saved); at += 1 + len(saved)/60 {
		refused("a flipped bit", audittest.Flip(saved, at))
		refused("half of it", saved[:at])
	}
	refused("more", append(saved, 0))
	refused("a header without end", bytes.Repeat([]byte("{"), 1<<20))

	other := audittest.New(t, "id.example.org/servers/users")
	if err := os.WriteFile(file, saved, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := auditorOf(other, nil).Load(file); !errors.Is(err, audit.ErrState) {
		t.Errorf("the state of another log is taken: %v", err)
	}
	if err := auditorOf(l, nil).Save(file); err == nil {
		t.Error("nothing was seen, and is saved")
	}
	if kept, _ := os.ReadFile(file); !bytes.Equal(kept, saved) {
		t.Error("the state is gone")
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("%v stay behind", left)
	}
	if err := auditorOf(l, nil).Load(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("without a file: %v", err)
	}
}
