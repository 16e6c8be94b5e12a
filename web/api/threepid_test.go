package api

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// A homeserver signs the path and query, also where the request line holds a whole
// URL; escapes stay as they were sent.
func TestSignedURI(t *testing.T) {
	for line, want := range map[string]string{
		"POST /_matrix/identity/v2/3pid/unbind?a=%20b HTTP/1.1":         "/_matrix/identity/v2/3pid/unbind?a=%20b",
		"POST /3pid%2Funbind HTTP/1.1":                                  "/3pid%2Funbind",
		"POST http://id.example.org/3pid/unbind?x=1 HTTP/1.1":           "/3pid/unbind?x=1",
		"POST https://id.example.org:8090/3pid%2Funbind?x=%7E HTTP/1.1": "/3pid%2Funbind?x=%7E",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + "\r\nHost: id.example.org\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		if got := signedURI(r); got != want {
			t.Errorf("signedURI(%q) = %q, want %q", line, got, want)
		}
	}
}
