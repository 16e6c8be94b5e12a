package entry_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/matrix"
	"signet/keys/entry"
)

func TestCheckObject(t *testing.T) {
	for _, object := range []string{
		`{}`, `{"":""}`, `{"a":null,"b":true,"c":false,"d":[],"e":{}}`, `{"a":[1,[2,{"b":3}]]}`,
		`{"a":0,"b":-1,"c":9007199254740991,"d":-9007199254740991}`,
		`{"a":"\"\\\b\t\n\f\r\u0000\u001f\u000b"}`, "{\"a\":\"\u007f\u2028/é日\U0001f600\ufffd\"}",
		`{"A":1,"a":1,"aa":1,"b":1}`, "{\"\ue000\":1,\"\U00010000\":2}", `{"\"":1,"#":2,"[":3,"\\":4,"]":5}`, `{"\u001f":1," ":2}`,
		nested(32), longest,
	} {
		if err := entry.CheckObject([]byte(object)); err != nil {
			t.Errorf("CheckObject(%.60q) = %v", object, err)
		}
	}
}

// nested is an object so deep, of lists within.
func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func TestCheckObjectRefuses(t *testing.T) {
	tests := []struct{ name, object string }{
		{"nothing", ``}, {"a list", `[]`}, {"a string", `"a"`}, {"a number", `1`}, {"null", `null`},
		{"blank before", ` {}`}, {"blank after", `{} `}, {"line end after", "{}\n"}, {"blank within", `{ }`},
		{"blank after colon", `{"a": 1}`}, {"blank after comma", `{"a":1, "b":2}`}, {"byte order mark", "\ufeff{}"},
		{"two objects", `{}{}`}, {"not closed", `{`}, {"value missing", `{"a"}`}, {"value empty", `{"a":}`}, {"closed twice", `{}}`},
		{"comma at the end", `{"a":1,}`}, {"comma at the end of a list", `{"a":[1,]}`}, {"comma first", `{,"a":1}`},
		{"list not closed", `{"a":[1`}, {"list closed wrongly", `{"a":[1}`}, {"two values", `{"a":[1 2]}`}, {"string not closed", `{"a":"`},
		{"comment", `{/**/}`}, {"name without quotes", `{a:1}`}, {"single quotes", `{'a':1}`}, {"number as a name", `{1:1}`},
		{"name twice", `{"a":1,"a":1}`}, {"name twice, far apart", `{"a":1,"b":1,"a":1}`}, {"empty name twice", `{"":1,"":1}`},
		{"name twice within", `{"a":{"b":1,"b":2}}`}, {"name twice, once escaped", `{"a":1,"\u0061":1}`},
		{"not sorted", `{"b":1,"a":1}`}, {"not sorted within", `{"a":[{"b":1,"a":1}]}`}, {"sorted by UTF-16", "{\"\U00010000\":1,\"\ue000\":2}"},
		{"sorted by escapes", `{" ":1,"\u001f":2}`},
		{"fraction", `{"a":1.5}`}, {"whole fraction", `{"a":1.0}`}, {"exponent", `{"a":1e2}`}, {"capital exponent", `{"a":1E2}`},
		{"minus zero", `{"a":-0}`}, {"leading zero", `{"a":01}`}, {"plus", `{"a":+1}`}, {"minus alone", `{"a":-}`}, {"two minuses", `{"a":--1}`},
		{"2^53", `{"a":9007199254740992}`}, {"-2^53", `{"a":-9007199254740992}`}, {"2^63", `{"a":9223372036854775808}`},
		{"hexadecimal", `{"a":0x1}`}, {"not a number", `{"a":NaN}`}, {"infinite", `{"a":Infinity}`}, {"date", `{"a":1-1}`},
		{"capital true", `{"a":True}`}, {"truer", `{"a":truer}`}, {"half of null", `{"a":nul}`},
		{"escaped solidus", `{"a":"\/"}`}, {"escaped letter", `{"a":"\u0061"}`}, {"escaped DEL", `{"a":"\u007f"}`},
		{"long escape of a line end", `{"a":"\u000a"}`}, {"of a backspace", `{"a":"\u0008"}`}, {"of a tab", `{"a":"\u0009"}`},
		{"of a form feed", `{"a":"\u000c"}`}, {"of a return", `{"a":"\u000d"}`}, {"of a quote", `{"a":"\u0022"}`}, {"capitals in an escape", `{"a":"\u001F"}`},
		{"unknown escape", `{"a":"\a"}`}, {"unfinished escape", `{"a":"\u00"}`}, {"escape at the end", `{"a":"\`},
		{"escaped surrogates", `{"a":"\ud83d\ude00"}`}, {"half of a pair", `{"a":"\ud83d"}`}, {"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
		{"control", "{\"a\":\"\x01\"}"}, {"line end", "{\"a\":\"\n\"}"}, {"NUL", "{\"a\":\"\x00\"}"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}"}, {"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}"}, {"cut UTF-8", "{\"a\":\"\xe2\x82\"}"},
		{"invalid UTF-8 in a name", "{\"\xff\":1}"},
		{"33 deep", nested(33)}, {"objects 33 deep", strings.Repeat(`{"a":`, 33) + `1` + strings.Repeat(`}`, 33)},
		{"8,000 deep", nested(8000)}, {"8,000 open", `{"a":` + strings.Repeat("[", 8000)},
		{"16 KiB and one", longest[:len(longest)-2] + `x"}`},
	}
	for _, test := range tests {
		if err := entry.CheckObject([]byte(test.object)); !errors.Is(err, entry.ErrObject) {
			t.Errorf("%s: CheckObject(%.60q) = %v, want ErrObject", test.name, test.object, err)
		}
	}
}

// canonical writes JSON in its one form, by way of a tree in memory: a second opinion
// that has no code in common with CheckObject. It is false for what is no JSON object,
// names something twice or has a number that the form cannot write.
func canonical(input []byte) ([]byte, bool) {
	if !jsontext.Value(input).IsValid() { // UTF-8, names once
		return nil, false
	}
	decoder := stdjson.NewDecoder(bytes.NewReader(input))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, false
	}
	if _, object := tree.(map[string]any); !object {
		return nil, false
	}
	return write(nil, tree)
}

func write(b []byte, tree any) (_ []byte, ok bool) {
	switch node := tree.(type) {
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(node)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(writeString(b, name), ':')
			if b, ok = write(b, node[name]); !ok {
				return nil, false
			}
		}
		return append(b, '}'), true
	case []any:
		b = append(b, '[')
		for i, element := range node {
			if i > 0 {
				b = append(b, ',')
			}
			if b, ok = write(b, element); !ok {
				return nil, false
			}
		}
		return append(b, ']'), true
	case string:
		return writeString(b, node), true
	case stdjson.Number:
		return writeNumber(b, node.String())
	}
	literal, err := stdjson.Marshal(tree)
	return append(b, literal...), err == nil
}

