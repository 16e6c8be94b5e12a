package entry_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"signet/keys/entry"
)

func record(t testing.TB, object string) entry.Record {
	t.Helper()
	r, err := entry.NewRecord([]byte(object))
	if err != nil {
		t.Fatalf("NewRecord(%q) = %v", object, err)
	}
	return r
}

func config(t testing.TB, object string) entry.Config {
	t.Helper()
	c, err := entry.NewConfig([]byte(object))
	if err != nil {
		t.Fatalf("NewConfig(%q) = %v", object, err)
	}
	return c
}

func filled(with byte) (b [32]byte) {
	copy(b[:], bytes.Repeat([]byte{with}, 32))
	return b
}

// longest is an object of MaxObject octets.
var longest = `{"a":"` + strings.Repeat("x", entry.MaxObject-len(`{"a":""}`)) + `"}`

// examples are entries and their octets in hexadecimal.
func examples(t testing.TB) map[string]entry.Entry {
	ab, cd := hex.EncodeToString(bytes.Repeat([]byte{0xab}, 32)), hex.EncodeToString(bytes.Repeat([]byte{0xcd}, 32))
	return map[string]entry.Entry{
		"01" + ab + cd: entry.Insert{Index: filled(0xab), Commitment: filled(0xcd)},
		"02" + "0000019aa4b1c800" + "00000000000f4628" + ab: entry.Epoch{Time: 1763699705856, Position: 1001000, MapRoot: filled(0xab)},
		"02" + "7fffffffffffffff" + "7fffffffffffffff" + cd: entry.Epoch{Time: math.MaxInt64, Position: math.MaxInt64, MapRoot: filled(0xcd)},
		"02" + "0000000000000000" + "0000000000000000" + cd: entry.Epoch{MapRoot: filled(0xcd)},
		"037b7d": record(t, `{}`),
		"03" + hex.EncodeToString([]byte(longest)): record(t, longest),
		"047b2261223a317d":                         config(t, `{"a":1}`),
		"04" + hex.EncodeToString([]byte(longest)): config(t, longest),
	}
}

func TestEntriesAndTheirOctets(t *testing.T) {
	for text, e := range examples(t) {
		octets, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Append([]byte("before")); string(got) != "before"+string(octets) {
			t.Errorf("%T: Append = %x, want %x", e, got, octets)
		}
		if got, err := entry.Parse(octets); err != nil || got != e {
			t.Errorf("Parse(%x) = %v, %v, want %v", octets, got, err, e)
		}
	}
}

func TestSizes(t *testing.T) {
	sizes := [][2]int{
		{len(entry.Insert{}.Append(nil)), entry.InsertLen}, {entry.InsertLen, 65},
		{len(entry.Epoch{}.Append(nil)), entry.EpochLen}, {entry.EpochLen, 49},
		{len(record(t, longest).Append(nil)), entry.MaxLen}, {len(config(t, longest).Append(nil)), entry.MaxLen}, {entry.MaxObject, 16384},
	}
	for _, size := range sizes {
		if size[0] != size[1] {
			t.Errorf("%d octets, want %d", size[0], size[1])
		}
	}
}

func TestEveryTruncationAndExtensionIsRefused(t *testing.T) {
	entries := slices.Collect(maps.Values(examples(t)))
	entries = append(entries, record(t, `{"a":[1,{"b":"\n"},null,false],"b":"text","c":{"d":-1,"e":{}}}`))
	for _, e := range entries {
		octets := e.Append(nil)
		for length := range min(len(octets), 1000) {
			notAnEntry(t, octets[:length])
		}
		notAnEntry(t, octets[:len(octets)-1])
		for next := range 256 {
			notAnEntry(t, append(octets, byte(next)))
		}
		notAnEntry(t, append(octets, octets...))
	}
}

func TestOtherTypesAreRefused(t *testing.T) {
	for _, e := range examples(t) {
		octets := e.Append(nil)
		for kind := range 256 {
			own := octets[0]
			both := own >= 3 && kind >= 3 && kind <= 4 // what makes a record makes a config
			if octets[0] = byte(kind); kind != int(own) && !both {
				notAnEntry(t, octets)
			}
			octets[0] = own
		}
	}
}

