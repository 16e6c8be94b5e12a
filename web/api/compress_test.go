package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"signet/internal/caller"
	"signet/keys/proof"
)

// Who accepts it gets a proof in fewer octets, and an error as it is.
func TestProofsAreCompressed(t *testing.T) {
	each(t, caller.Terms{}, func(w *world) {
		alice := w.register("alice")
		w.bind("alice", alice, "alice@example.org")
		w.seal()
		ask := func(encoding, body string) (header http.Header, raw []byte) {
			w.Helper()
			r, err := http.NewRequestWithContext(w.Context(), "POST", w.server.URL+directory+"/lookup", strings.NewReader(body))
			if err != nil {
				w.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+alice)
			r.Header.Set("Accept-Encoding", encoding)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				w.Fatal(err)
			}
			defer response.Body.Close()
			if raw, err = io.ReadAll(response.Body); err != nil {
				w.Fatal(err)
			}
			return response.Header, raw
		}
		question := object("label", "binding:email:alice@example.org")
		plain, whole := ask("identity", question)
		header, packed := ask("gzip", question)
		unpacking, err := gzip.NewReader(strings.NewReader(string(packed)))
		if err != nil {
			w.Fatal(err)
		}
		unpacked, err := io.ReadAll(unpacking)
		if err != nil || string(unpacked) != strings.TrimRight(string(whole), " ") || len(packed) >= len(whole) {
			w.Errorf("%d octets are %d, %v", len(packed), len(unpacked), err)
		}
		if _, err := proof.Parse(unpacked); err != nil {
			w.Error(err)
		}
		if header.Get("Content-Encoding") != "gzip" || header.Get("Vary") == "" || plain.Get("Content-Encoding") != "" || plain.Get("Vary") == "" {
			w.Errorf("headers %v and %v", header, plain)
		}
		if header, raw := ask("gzip", `{}`); header.Get("Content-Encoding") != "" || !strings.Contains(string(raw), "M_MISSING_PARAMS") {
			w.Errorf("an error: %v %q", header, raw)
		}
	})
}
