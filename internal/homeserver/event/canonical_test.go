package event_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/matrix-org/gomatrixserverlib"

	"signet/internal/homeserver/event"
)

// The examples of the appendices, "Canonical JSON", and the corners of its grammar.
func TestCanonical(t *testing.T) {
	for input, want := range map[string]string{
		`{}`:                            `{}`,
		` { "one" : 1 , "two":"Two" } `: `{"one":1,"two":"Two"}`,
		`{"b":"2","a":"1"}`:             `{"a":"1","b":"2"}`,
		`{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}`: `{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}`,
		`{"a":"日本語"}`:                                  `{"a":"日本語"}`,
		`{"本":2,"日":1}`:                                `{"日":1,"本":2}`,
		`{"a":"\u65E5"}`:                               `{"a":"日"}`,
		`{"a":null}`:                                   `{"a":null}`,
		`{"a":"\u0000\u0008\u001F\"\\\/\u007f"}`:       "{\"a\":\"\\u0000\\b\\u001f\\\"\\\\/\x7f\"}",
		`{"a":"\b\f\n\r\t\u000B"}`:                     `{"a":"\b\f\n\r\t\u000b"}`,
		`{"a":"\ud83d\ude00\uFFFD"}`:                   `{"a":"😀�"}`,
		"{\"\U0001f600\":1,\"\uffee\":2}":              "{\"\uffee\":2,\"\U0001f600\":1}", // by code point, not by UTF-16
		`{"\n":1,"A":2,"\"":3,"\\":4}`:                 `{"\n":1,"\"":3,"A":2,"\\":4}`,    // by what is spelt, not by how
		`{"b":{"d":1,"c":2},"a":[3,{}, [ ]]}`:          `{"a":[3,{},[]],"b":{"c":2,"d":1}}`,
		`{"a":9007199254740991,"b":-9007199254740991}`: `{"a":9007199254740991,"b":-9007199254740991}`,
	} {
		for _, strict := range []bool{true, false} {
			got, err := event.Canonical([]byte(input), strict)
			if err != nil || string(got) != want {
				t.Errorf("Canonical(%s, %t) = %s, %v; want %s", input, strict, got, err, want)
			}
			if again, err := event.Canonical(got, strict); err != nil || string(again) != want {
				t.Errorf("Canonical twice of %s = %s, %v", input, again, err)
			}
		}
	}
}

