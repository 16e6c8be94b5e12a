package fedapi

import (
	"crypto/ed25519"

	"github.com/go-json-experiment/json"

	"signet/internal/matrix"
)

// verified tells whether a signature over a request holds. What is signed is the body in
// canonical form, and most servers send it so: then it is verified as it came, however large
// and nested it is. To write another in canonical form takes long, which is bounded.
func verified(r matrix.SignedRequest, x matrix.XMatrix, key ed25519.PublicKey) bool {
	return verifiedAsSent(r, x, key) || cost(r.Content) <= maxCost && r.Verify(x, key) == nil
}

// verifiedAsSent is verified for a body that is in canonical form. Of any other the
// signature does not hold.
func verifiedAsSent(r matrix.SignedRequest, x matrix.XMatrix, key ed25519.PublicKey) bool {
	if len(r.Content) == 0 || len(key) != ed25519.PublicKeySize {
		return false
	}
	signature, err := matrix.DecodeBase64(x.Signature)
	if err != nil {
		return false
	}
	rest, err := json.Marshal(map[string]string{"destination": r.Destination.String(), "method": r.Method, "origin": r.Origin.String(), "uri": r.URI},
		json.Deterministic(true)) // which is canonical, of four texts
	if err != nil {
		return false
	}
	signed := make([]byte, 0, len(r.Content)+len(rest)+16)
	signed = append(append(signed, `{"content":`...), r.Content...)
	signed = append(append(signed, ','), rest[1:]...)
	return ed25519.Verify(key, signed, signature)
}

// What it costs to write JSON in canonical form, about, in units of a few nanoseconds.
const (
	octetCost = 4
	tokenCost = 40 // of a value or a name
	// shallow is how deep octets may stand before each level costs one more.
	shallow = 16
	// maxCost lets 50 events of 64 KiB through, as they usually are.
	maxCost = 24 << 20
)

// cost is what it costs to write valid JSON in canonical form.
func cost(text []byte) int {
	sum, depth, inText := octetCost*len(text), 0, false
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case inText && ch == '\\':
			i++
		case ch == '"':
			inText = !inText
		case inText:
		case ch == '[' || ch == '{':
			depth++
			sum += tokenCost
		case ch == ']' || ch == '}':
			depth--
		case ch == ',' || ch == ':':
			sum += tokenCost
		}
		sum += max(0, depth-shallow)
	}
	return sum
}
