package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"signet/internal/caller"
	"signet/keys/proof"
)

// Who watches a connection sees no difference between somebody who was found and nobody.
func TestLookupsAreOfOneLength(t *testing.T) {
	each(t, caller.Terms{}, func(w *world) {
		alice := w.register("alice")
		w.bind("alice", alice, "alice@example.org")
		w.seal()
		for _, encoding := range []string{"identity", "gzip"} {
			found := w.lookupLength(alice, encoding, "binding:email:alice@example.org")
			for _, label := range []string{"binding:email:nobody@example.org", "email:alice@example.org", "mxid:@carol:somewhere.example.org"} {
				if n := w.lookupLength(alice, encoding, label); n != found {
					w.Errorf("%s: %s has %d octets, alice %d", encoding, label, n, found)
				}
			}
			if found%512 != 0 {
				w.Errorf("%s: %d octets are no whole number of steps", encoding, found)
			}
		}
	})
}

// lookupLength is how many octets of body an answer has on its way.
func (w *world) lookupLength(token, encoding, label string) int64 {
	w.Helper()
	ask := func(transport *http.Transport) (int64, []byte) {
		r, err := http.NewRequestWithContext(w.Context(), "POST", w.server.URL+directory+"/lookup", strings.NewReader(object("label", label)))
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if transport.DisableCompression {
			r.Header.Set("Accept-Encoding", encoding)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			w.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			w.Fatalf("%s: %d, %v", label, response.StatusCode, err)
		}
		return int64(len(body)), body
	}
	length, _ := ask(&http.Transport{DisableCompression: true})
	_, body := ask(&http.Transport{}) // which unpacks by itself
	if _, err := proof.Parse(body); err != nil {
		w.Errorf("%s: %v", label, err)
	}
	return length
}