func writeString(b []byte, s string) []byte {
	quoted, err := jsontext.AppendQuote(b, s)
	if err != nil {
		panic(err)
	}
	return quoted
}

func writeNumber(b []byte, literal string) ([]byte, bool) {
	if _, exponent, found := strings.Cut(strings.ToLower(literal), "e"); found && len(exponent) > 3 {
		return nil, false // a number too large to write down
	}
	n, ok := new(big.Rat).SetString(literal)
	if !ok || !n.IsInt() || n.Num().CmpAbs(big.NewInt(1<<53-1)) > 0 {
		return nil, false
	}
	return n.Num().Append(b, 10), true
}

func depth(object []byte) (deepest int) {
	deep, quoted := 0, false
	for i := 0; i < len(object); i++ {
		switch c := object[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			deep++
			deepest = max(deepest, deep)
		case !quoted && (c == '}' || c == ']'):
			deep--
		}
	}
	return deepest
}

func FuzzCheckObject(f *testing.F) {
	for _, object := range []string{
		`{}`, `{"a":[1,-2,"x\n\u001f",null,true,{"b":{}}]}`, `{"a":1,"a":2}`, `{ "b" : 1.0 , "a" : "\u0041\/\ud83d\ude00" }`,
		"{\"\ue000\":1,\"\U00010000\":2}", `{"a":1e2,"b":-0}`, nested(32), nested(33), "{\"a\":\"\xff\"}", `{"\\":1,"]":2}`,
	} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		err := entry.CheckObject(input)
		form, ok := canonical(input)
		fits := ok && len(form) <= entry.MaxObject && depth(form) <= 32
		if want := fits && bytes.Equal(form, input); (err == nil) != want {
			t.Fatalf("CheckObject(%q) = %v, want it taken: %t", input, err, want)
		}
		if fits && entry.CheckObject(form) != nil {
			t.Fatalf("CheckObject(%q), the form of %q, is refused", form, input)
		}
		if err != nil {
			return
		}
		// What is taken is what is signed. (The library forgets to escape in names.)
		if signed, err := matrix.CanonicalJSON(input); !bytes.Contains(input, []byte(`\`)) && (err != nil || !bytes.Equal(signed, input)) {
			t.Fatalf("%q is signed as %q, %v", input, signed, err)
		}
	})
}

func BenchmarkCheckObject(b *testing.B) {
	object := []byte(`{"auth":{"how":"prev-key"},"keys":{"curve25519:abc":"` + strings.Repeat("k", 43) + `","ed25519:master":"` + strings.Repeat("k", 43) +
		`"},"label":"email:alice@example.com","mxid":"@alice:example.com","not_after":1795236000000,"type":"keydir.user.v1","version":3}`)
	for b.Loop() {
		if err := entry.CheckObject(object); err != nil {
			b.Fatal(err)
		}
	}
}
