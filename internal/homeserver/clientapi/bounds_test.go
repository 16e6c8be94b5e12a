package clientapi_test

import (
	"net/url"
	"strings"
	"testing"
)

// What a client names its requests by, and by what it chooses events, has bounds.
func TestRequestsOfALargeKind(t *testing.T) {
	each(t, func(w *world) {
		alice := w.joined("alice")
		id := w.room(alice)
		said := w.say(alice, id, "1", `{}`)
		for n, code := range map[int]string{255: "", 256: "M_INVALID_PARAM", 20_000: "M_INVALID_PARAM"} {
			status := 200
			if code != "" {
				status = 400
			}
			txn := strings.Repeat("t", n)
			w.want("a message", w.call(alice, "PUT /rooms/"+id+"/send/m.room.message/"+txn, `{}`), status, code)
			w.want("a redaction", w.call(alice, "PUT /rooms/"+id+"/redact/"+said+"/"+txn, `{}`), status, code)
		}
		filter := func(f string) string { return "filter=" + url.QueryEscape(f) }
		for f, code := range map[string]string{
			`{"types":["m.room.message"],"limit":3}`:              "",
			`{"types":["x"` + strings.Repeat(`,"x"`, 999) + `]}`:  "",
			`{"types":["x"` + strings.Repeat(`,"x"`, 1000) + `]}`: "M_INVALID_PARAM",
			`{"rooms":["x"]}`: "M_INVALID_PARAM",
			`{"limit":-1}`:    "M_INVALID_PARAM",
			`[]`:              "M_INVALID_PARAM",
			`{}{}`:            "M_INVALID_PARAM",
		} {
			status := 200
			if code != "" {
				status = 400
			}
			w.want("messages with "+f[:min(len(f), 40)], w.call(alice, "GET /rooms/"+id+"/messages?dir=b&"+filter(f), ""), status, code)
			w.want("context with "+f[:min(len(f), 40)], w.call(alice, "GET /rooms/"+id+"/context/"+said+"?"+filter(f), ""), status, code)
		}
	})
}