func TestEpochsPast63BitsAreRefused(t *testing.T) {
	for _, at := range []int{1, 9} {
		octets := entry.Epoch{Time: 1, Position: 2}.Append(nil)
		octets[at] |= 0x80
		notAnEntry(t, octets)
	}
	notAnEntry(t, entry.Epoch{Time: -1}.Append(nil))
	notAnEntry(t, entry.Epoch{Position: -1}.Append(nil))
}

func TestObjectsThatAreNotCanonicalMakeNoEntries(t *testing.T) {
	for _, object := range []string{``, `[]`, `{ }`, `{"a":1,"a":1}`, `{"b":1,"a":1}`, `{"a":1.0}`, longest[:6] + "x" + longest[6:]} {
		notAnEntry(t, append([]byte{3}, object...))
		notAnEntry(t, append([]byte{4}, object...))
		if r, err := entry.NewRecord([]byte(object)); !errors.Is(err, entry.ErrObject) || r != (entry.Record{}) {
			t.Errorf("NewRecord(%.20q) = %v, %v, want ErrObject", object, r, err)
		}
		if c, err := entry.NewConfig([]byte(object)); !errors.Is(err, entry.ErrObject) || c != (entry.Config{}) {
			t.Errorf("NewConfig(%.20q) = %v, %v, want ErrObject", object, c, err)
		}
	}
}

func notAnEntry(t *testing.T, octets []byte) {
	t.Helper()
	if e, err := entry.Parse(octets); !errors.Is(err, entry.ErrEntry) || e != nil {
		t.Errorf("Parse(%.100x) = %v, %v, want ErrEntry", octets, e, err)
	}
}

// What was parsed does not change with the buffer it was parsed from.
func TestEntriesAreTheirOwn(t *testing.T) {
	for _, e := range examples(t) {
		octets := e.Append(nil)
		got, err := entry.Parse(octets)
		if err != nil {
			t.Fatal(err)
		}
		for i := range octets {
			octets[i] ^= 0xff
		}
		if got != e {
			t.Errorf("%T changed to %v", e, got)
		}
	}
	r := record(t, `{"a":1}`)
	r.JSON()[2] = 'b'
	if diff := cmp.Diff(`{"a":1}`, string(r.JSON())); diff != "" {
		t.Errorf("a record was changed through its JSON: %s", diff)
	}
	if c := config(t, `{"a":1}`); string(c.JSON()) != `{"a":1}` {
		t.Errorf("JSON = %s", c.JSON())
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range examples(f) {
		if octets := e.Append(nil); len(octets) < 1000 {
			f.Add(octets)
		}
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		e, err := entry.Parse(octets)
		if err != nil {
			if !errors.Is(err, entry.ErrEntry) || e != nil {
				t.Fatalf("Parse(%x) = %v, %v", octets, e, err)
			}
			return
		}
		if again := e.Append(nil); !bytes.Equal(again, octets) {
			t.Fatalf("Parse(%x) appends %x", octets, again)
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add(filledSlice(1), filledSlice(2), int64(3), int64(4))
	f.Fuzz(func(t *testing.T, first, second []byte, ms, position int64) {
		var index, commitment [32]byte
		copy(index[:], first)
		copy(commitment[:], second)
		for _, e := range []entry.Entry{
			entry.Insert{Index: index, Commitment: commitment},
			entry.Epoch{Time: ms & math.MaxInt64, Position: position & math.MaxInt64, MapRoot: index},
		} {
			if again, err := entry.Parse(e.Append(nil)); err != nil || again != e {
				t.Fatalf("%v is %v, %v again", e, again, err)
			}
		}
	})
}

func filledSlice(with byte) []byte { b := filled(with); return b[:] }

func BenchmarkParseInsert(b *testing.B) {
	octets := entry.Insert{}.Append(nil)
	for b.Loop() {
		if _, err := entry.Parse(octets); err != nil {
			b.Fatal(err)
		}
	}
}