// Numbers beyond canonical JSON are as their author hashed them where they are not
// refused.
func TestCanonicalNumbers(t *testing.T) {
	for number, lax := range map[string]string{
		"9007199254740992": "9007199254740992", "-9007199254740992": "-9007199254740992", "1.0": "1.0", "-0.5": "-0.5", "1e3": "1e3", "0.0": "0.0", "0e1": "0e1",
		"-0": "0", "1E+2": "1E+2", "123456789012345678901234567890": "123456789012345678901234567890", "1e999": "1e999",
	} {
		object := []byte(`{"a":` + number + `}`)
		if got, err := event.Canonical(object, true); !errors.Is(err, event.ErrCanonical) {
			t.Errorf("strict Canonical of %s = %s, %v; want %v", number, got, err, event.ErrCanonical)
		}
		if got, err := event.Canonical(object, false); err != nil || string(got) != `{"a":`+lax+`}` {
			t.Errorf("lax Canonical of %s = %s, %v; want %s", number, got, err, lax)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for input, want := range map[string]error{
		``: event.ErrJSON, ` `: event.ErrJSON, `[]`: event.ErrJSON, `1`: event.ErrJSON, `"a"`: event.ErrJSON, `null`: event.ErrJSON, `{`: event.ErrJSON, `{}}`: event.ErrJSON, `{} x`: event.ErrJSON,
		`{"a"}`: event.ErrJSON, `{"a":}`: event.ErrJSON, `{"a":1,}`: event.ErrJSON, `{,"a":1}`: event.ErrJSON, `{a:1}`: event.ErrJSON, `{'a':1}`: event.ErrJSON, `{1:1}`: event.ErrJSON,
		`{"a":1 "b":2}`: event.ErrJSON, `{"a":[1,]}`: event.ErrJSON, `{"a":[,1]}`: event.ErrJSON, `{"a":[1}`: event.ErrJSON, `{"a":tru}`: event.ErrJSON, `{"a":nul`: event.ErrJSON, `{"a":trueX}`: event.ErrJSON,
		`{"a":01}`: event.ErrJSON, `{"a":+1}`: event.ErrJSON, `{"a":.5}`: event.ErrJSON, `{"a":1.}`: event.ErrJSON, `{"a":1e}`: event.ErrJSON, `{"a":-}`: event.ErrJSON, `{"a":NaN}`: event.ErrJSON, `{"a":Infinity}`: event.ErrJSON, `{"a":0x1}`: event.ErrJSON,
		`{"a":"`: event.ErrJSON, `{"a":"\"}`: event.ErrJSON, `{"a":"\`: event.ErrJSON, `{"a":"\x"}`: event.ErrJSON, `{"a":"\u12"}`: event.ErrJSON, `{"a":"\u12G4"}`: event.ErrJSON, `{"a":"\u`: event.ErrJSON,
		`{"a":"\ud800"}`: event.ErrJSON, `{"a":"\ud800\u0041"}`: event.ErrJSON, `{"a":"\udc00\ud800"}`: event.ErrJSON, `{"a":"\ud800\ud800"}`: event.ErrJSON, `{"a":"\ud800`: event.ErrJSON, `{"a":"\ud800\`: event.ErrJSON, `{"a":"\ud800\u`: event.ErrJSON,
		"{\"a\":\"\n\"}": event.ErrJSON, "{\"a\":\"\x00\"}": event.ErrJSON, "{\"a\":\"\xff\"}": event.ErrJSON, "{\"a\":\"\xed\xa0\x80\"}": event.ErrJSON, "\ufeff{}": event.ErrJSON, "{\"a\":1}\x00": event.ErrJSON, "{\v}": event.ErrJSON,
		`{"a":1,"a":1}`: event.ErrDuplicate, `{"a":1,"b":2,"a":3}`: event.ErrDuplicate, `{"a":1,"\u0061":2}`: event.ErrDuplicate, `{"x":[{"a":1,"a":1}]}`: event.ErrDuplicate, `{"":1,"":1}`: event.ErrDuplicate,
		`{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`: event.ErrNesting,
		`{"a":` + strings.Repeat("[", 60000):                                  event.ErrNesting,
		strings.Repeat(`{"a":`, 60000):                                        event.ErrNesting,
		`{"a":"` + strings.Repeat("x", 65536-8) + `x"}`:                       event.ErrTooLarge,
		`{"a":[` + strings.Repeat("1,", 40000) + `1]}`:                        event.ErrTooLarge,
	} {
		if got, err := event.Canonical([]byte(input), true); !errors.Is(err, want) {
			t.Errorf("Canonical(%.60s) = %.60s, %v; want %v", input, got, err, want)
		}
	}
}

func TestCanonicalAtItsLimits(t *testing.T) {
	for _, input := range []string{
		`{"a":"` + strings.Repeat("x", 65536-8) + `"}`,
		`{"a":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
		`{"a":"` + strings.Repeat(`\u0041`, 65536-8) + `"}`,
	} {
		if _, err := event.Canonical([]byte(input), true); err != nil {
			t.Errorf("Canonical(%.60s) = %v", input, err)
		}
	}
}

// An implementation written apart agrees about everything that it has no escape to write
// in a name for.
func TestCanonicalAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		input := randomObject(r, 4)
		got, err := event.Canonical([]byte(input), true)
		want, wantErr := gomatrixserverlib.CanonicalJSON([]byte(input))
		if err != nil || wantErr != nil || string(got) != string(want) {
			t.Fatalf("Canonical(%s) = %s, %v; want %s, %v", input, got, err, want, wantErr)
		}
	}
}
