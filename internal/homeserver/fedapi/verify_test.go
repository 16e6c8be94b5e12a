package fedapi

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"signet/internal/matrix"
)

func TestVerified(t *testing.T) {
	key := matrix.SigningKey{ID: "ed25519:k", Private: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))}
	nested := func(depth, times int) string {
		one := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		return `{"pdus":[` + strings.TrimSuffix(strings.Repeat(one+",", times), ",") + `]}`
	}
	for what, tc := range map[string]struct {
		signed, sent string
		want         bool
	}{
		"canonical":                   {`{"a":1,"b":"é\n"}`, `{"a":1,"b":"é\n"}`, true},
		"in another order":            {`{"a":1,"b":2}`, `{ "b" : 2, "a" : 1 }`, true},
		"with other escapes":          {`{"a":"é"}`, `{"a":"\u00e9"}`, true},
		"another value":               {`{"a":1}`, `{"a":2}`, false},
		"a member more":               {`{"a":1}`, `{"a":1,"destination":"x"}`, false},
		"nothing":                     {`{"a":1}`, ``, false},
		"two objects":                 {`{"a":1}`, `{"a":1},"destination":"evil.test"`, false},
		"nested a little":             {nested(90, 1), " " + nested(90, 1), true},
		"nested deeply":               {nested(900, 3), nested(900, 3), true},
		"deeply and not canonical":    {nested(900, 3), " " + nested(900, 3), true},
		"deeply, much, and canonical": {nested(900, 40), nested(900, 40), true},
		"deeply, much, and not":       {nested(900, 40), " " + nested(900, 40), false},
	} {
		r := matrix.SignedRequest{Method: "PUT", URI: "/x?a=\"b\"", Origin: "a.test", Destination: "b.test", Content: []byte(tc.signed)}
		x, err := r.Authorize(key)
		if err != nil {
			t.Fatal(err)
		}
		r.Content = []byte(tc.sent)
		if got := verified(r, x, key.Public()); got != tc.want {
			t.Errorf("%s: verified = %v, want %v", what, got, tc.want)
		}
	}
}

func TestCost(t *testing.T) {
	for text, want := range map[string]int{
		`1`:                                     4,
		`{"a":"[[[["}`:                          4*12 + 2*40,
		`"` + strings.Repeat("[", 99) + `\"[["`: 4 * 105,
		strings.Repeat("[", 16) + strings.Repeat("]", 16): 4*32 + 16*40,
		strings.Repeat("[", 18) + strings.Repeat("]", 18): 4*36 + 18*40 + 4,
	} {
		if got := cost([]byte(text)); got != want {
			t.Errorf("cost of %s = %d, want %d", text, got, want)
		}
	}
	if got := cost([]byte(`{"a":[` + strings.Repeat(`{},`, 300_000) + `{}]}`)); got <= maxCost {
		t.Errorf("300,000 objects cost %d of %d", got, maxCost)
	}
	event := `{"auth_events":["$a","$b"],"content":{"body":"` + strings.Repeat("x", 64<<10) + `"},"depth":1,"type":"m.room.message"},`
	if got := cost([]byte(strings.Repeat(event, 50))); got > maxCost {
		t.Errorf("50 events cost %d of %d", got, maxCost)
	}
}
