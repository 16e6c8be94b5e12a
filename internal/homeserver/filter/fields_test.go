package filter

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestFields(t *testing.T) {
	const event = `{"content":{"body":"x","m.relates_to":{"event_id":"$1","rel_type":"m.thread"},"a\\b":1,"list":[{"body":"y"}]},"sender":"@a:b","type":"m.room.message","unsigned":{"age":1}}`
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{nil, event},
		{[]string{}, event},
		{[]string{"type"}, `{"type":"m.room.message"}`},
		{[]string{"type", "sender", "content.body"}, `{"content":{"body":"x"},"sender":"@a:b","type":"m.room.message"}`},
		{[]string{`content.m\.relates_to.rel_type`}, `{"content":{"m.relates_to":{"rel_type":"m.thread"}}}`},
		{[]string{"content.m.relates_to.rel_type"}, `{}`},
		{[]string{`content.a\\b`}, `{"content":{"a\\b":1}}`},
		{[]string{`content.a\b`}, `{"content":{"a\\b":1}}`},
		{[]string{"content.body", "content"}, event[:len(event)-len(`,"sender":"@a:b","type":"m.room.message","unsigned":{"age":1}}`)] + `}`},
		{[]string{"unsigned", "unsigned.x"}, `{"unsigned":{"age":1}}`},
		{[]string{"content.list.body", "content.body.x", "content.none", "none.at.all", "", ".", "type."}, `{}`},
	} {
		if got := string(ParseFields(test.paths).Append(nil, []byte(event))); got != test.want {
			t.Errorf("%q of the event are %s, want %s", test.paths, got, test.want)
		}
	}
	fields := ParseFields([]string{"type"})
	for _, text := range []string{``, `[]`, `"type"`, `{"type":`, `{"type":1]`} {
		if got := string(fields.Append([]byte("before "), []byte(text))); got != "before "+text {
			t.Errorf("of %s there is %s", text, got)
		}
	}
}

// slowly is what fields are of an object, read and written as a whole.
func slowly(f Fields, object map[string]any) map[string]any {
	chosen := map[string]any{}
	for name, value := range object {
		below, wanted := f[name]
		inside, isObject := value.(map[string]any)
		switch {
		case !wanted:
		case below == nil:
			chosen[name] = value
		case isObject:
			if part := slowly(below, inside); len(part) > 0 {
				chosen[name] = part
			}
		}
	}
	return chosen
}

func FuzzFields(f *testing.F) {
	f.Add("a.b", `c\.d`, `{"a":{"b":[1,{"b":2}]},"c.d":{}}`)
	f.Add("", `\`, `{"":{"":null},"\\":"\u0000"}`)
	f.Fuzz(func(t *testing.T, one, two, text string) {
		var object map[string]any
		if !jsontext.Value(text).IsValid() || json.Unmarshal([]byte(text), &object) != nil || object == nil {
			return
		}
		fields := ParseFields([]string{one, two})
		got := fields.Append(nil, []byte(text))
		again := fields.Append(nil, got)
		if !slices.Equal(got, again) {
			t.Errorf("%s of what is %s already is %s", text, got, again)
		}
		var chosen map[string]any
		if err := json.Unmarshal(got, &chosen); err != nil {
			t.Fatalf("%s became %s", text, got)
		}
		a, _ := json.Marshal(chosen)
		b, _ := json.Marshal(slowly(fields, object))
		if string(a) != string(b) {
			t.Errorf("%q of %s are %s, want %s", []string{one, two}, text, a, b)
		}
	})
}
