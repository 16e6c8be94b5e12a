package mxhttp_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"signet/internal/mxhttp"
)

func TestInteger(t *testing.T) {
	for text, want := range map[string]mxhttp.Integer{`1`: 1, `"1"`: 1, `-5`: -5, `"-5"`: -5, `0`: 0, `null`: 0, `9223372036854775807`: 1<<63 - 1, `"9223372036854775807"`: 1<<63 - 1} {
		got := mxhttp.Integer(7)
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{`""`, `"x"`, `"+1"`, `"1.0"`, `1.5`, `1e3`, `" 1"`, `"1 "`, `"\u0031"`, `"\"1"`, `true`, `[]`, `{}`, `[1]`, `9223372036854775808`, `"9223372036854775808"`, `"0x1"`, `"1_0"`} {
		var got mxhttp.Integer
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is %d", text, got)
		}
	}
}
