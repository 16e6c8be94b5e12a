package replay_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"signet/keys/entry"
	"signet/keys/prefixtree"
	"signet/keys/replay"
)

const origin = "id.example.org/users"

func config(t *testing.T, origin string) []byte {
	t.Helper()
	c, err := entry.NewConfig([]byte(`{"origin":"` + origin + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	return c.Append(nil)
}

func record(t *testing.T) []byte {
	t.Helper()
	r, err := entry.NewRecord([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	return r.Append(nil)
}

func insert(n byte) []byte {
	return entry.Insert{Index: entry.Index{n}, Commitment: entry.Commitment{1}}.Append(nil)
}

// sealed takes entries in, with an EPOCH after them, as a sequencer does.
func sealed(t *testing.T, s *replay.State, at time.Time, entries ...[]byte) [][]byte {
	t.Helper()
	epoch, adopt, err := s.Seal(entries, at)
	if err != nil {
		t.Fatal(err)
	}
	adopt()
	return append(entries, epoch)
}

var noon = time.UnixMilli(1_700_000_000_000)

// What one server seals another follows to the same roots, whatever pieces it comes in, and
// the tree of each recent moment can be asked for.
func TestFollowersComeToTheSame(t *testing.T) {
	leader := replay.New(replay.Inserts, origin)
	log := sealed(t, leader, noon, config(t, origin), insert(1), insert(2))
	first := leader.Size()
	log = append(log, sealed(t, leader, noon.Add(time.Second))...)
	log = append(log, sealed(t, leader, noon.Add(time.Minute), insert(3), insert(255))...)
	for step := 1; step <= len(log); step++ {
		follower := replay.New(replay.Inserts, origin)
		for at := 0; at < len(log); at += step {
			if err := follower.Follow(log[at:min(at+step, len(log))]); err != nil {
				t.Fatalf("in steps of %d: %v", step, err)
			}
		}
		want, _ := leader.Newest()
		got, ended := follower.At(int64(len(log)))
		if !ended || got.Epoch != want.Epoch || got.Tree.Root() != want.Tree.Root() || got.Tree.Len() != 4 {
			t.Errorf("in steps of %d: %+v, want %+v", step, got.Epoch, want.Epoch)
		}
		if old, ended := follower.At(first); !ended || old.Tree.Len() != 2 {
			t.Errorf("in steps of %d: the tree of the first epoch is gone", step)
		}
		if _, ended := follower.At(first - 1); ended {
			t.Error("a checkpoint may end in an INSERT")
		}
	}
}

// An EPOCH that was made but not committed leaves nothing behind.
func TestWhatIsNotAdoptedNeverWas(t *testing.T) {
	s := replay.New(replay.Inserts, origin)
	sealed(t, s, noon, config(t, origin), insert(1))
	before, _ := s.Newest()
	for range 3 {
		if _, _, err := s.Seal([][]byte{insert(2), insert(3)}, noon); err != nil {
			t.Fatal(err)
		}
	}
	if after, _ := s.Newest(); after.Epoch != before.Epoch || after.Tree.Root() != before.Tree.Root() || s.Size() != 3 {
		t.Errorf("the state became %+v, of %d entries", after.Epoch, s.Size())
	}
	sealed(t, s, noon, insert(4))
	if now, _ := s.Newest(); now.Tree.Len() != 2 {
		t.Errorf("%d leaves, want 2", now.Tree.Len())
	}
}

// Each lie is found where it stands, and says which promise it breaks; the state stays as it
// was before the entries among which it is.
func TestALieIsFoundWhereItStands(t *testing.T) {
	good := func() []byte {
		s := replay.New(replay.Inserts, origin)
		log := sealed(t, s, noon, config(t, origin), insert(1))
		return log[2]
	}()
	epoch := func(change func(*entry.Epoch)) []byte {
		parsed, err := entry.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		e := parsed.(entry.Epoch)
		change(&e)
		return e.Append(nil)
	}
	head := [][]byte{config(t, origin), insert(1), good}
	for _, c := range []struct {
		lie       string
		entries   [][]byte
		position  int64
		invariant string
	}{
		{"a log without CONFIG", [][]byte{insert(1)}, 0, "I5"},
		{"another log's CONFIG", [][]byte{config(t, "id.example.org/servers")}, 0, "I5"},
		{"another log's CONFIG later", append(head[:3:3], config(t, "evil.example/users")), 3, "I5"},
		{"an EPOCH of another position", append(head[:2:2], epoch(func(e *entry.Epoch) { e.Position++ })), 2, "I1"},
		{"an index twice in an epoch", append(head[:2:2], insert(1), good), 3, "I1"},
		{"an index twice", append(head[:3:3], insert(2), insert(2), insert(1), epoch(func(e *entry.Epoch) { e.Position = 6 })), 4, "I2"},
		{"a CONFIG that nobody has vouched for", append(head[:3:3], insert(2), config(t, origin)), 4, "I5"},
		{"another root", append(head[:2:2], epoch(func(e *entry.Epoch) { e.MapRoot[31] ^= 1 })), 2, "I3"},
		{"a time that goes back", append(head[:3:3], epoch(func(e *entry.Epoch) { e.Position, e.Time = 3, e.Time-1 })), 3, "I4"},
		{"plain text in the log of people", append(head[:3:3], record(t)), 3, "I6"},
		{"rubbish", append(head[:3:3], []byte{9}), 3, "I6"},
		{"nothing", append(head[:3:3], nil), 3, "I6"},
	} {
		s := replay.New(replay.Inserts, origin)
		err := s.Follow(c.entries)
		if b, is := errors.AsType[replay.Broken](err); !is || b.Position != c.position || b.Invariant != c.invariant {
			t.Errorf("%s = %v, want entry %d to break %s", c.lie, err, c.position, c.invariant)
		}
		if s.Size() != 0 {
			t.Errorf("%s: %d entries were taken in", c.lie, s.Size())
		}
	}
	_, _, err := replay.New(replay.Inserts, origin).Seal([][]byte{config(t, origin), insert(1), insert(1)}, noon)
	if taken, is := errors.AsType[prefixtree.Taken](err); !is || taken.Index[0] != 1 {
		t.Errorf("Seal of an index twice = %v", err)
	}
}

// The log of servers holds plain text, and its map stays empty.
func TestTheLogOfServers(t *testing.T) {
	const servers = "id.example.org/servers"
	s := replay.New(replay.Records, servers)
	sealed(t, s, noon, config(t, servers), record(t), record(t))
	if e, _ := s.Newest(); e.Position != 3 || e.Tree.Len() != 0 || e.MapRoot != [32]byte{} {
		t.Errorf("the EPOCH is %+v", e.Epoch)
	}
	if err := s.Follow([][]byte{insert(1)}); err == nil {
		t.Error("a commitment was taken for a record")
	}
}

// Epochs of long ago are forgotten.
func TestEpochsAreForgotten(t *testing.T) {
	s := replay.New(replay.Inserts, origin)
	sealed(t, s, noon, config(t, origin))
	first := s.Size()
	for range 63 {
		sealed(t, s, noon)
	}
	if _, known := s.At(first); !known {
		t.Error("an epoch of 63 before is forgotten")
	}
	sealed(t, s, noon)
	if _, known := s.At(first); known {
		t.Error("an epoch of 64 before is kept")
	}
}

// A state can be kept as its newest epoch and its leaves, and goes on from there; leaves that
// are not those of the epoch are noticed.
func TestAStateIsRestoredFromItsLeaves(t *testing.T) {
	s := replay.New(replay.Inserts, origin)
	sealed(t, s, noon, config(t, origin), insert(9), insert(1), insert(200))
	was, _ := s.Newest()
	leaves, configs := slices.Collect(was.Tree.All()), []entry.Config{s.Configs()[0].Entry()}
	restored, err := replay.Restore(replay.Inserts, origin, was.Epoch, configs, leaves)
	if err != nil {
		t.Fatal(err)
	}
	next := sealed(t, s, noon, insert(3))
	if err := restored.Follow(next); err != nil {
		t.Error(err)
	}
	if got, _ := restored.At(s.Size()); got.Tree.Len() != 4 {
		t.Errorf("%d leaves, want 4", got.Tree.Len())
	}
	for lie, leaves := range map[string][]prefixtree.Leaf{"one too few": leaves[1:], "one twice": append(leaves[:3:3], leaves[0])} {
		if _, err := replay.Restore(replay.Inserts, origin, was.Epoch, configs, leaves); err == nil {
			t.Errorf("%s was taken", lie)
		}
	}
	for lie, configs := range map[string][]entry.Config{"no CONFIG": nil, "one that does not follow": append(configs, configs[0])} {
		if _, err := replay.Restore(replay.Inserts, origin, was.Epoch, configs, leaves); err == nil {
			t.Errorf("%s was taken", lie)
		}
	}
}

// Who goes alone and the state that it left do not see each other's entries, even in the
// middle of an epoch, and come to what others come to.
func TestWhoGoesAlone(t *testing.T) {
	s := replay.New(replay.Inserts, origin)
	log := sealed(t, s, noon, config(t, origin), insert(9), insert(8))
	if err := s.Follow([][]byte{insert(1), insert(2)}); err != nil {
		t.Fatal(err)
	}
	log = append(log, insert(1), insert(2))
	a, b := s.Alone(), replay.New(replay.Inserts, origin)
	if err := b.Follow(log); err != nil {
		t.Fatal(err)
	}
	sealed(t, s, noon, insert(3))
	others := sealed(t, b, noon, insert(4), insert(5))
	more := sealed(t, b, noon, insert(6))
	for _, next := range [][][]byte{others, more} {
		if err := a.Follow(next); err != nil {
			t.Fatal(err)
		}
	}
	for which, want := range map[*replay.State][]byte{s: {1, 2, 3, 8, 9}, a: {1, 2, 4, 5, 6, 8, 9}, b: {1, 2, 4, 5, 6, 8, 9}} {
		e, _ := which.At(which.Size())
		var got []byte
		for l := range e.Tree.All() {
			got = append(got, l.Index[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("the leaves are %v, want %v", got, want)
		}
	}
	if _, _, err := a.Seal(nil, noon); err == nil {
		t.Error("who goes alone has sealed")
	}
}
