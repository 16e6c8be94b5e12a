package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"signet/internal/matrix"
)

// hashes are well-formed and of nobody, a different one for each number.
func hashes(first, end int) (all []string) {
	for n := first; n < end; n++ {
		sum := sha256.Sum256(fmt.Append(nil, n))
		all = append(all, base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	return all
}

// A look-up of many beyond what an account may ask for says how many it leaves out; one of a
// few is told to wait, which a client may do.
func TestALookupOverBudget(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		pepper := w.ask("GET", "/hash_details", alice, "").text("lookup_pepper")
		look := func(addresses []string) string {
			return object("algorithm", "sha256", "pepper", pepper, "addresses", addresses)
		}
		if a := w.ask("POST", "/lookup", alice, look(hashes(0, 10))); a.body["im.signet.truncated"] != nil {
			w.Errorf("within the budget: %s", a.raw)
		}
		if a := w.ask("POST", "/lookup", alice, look(hashes(0, 400))); a.body["im.signet.truncated"] != 100.0 && a.body["im.signet.truncated"] != 99.0 {
			w.Errorf("of 400: %s", a.raw)
		}
		a := w.refuse("POST", "/lookup", alice, look(hashes(1000, 1005)), 429, matrix.LimitExceededCode)
		if after, _ := a.body["retry_after_ms"].(float64); after <= 0 {
			w.Errorf("told to wait: %s", a.raw)
		}
	})
}

// What is no hash finds nobody, as the specification says, and costs nothing: an address, a
// hash in another alphabet, a padded one, one that is too short or too long.
func TestWhatIsNoHashIsNotFound(t *testing.T) {
	each(t, nil, func(w *world) {
		alice := w.register("alice")
		pepper := w.ask("GET", "/hash_details", alice, "").text("lookup_pepper")
		good := hashes(0, 1)[0]
		for range 100 {
			odd := []string{"alice@example.org", "alice@example.org email", good + "=", good[1:], good + "A", "+" + good[1:], "", good[:42] + "x"}
			a := w.ask("POST", "/lookup", alice, object("algorithm", "sha256", "pepper", pepper, "addresses", odd))
			if found, _ := a.body["mappings"].(map[string]any); len(found) != 0 || a.body["im.signet.truncated"] != nil {
				w.Fatalf("found: %s", a.raw)
			}
		}
		w.ask("POST", "/lookup", alice, object("algorithm", "sha256", "pepper", pepper, "addresses", hashes(0, 300)))
		w.refuse("POST", "/lookup", alice, `{"algorithm":"sha256","pepper":"x","pepper":"`+pepper+`","addresses":[]}`, 400, matrix.BadJSON)
	})
}
