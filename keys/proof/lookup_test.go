package proof_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"signet/keys/entry"
	. "signet/keys/proof"
)

// What other programs do to JSON on its way does not matter.
func TestParseOtherSpellings(t *testing.T) {
	w, seen := populated(t)
	l := w.lookup(alice, seen.N)
	text := marshal(t, l)
	want := clone(t, l)
	var indented, tree bytes.Buffer
	if err := stdjson.Indent(&indented, text, "", "\t"); err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := stdjson.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	members["later"] = map[string]any{"more": []int{1}}
	if err := stdjson.NewEncoder(&tree).Encode(members); err != nil {
		t.Fatal(err)
	}
	standard, err := stdjson.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	for what, spelling := range map[string][]byte{
		"indented": indented.Bytes(), "sorted, with an unknown member": tree.Bytes(), "by the standard library": standard,
		"with escapes": []byte(strings.ReplaceAll(string(text), "alice@", `\u0061lice\u0040`)),
	} {
		got, err := Parse(spelling)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, and other content", what, err)
			continue
		}
		w.mustVerify(got, Asked{Label: alice, Head: &seen})
	}
}

func TestParseRefuses(t *testing.T) {
	w, seen := populated(t)
	text := string(marshal(t, w.lookup(alice, seen.N)))
	epoch := text[strings.Index(text, `"epoch":"`)+9:][:66]
	replace := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in %s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	hash := `"` + strings.Repeat("A", 43) + `"`
	for what, bad := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "a number": "1", "cut off": text[:len(text)-1], "more behind": text + "{}", "text behind": text + "x",
		"version twice":             replace(`"version":2`, `"version":2,"version":2`),
		"an unknown member twice":   replace(`"version":2`, `"version":2,"x":1,"x":1`),
		"a name twice in the value": replace(`"mxid"`, `"label":"x","mxid"`),
		"version negative":          replace(`"version":2`, `"version":-2`), "version as text": replace(`"version":2`, `"version":"2"`),
		"version with a fraction": replace(`"version":2`, `"version":2.0`), "version of 33 bits": replace(`"version":2`, `"version":4294967296`),
		"present as text": replace(`"present":true`, `"present":"true"`),
		"padded epoch":    replace(epoch, epoch+"=="), "epoch cut": replace(epoch, epoch[1:]), "epoch empty": replace(epoch, ""),
		"epoch URL-safe": replace(epoch, strings.Repeat("_", 66)), "line end in epoch": replace(epoch, epoch[:30]+`\n`+epoch[30:]),
		"unused bits of epoch": replace(epoch, epoch[:65]+string(epoch[65]+1)),
		"path longer":          replace(`"path":[`, `"path":[`+hash+`,`),
		"k of 1 with a label":  replace(`"k":1,`, `"k":1,"label":`+hash+`,`), "k of 4": replace(`"k":1`, `"k":4`), "k of 300": replace(`"k":1`, `"k":300`),
		"depth negative": replace(`"depth":`, `"depth":-`), "invalid UTF-8": replace(`"version"`, "\"x\":\"\xff\",\"version\""),
		"64 hashes":        replace(`"epoch_proof":[`, `"epoch_proof":[`+strings.Repeat(hash+",", 64)),
		"longer than all":  text + strings.Repeat(" ", MaxLookup),
		"10,001 deep":      replace(`"version"`, `"x":`+strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)+`,"version"`),
		"65 rungs":         replace(`"ladder":[`, `"ladder":[`+strings.Repeat(text[strings.Index(text, `{"v":0`):strings.Index(text, `,{"v":1`)]+",", 65)),
		"capital member":   replace(`"epoch":`, `"Epoch":`) + "x",
		"opening too long": replace(`"opening":"`, `"opening":"AAAA`),
	} {
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v, want ErrProof", what, err)
		}
	}
	for what, bad := range map[string]string{
		"a number of the value in other digits": replace(`"not_before":1`, `"not_before":1.0e0,"x":1`), "a value that is text": replace(`"value":{`, `"value":"","x":{`),
		"a value that is null": replace(`"value":{`, `"value":null,"x":{`), "no ladder": replace(`"ladder"`, `"x"`), "no checkpoint": replace(`"checkpoint"`, `"x"`),
		"no epoch": replace(`"epoch"`, `"x"`), "no version": replace(`"version":2`, `"x":2`), "capital name": replace(`"present"`, `"Present"`),
	} {
		l, err := Parse([]byte(bad))
		if err != nil {
			continue
		}
		if _, err := w.verify(l, Asked{Label: alice, Head: &seen}); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	value := strings.Replace(text, `"keys":{`, `"keys":{"ed25519:`+strings.Repeat("x", entry.MaxObject)+`":"",`, 1)
	l, err := Parse([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	w.mustRefuse("a value of 16 KiB and more", l, Asked{Label: alice}, StepOpening, ErrCommitment)
}

// Whatever is taken says the same as what the server said.
func FuzzVerify(f *testing.F) {
	w, seen := populated(f)
	lookups := map[string]*Lookup{alice: w.lookup(alice, seen.N), nobody: w.lookup(nobody, seen.N)}
	results := map[string]Result{}
	for label, l := range lookups {
		results[label] = w.mustVerify(l, Asked{Label: label, Head: &seen})
		f.Add(marshal(f, l), uint16(0), byte(0))
		f.Add(marshal(f, l), uint16(900), byte(1))
	}
	for _, n := range []uint32{0, 1} {
		f.Add(marshal(f, w.claim(alice, n, seen.N)), uint16(0), byte(0))
	}
	f.Fuzz(func(t *testing.T, input []byte, at uint16, flip byte) {
		if len(input) > 0 {
			input = bytes.Clone(input)
			input[int(at)%len(input)] ^= flip
		}
		l, err := Parse(input)
		if err != nil {
			if !errors.Is(err, ErrProof) {
				t.Fatalf("Parse(%q) = %v", input, err)
			}
			return
		}
		if written, again := marshal(t, l), marshal(t, clone(t, l)); !bytes.Equal(written, again) {
			t.Fatalf("%q is written as %s, and that as %s", input, written, again)
		}
		for label, want := range results {
			got, err := w.verify(l, Asked{Label: label, Head: &seen})
			var failed *Failed
			if err != nil && !errors.As(err, &failed) {
				t.Fatalf("Verify(%q) = %v", input, err)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("Verify(%q) = %+v, want %+v", input, got, want)
			}
		}
	})
}
