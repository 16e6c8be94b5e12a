package filter

import (
	"errors"
	"strings"
	"testing"
)

// The example of the specification (client-server API, "POST /user/{userId}/filter").
const example = `{
	"room": {
		"state": {"types": ["m.room.*"], "not_rooms": ["!726s6s6q:example.com"]},
		"timeline": {"limit": 10, "types": ["m.room.message"], "not_rooms": ["!726s6s6q:example.com"], "not_senders": ["@spam:example.com"]},
		"ephemeral": {"types": ["m.receipt", "m.typing"], "not_rooms": ["!726s6s6q:example.com"], "not_senders": ["@spam:example.com"]}
	},
	"presence": {"types": ["m.presence"], "not_senders": ["@alice:example.com"]},
	"event_format": "client",
	"event_fields": ["type", "content", "sender"]
}`

func TestTheExampleOfTheSpecification(t *testing.T) {
	f, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	timeline := f.Room.Timeline
	if *timeline.Limit != 10 || f.EventFormat != Client || len(f.EventFields) != 3 {
		t.Errorf("Parse = %+v", f)
	}
	for _, test := range []struct {
		kind, sender string
		want         bool
	}{
		{"m.room.message", "@alice:example.com", true},
		{"m.room.message", "@spam:example.com", false},
		{"m.room.member", "@alice:example.com", false},
	} {
		if got := timeline.Wants(test.kind, test.sender); got != test.want {
			t.Errorf("Wants(%s, %s) = %v", test.kind, test.sender, got)
		}
	}
	if timeline.WantsRoom("!726s6s6q:example.com") || !timeline.WantsRoom("!other:example.com") {
		t.Error("the room that is excluded is wanted, or another is not")
	}
}

func TestParseRefuses(t *testing.T) {
	many := `"` + strings.Repeat(`x","`, maxItems) + `x"`
	for _, text := range []string{
		``, `null`, `[]`, `"x"`, `1`, `{`, `{}{}`, "{\"room\":\"\xff\"}",
		`{"room":[]}`, `{"room":{"timeline":[]}}`, `{"presence":1}`,
		`{"event_format":"raw"}`, `{"event_format":1}`, `{"event_fields":"type"}`, `{"event_fields":[1]}`,
		`{"room":{"timeline":{"limit":-1}}}`, `{"room":{"timeline":{"limit":"1"}}}`, `{"room":{"timeline":{"limit":1.5}}}`,
		`{"room":{"timeline":{"limit":1e400}}}`, `{"room":{"timeline":{"limit":99999999999999999999}}}`,
		`{"room":{"timeline":{"rooms":"!a:b"}}}`, `{"room":{"timeline":{"rooms":["a"]}}}`, `{"room":{"not_rooms":["@a:b"]}}`,
		`{"presence":{"senders":["alice"]}}`, `{"presence":{"senders":[""]}}`, `{"account_data":{"types":[null,1]}}`,
		`{"room":{"state":{"lazy_load_members":"yes"}}}`, `{"room":{"include_leave":1}}`, `{"room":{"timeline":{"contains_url":0}}}`,
		`{"room":{},"room":{}}`, `{"presence":{"types":["` + strings.Repeat("x", maxText+1) + `"]}}`, `{"event_fields":[` + many + `]}`,
		`{"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`,
		`{"x":"` + strings.Repeat("x", MaxSize) + `"}`,
	} {
		if f, err := Parse([]byte(text)); !errors.Is(err, ErrFilter) {
			t.Errorf("Parse(%.80q) = %+v, %v; want %v", text, f, err, ErrFilter)
		}
	}
}

func TestParseTakes(t *testing.T) {
	for _, text := range []string{
		`{}`, ` {} `, `{"room":null}`, `{"room":{"timeline":{"limit":null,"types":null}}}`, `{"room":{"timeline":{"limit":0}}}`,
		`{"org.example":{"any":[1,2,{}]}}`, `{"room":{"timeline":{"org.example":true}}}`,
		`{"room":{"rooms":["!opaque"]}}`, `{"x":"` + strings.Repeat("[", 200) + `"}`,
	} {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("Parse(%s) = %v", text, err)
		}
	}
}

// A list that is absent lets everything through, an empty one nothing.
func TestListsThatAreEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `{"types":null}`: true, `{"types":[]}`: false, `{"senders":[]}`: false, `{"rooms":[]}`: false,
		`{"not_types":[],"not_senders":[],"not_rooms":[]}`: true,
	} {
		f, err := Parse([]byte(`{"room":{"timeline":` + text + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		e := f.Room.Timeline
		if got := e.Wants("m.room.message", "@a:b") && e.WantsRoom("!a:b"); got != want {
			t.Errorf("%s wants an event: %v, want %v", text, got, want)
		}
	}
}

func TestWantsURL(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		only      *bool
		has, want bool
	}{{nil, true, true}, {nil, false, true}, {&yes, true, true}, {&yes, false, false}, {&no, true, false}, {&no, false, true}} {
		if got := (RoomEvents{ContainsURL: test.only}).WantsURL(test.has); got != test.want {
			t.Errorf("WantsURL(%v) = %v, want %v", test.has, got, test.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"m.room.message", "m.room.message", true},
		{"m.room.message", "m.room.messages", false},
		{"m.room.*", "m.room.message", true},
		{"m.room.*", "m.room.", true},
		{"m.room.*", "m.room", false},
		{"*", "", true},
		{"*", "anything", true},
		{"", "", true},
		{"", "x", false},
		{"*.message", "m.room.message", true},
		{"*.message", "m.room.message.x", false},
		{"m.*.*", "m.a", false},
		{"m.*.*", "m.a.b", true},
		{"a*b*a", "aba", true},
		{"a*a", "a", false},
		{"a**b", "ab", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "ab", false},
		{"[a-z]?", "[a-z]?", true},
		{"[a-z]?", "b", false},
	} {
		if got := matches(test.pattern, test.text); got != test.want {
			t.Errorf("matches(%q, %q) = %v", test.pattern, test.text, got)
		}
	}
}

// slow is matches as the specification says it: * is any sequence of characters.
func slow(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return slow(pattern[1:], text) || text != "" && slow(pattern, text[1:])
	}
	return text != "" && text[0] == pattern[0] && slow(pattern[1:], text[1:])
}

func FuzzMatches(f *testing.F) {
	f.Add("a*b*a", "abcba")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 16 {
			return // the slow way is exponential
		}
		if got, want := matches(pattern, text), slow(pattern, text); got != want {
			t.Errorf("matches(%q, %q) = %v, want %v", pattern, text, got, want)
		}
	})
}

// What Parse takes is within its bounds and can be matched against anything.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`{"room":{"timeline":{"limit":1e3}}}`))
	f.Add([]byte(`{"presence":{"types":["*"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		filter, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrFilter) {
				t.Errorf("Parse(%q) = %v, want %v", text, err, ErrFilter)
			}
			return
		}
		if len(text) > MaxSize || filter.check() != nil {
			t.Errorf("Parse(%q) lets through what is beyond its bounds", text)
		}
		filter.Room.Timeline.Wants("m.room.message", "@a:b")
		filter.Room.WantsRoom("!a:b")
	})
}
