package room

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object of texts, names and values in turn; empty values are left out.
func object(pairs ...string) []byte {
	o := []byte{'{'}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if len(o) > 1 {
			o = append(o, ',')
		}
		o = append(append(quote(o, pairs[i]), ':'), quote(nil, pairs[i+1])...)
	}
	return append(o, '}')
}

// with is a JSON object with one text more, which it did not have.
func with(object []byte, name, value string) []byte {
	o := append([]byte{'{'}, quote(nil, name)...)
	o = append(append(o, ':'), quote(nil, value)...)
	if len(object) > 2 {
		o = append(o, ',')
	}
	return append(o, object[1:]...)
}

// quote appends a text in JSON. What is not UTF-8 is mended: it could not have come in.
func quote(to []byte, text string) []byte {
	to, _ = jsontext.AppendQuote(to, text)
	return to
}

// marshal is a value of ours in JSON.
func marshal(value any) []byte {
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		panic("room: " + err.Error()) // maps, texts and numbers that we have made
	}
	return b
}

// members is a JSON object as a map; nil if it is none.
func members(object []byte) map[string]jsontext.Value {
	var m map[string]jsontext.Value
	if json.Unmarshal(object, &m) != nil {
		return nil
	}
	return m
}
