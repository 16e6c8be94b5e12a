package audit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/keys/replay"
)

// Whatever a bundle is, the entries that are taken out of it are what stands at its
// beginning, and without an error they are all of it.
func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 0}, 2, false)
	f.Add([]byte{0, 1, 5, 0, 2, 1}, 2, false)
	f.Add([]byte{0, 1, 5, 0}, 1, true)
	f.Fuzz(func(t *testing.T, data []byte, entries int, whole bool) {
		entries &= 0xff
		var b bundle
		b.split(data, entries, whole)
		var again []byte
		for _, e := range b.entries {
			again = append(binary.BigEndian.AppendUint16(again, uint16(len(e))), e...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("%x gives %x", data, b.entries)
		}
		if b.err == nil && (len(b.entries) != entries || !whole && len(again) != len(data)) {
			t.Fatalf("%x is taken for %d entries", data, entries)
		}
	})
}

type anybody struct{}

func (anybody) Name() string              { return "id.example.org/users" }
func (anybody) KeyHash() uint32           { return 0x01020304 }
func (anybody) Verify(msg, _ []byte) bool { return true }

func anyAuditor() *Auditor {
	return New(Options{Origin: "id.example.org/users", Verifier: note.Verifier(anybody{}), Contents: replay.Inserts})
}

const signedByAnybody = "id.example.org/users\n2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u2014 id.example.org/users AQIDBAA=\n"

// Whatever a checkpoint is, what is taken out of it stands in it.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(signedByAnybody))
	a := anyAuditor()
	if c, _, err := a.open([]byte(signedByAnybody), []note.Verifier{a.Verifier}); err != nil || c.N != 2 {
		f.Fatalf("the seed: %v", err)
	}
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, _, err := a.open(signed, []note.Verifier{a.Verifier})
		if err == nil && (c.N <= 0 || !bytes.HasPrefix(signed, []byte(a.Origin+"\n")) || !bytes.Contains(signed, []byte("\n"+c.Hash.String()+"\n"))) {
			t.Fatalf("%q is taken for %d %v", signed, c.N, c.Hash)
		}
	})
}

// Whatever a state file is, it is taken or refused, and what is taken goes with its
// checkpoint.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"note":"","edge":[""],"epoch":"","leaves":0}` + "\n"))
	f.Add([]byte(`{"edge":[null,null],"leaves":-1}` + "\n"))
	a := anyAuditor()
	f.Fuzz(func(t *testing.T, state []byte) {
		h, err := a.read(bufio.NewReaderSize(bytes.NewReader(state), maxHeader))
		if err == nil && (h.edge.root() != h.Hash || h.replay.Size() != h.N) {
			t.Fatalf("%q is taken", state)
		}
	})
}
