package entry

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
)

func parsed(t testing.TB, s string) Label {
	t.Helper()
	l, err := ParseLabel(s)
	if err != nil {
		t.Fatalf("ParseLabel(%q) = %v", s, err)
	}
	return l
}

func TestVRFInput(t *testing.T) {
	got := parsed(t, "msisdn:447400123456").VRFInput(0x01020304)
	if want := "\x13msisdn:447400123456\x01\x02\x03\x04"; string(got) != want {
		t.Errorf("VRFInput = %q, want %q", got, want)
	}
}

func TestIndexOf(t *testing.T) {
	var output [64]byte
	for i := range output {
		output[i] = byte(i)
	}
	if index := IndexOf(output); !bytes.Equal(index[:], output[:32]) {
		t.Errorf("IndexOf = %x, want the first half", index)
	}
}

// The commitments were computed with the hmac module of Python from the draft's
// CommitmentValue.
func TestCommit(t *testing.T) {
	rising := Opening{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	ones := Opening(bytes.Repeat([]byte{0xff}, 16))
	tests := []struct {
		opening Opening
		label   string
		version uint32
		value   string
		want    string
	}{
		{rising, "email:alice@example.com", 3, `{"keys":{}}`, "34f6890ce8a5c215d41537e41f726f08750c5e876180068660218bec5c45e52c"},
		{Opening{}, "msisdn:12015550123", 0, ``, "6fd122192c25a68d8743294f6717f136a45a4d0839c91ff6354e88ed61e65611"},
		{ones, "mxid:@alice:example.org", 0xffffffff, `{}`, "cc4eeb2128484a4af49e4d952c6287bdeb3546717a9a3f908ac568c767a73a4d"},
	}
	for _, test := range tests {
		got := Commit(test.opening, parsed(t, test.label), test.version, []byte(test.value))
		if hex.EncodeToString(got[:]) != test.want {
			t.Errorf("Commit(%x, %s, %d, %s) = %x, want %s", test.opening, test.label, test.version, test.value, got, test.want)
		}
	}
}

func TestCommitDependsOnAllItIsGiven(t *testing.T) {
	alice, bob := parsed(t, "email:alice@example.com"), parsed(t, "email:bob@example.com")
	value := []byte(`{"keys":{}}`)
	commitments := map[Commitment]string{}
	for name, c := range map[string]Commitment{
		"as it is":        Commit(Opening{1}, alice, 1, value),
		"another opening": Commit(Opening{2}, alice, 1, value),
		"another label":   Commit(Opening{1}, bob, 1, value),
		"another version": Commit(Opening{1}, alice, 2, value),
		"another value":   Commit(Opening{1}, alice, 1, []byte(`{"keys":[]}`)),
		"no value":        Commit(Opening{1}, alice, 1, nil),
	} {
		if same, found := commitments[c]; found {
			t.Errorf("%s and %s have one commitment", name, same)
		}
		commitments[c] = name
	}
}

func TestNewOpening(t *testing.T) {
	random := strings.NewReader("0123456789abcdefghijklmnopqrstuvwxyz")
	first, err := NewOpening(random)
	if err != nil || string(first[:]) != "0123456789abcdef" {
		t.Errorf("NewOpening = %q, %v", first, err)
	}
	if second, err := NewOpening(random); err != nil || second == first {
		t.Errorf("the second opening is %q, %v", second, err)
	}
	if o, err := NewOpening(random); !errors.Is(err, io.ErrUnexpectedEOF) || o != (Opening{}) {
		t.Errorf("without randomness: %q, %v", o, err)
	}
}

// read takes a commitment's octets apart again. That it can be done for all says that
// no two things have the same octets.
func read(t *testing.T, b []byte) (o Opening, label string, version uint32, value []byte) {
	t.Helper()
	take := func(n int) []byte {
		if n > len(b) {
			t.Fatalf("%d octets are left, want %d", len(b), n)
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	o = Opening(take(16))
	label = string(take(int(take(1)[0])))
	version = binary.BigEndian.Uint32(take(4))
	value = take(int(binary.BigEndian.Uint32(take(4))))
	if len(b) > 0 {
		t.Fatalf("%d octets too many", len(b))
	}
	return o, label, version, value
}

func FuzzNothingHasTheOctetsOfAnother(f *testing.F) {
	f.Add("email:a@example.org", uint32(0), []byte(`{}`), "email:a@example.orgx", uint32(0), []byte(``))
	f.Add("msisdn:12015550123", uint32(0x31323334), []byte(`{}`), "msisdn:120155501231234", uint32(0), []byte(`{}`))
	f.Add("mxid:@a:b", uint32(1), []byte("\x00\x00\x00\x00"), "mxid:@a:b", uint32(1), []byte(""))
	f.Fuzz(func(t *testing.T, text1 string, version1 uint32, value1 []byte, text2 string, version2 uint32, value2 []byte) {
		one, err1 := ParseLabel(text1)
		other, err2 := ParseLabel(text2)
		if err1 != nil || err2 != nil {
			return
		}
		sameInput := one == other && version1 == version2
		if bytes.Equal(one.VRFInput(version1), other.VRFInput(version2)) != sameInput {
			t.Errorf("VRF inputs of %q, %d and %q, %d: want the same: %t", text1, version1, text2, version2, sameInput)
		}
		same := sameInput && bytes.Equal(value1, value2)
		octets := commitmentValue(Opening{7}, one, version1, value1)
		if bytes.Equal(octets, commitmentValue(Opening{7}, other, version2, value2)) != same {
			t.Errorf("octets for %q, %d, %q and %q, %d, %q: want the same: %t", text1, version1, value1, text2, version2, value2, same)
		}
		if (Commit(Opening{7}, one, version1, value1) == Commit(Opening{7}, other, version2, value2)) != same {
			t.Errorf("commitments to %q, %d, %q and %q, %d, %q: want the same: %t", text1, version1, value1, text2, version2, value2, same)
		}
		o, label, version, value := read(t, octets)
		if o != (Opening{7}) || label != text1 || version != version1 || !bytes.Equal(value, value1) {
			t.Errorf("read again: %x, %q, %d, %q", o, label, version, value)
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	label, value := parsed(b, "email:alice@example.com"), bytes.Repeat([]byte("v"), 400)
	for b.Loop() {
		Commit(Opening{}, label, 0, value)
	}
}
