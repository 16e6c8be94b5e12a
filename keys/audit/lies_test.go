package audit_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"signet/keys/audit"
	"signet/keys/audit/audittest"
	"signet/keys/entry"
	"signet/keys/replay"
)

// small is a log of two full bundles and a partial one: 0 CONFIG, 1 to 300 INSERT,
// 301 EPOCH, 302 to 598 INSERT, 599 EPOCH.
func small(t testing.TB) *audittest.Log {
	l := audittest.New(t, origin)
	l.Epoch(300)
	l.Epoch(297)
	return l
}

// epochWith is an EPOCH with one thing changed.
func epochWith(t testing.TB, e []byte, change func(*entry.Epoch)) []byte {
	t.Helper()
	parsed, err := entry.Parse(e)
	if err != nil {
		t.Fatal(err)
	}
	epoch := parsed.(entry.Epoch)
	change(&epoch)
	return epoch.Append(nil)
}

// A log that is built on a lie, with tiles and a signature that go with it, is caught at the
// entry that is the lie.
func TestALogThatIsBuiltOnALie(t *testing.T) {
	record, err := entry.NewRecord([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lie      string
		change   func(l *audittest.Log)
		position int64
		promise  audit.Promise
	}{
		{"an index twice in an epoch", func(l *audittest.Log) { l.Entries[290] = l.Entries[5] }, 290, "I2"},
		{"an index twice in two epochs", func(l *audittest.Log) { l.Entries[400] = l.Entries[5] }, 400, "I2"},
		{"an index twice with two commitments", func(l *audittest.Log) {
			l.Entries[400] = append(slices.Clone(l.Entries[5][:33]), make([]byte, 32)...)
		}, 400, "I2"},
		{"another root of the map", func(l *audittest.Log) {
			l.Entries[301] = epochWith(t, l.Entries[301], func(e *entry.Epoch) { e.MapRoot[0] ^= 1 })
		}, 301, "I3"},
		{"another commitment", func(l *audittest.Log) { l.Entries[10] = audittest.Flip(l.Entries[10], 64) }, 301, "I3"},
		{"an INSERT that is left out", func(l *audittest.Log) {
			l.Entries = slices.Delete(l.Entries, 310, 311)
			l.Entries[598] = epochWith(t, l.Entries[598], func(e *entry.Epoch) { e.Position-- })
		}, 598, "I3"},
		{"an EPOCH of another position", func(l *audittest.Log) {
			l.Entries[301] = epochWith(t, l.Entries[301], func(e *entry.Epoch) { e.Position++ })
		}, 301, "I1"},
		{"a time that goes back", func(l *audittest.Log) {
			l.Entries[599] = epochWith(t, l.Entries[599], func(e *entry.Epoch) { e.Time -= 1001 })
		}, 599, "I4"},
		{"a checkpoint that ends in an INSERT", func(l *audittest.Log) { l.Entries = l.Entries[:512] }, 511, "I1"},
		{"a checkpoint with no EPOCH at all", func(l *audittest.Log) { l.Entries = l.Entries[:100] }, 99, "I1"},
		{"no CONFIG", func(l *audittest.Log) { l.Entries[0] = l.Insert() }, 0, "I5"},
		{"another log's CONFIG", func(l *audittest.Log) { l.Entries[0] = audittest.Config(l, "id.example.org/servers") }, 0, "I5"},
		{"another log's CONFIG later", func(l *audittest.Log) { l.Entries[302] = audittest.Config(l, "evil.example/users") }, 302, "I5"},
		{"plain text among commitments", func(l *audittest.Log) { l.Entries[302] = record.Append(nil) }, 302, "I6"},
		{"an entry of no octets", func(l *audittest.Log) { l.Entries[302] = nil }, 302, "I6"},
		{"an INSERT of 66 octets", func(l *audittest.Log) { l.Entries[302] = append(l.Entries[302], 0) }, 302, "I6"},
		{"an entry of another type", func(l *audittest.Log) { l.Entries[302][0] = 5 }, 302, "I6"},
		{"two lies, of which the first counts", func(l *audittest.Log) { l.Entries[303][0], l.Entries[302][0] = 5, 9 }, 302, "I6"},
	} {
		t.Run(c.lie, func(t *testing.T) {
			l := small(t)
			c.change(l)
			lies(t, auditorOf(l, l.Publish()), c.position, c.promise)
		})
	}
}

// What is served is not what was signed.
func TestASiteThatIsChanged(t *testing.T) {
	l := small(t)
	long := append(slices.Clone(l.Entries[:256:256]), l.Entries[256])
	for _, c := range []struct {
		lie      string
		path     string
		change   func(body []byte) []byte
		position int64
		promise  audit.Promise
	}{
		{"a flipped bit in a bundle", "tile/entries/001", func(b []byte) []byte { return audittest.Flip(b, 67*2+40) }, 258, audit.Tiles},
		{"a flipped bit in the partial bundle", "tile/entries/002.p/88", func(b []byte) []byte { return audittest.Flip(b, 67*2+40) }, 514, audit.Tiles},
		{"a flipped bit in a length", "tile/entries/001", func(b []byte) []byte { return audittest.Flip(b, 67*2) }, 258, audit.Tiles},
		{"a bundle that ends early", "tile/entries/001", func(b []byte) []byte { return b[:67*2+10] }, 258, audit.Tiles},
		{"a bundle that ends in a length", "tile/entries/001", func(b []byte) []byte { return b[:67*2+1] }, 258, audit.Tiles},
		{"an empty bundle", "tile/entries/001", func([]byte) []byte { return nil }, 256, audit.Tiles},
		{"a bundle of 257 entries", "tile/entries/000", func([]byte) []byte { return audittest.Bundle(long) }, 256, audit.Tiles},
		{"two entries that change places", "tile/entries/001", func(b []byte) []byte {
			return slices.Concat(b[:67], b[67*2:67*3], b[67:67*2], b[67*3:])
		}, 257, audit.Tiles},
		{"a flipped bit in a hash tile", "tile/0/001", func(b []byte) []byte { return audittest.Flip(b, 32*7+3) }, 263, audit.Tiles},
		{"a hash tile that is short", "tile/0/001", func(b []byte) []byte { return b[:32] }, 256, audit.Tiles},
		{"a hash tile that is long", "tile/0/001", func(b []byte) []byte { return append(slices.Clone(b), b...) }, 256, audit.Tiles},
		{"a flipped bit in an upper hash tile", "tile/1/000.p/2", func(b []byte) []byte { return audittest.Flip(b, 33) }, 256, audit.Tiles},
		{"another root", "checkpoint", func([]byte) []byte { return l.Sign(origin, 600, make([]byte, 32)) }, audit.Whole, audit.RootHash},
		{"another origin", "checkpoint", func([]byte) []byte { return l.Sign("id.example.org/other", 600, audittest.Root(t, l.Entries)) }, audit.Whole, audit.Signed},
		{"another key", "checkpoint", func([]byte) []byte {
			stranger := audittest.New(t, origin)
			stranger.Signer, _ = audittest.NewKey(t, origin, 2)
			return stranger.Sign(origin, 600, audittest.Root(t, l.Entries))
		}, audit.Whole, audit.Signed},
		{"a root of 31 octets", "checkpoint", func([]byte) []byte { return l.Sign(origin, 600, make([]byte, 31)) }, audit.Whole, audit.Signed},
		{"no entries", "checkpoint", func([]byte) []byte { return l.Sign(origin, 0, make([]byte, 32)) }, audit.Whole, "I1"},
		{"more entries than can be", "checkpoint", func([]byte) []byte { return l.Sign(origin, 1<<62, make([]byte, 32)) }, audit.Whole, audit.Signed},
		{"a note that is too long", "checkpoint", func(b []byte) []byte { return append(bytes.Repeat([]byte("x"), 64<<10), b...) }, audit.Whole, audit.Signed},
	} {
		t.Run(c.lie, func(t *testing.T) {
			site := l.Publish()
			if _, there := site[c.path]; !there {
				t.Fatalf("the log has no %s", c.path)
			}
			site[c.path] = c.change(site[c.path])
			lies(t, auditorOf(l, site), c.position, c.promise)
		})
	}
}

// Whichever octet of a log is changed, it is noticed, and at the entry where it stands or
// that its hash stands for.
func TestAnyOctetIsNoticed(t *testing.T) {
	l := small(t)
	site := l.Publish()
	for path, body := range site {
		for at := 0; at < len(body); at += 1 + len(body)/29 {
			changed := audittest.Site{}
			for p, b := range site {
				changed[p] = b
			}
			changed[path] = audittest.Flip(body, at)
			_, err := auditorOf(l, changed).Audit(t.Context())
			if _, is := err.(audit.Lie); !is {
				t.Fatalf("octet %d of %s is changed, and the audit says %v", at, path, err)
			}
		}
	}
}

// A log that holds is read whole, whatever its size is to the tiles'.
func TestSizesAroundTiles(t *testing.T) {
	for _, size := range []int{2, 3, 255, 256, 257, 511, 512, 513, 65536} {
		l := audittest.New(t, origin)
		l.Epoch(size - 2)
		r := holds(t, auditorOf(l, l.Publish()))
		if r.N != int64(size) || !bytes.Equal(r.Hash[:], audittest.Root(t, l.Entries)) || r.Inserts != int64(size-2) || r.Bundles != int64((size+255)/256) {
			t.Errorf("of %d entries the report is %+v", size, r)
		}
	}
}

// A partial tile that is gone since the log grew is read from the full one.
func TestAPartialTileThatBecameFull(t *testing.T) {
	l := audittest.New(t, origin)
	l.Epoch(300)
	old := l.Publish()
	l.Epoch(300)
	site := l.Publish()
	for _, path := range []string{"checkpoint", "tile/1/000.p/1"} { // which are not full yet
		site[path] = old[path]
	}
	if r := holds(t, auditorOf(l, site)); r.N != 302 {
		t.Errorf("%d entries were read, want 302", r.N)
	}
}

// A bundle has the longest entries that there are, and is read.
func TestTheLongestBundle(t *testing.T) {
	if longest := 256 * (2 + entry.MaxLen); audit.MaxBody < longest {
		t.Errorf("at most %d octets are read, and a bundle may have %d", audit.MaxBody, longest)
	}
	const servers = "id.example.org/servers"
	l := audittest.New(t, servers)
	l.Entries = append(l.Entries, audittest.Config(t, servers))
	r, err := entry.NewRecord(fmt.Appendf(nil, `{"x":"%0*d"}`, entry.MaxObject-len(`{"x":""}`), 0))
	if err != nil {
		t.Fatal(err)
	}
	for range 255 {
		l.Entries = append(l.Entries, r.Append(nil))
	}
	epoch := binary.BigEndian.AppendUint64([]byte{2, 0, 0, 0, 0, 0, 0, 0, 0}, 256)
	l.Entries = append(l.Entries, append(epoch, make([]byte, 32)...))
	a := audit.New(audit.Options{Source: l.Publish(), Origin: servers, Verifier: l.Verifier(), Contents: replay.Records})
	if report := holds(t, a); report.Records != 255 {
		t.Errorf("%d RECORDs were read", report.Records)
	}
}
