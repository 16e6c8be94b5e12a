package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Algorithm is a way to hide the addresses of a look-up.
type Algorithm string

// SHA256 is the algorithm every server must offer (identity service API, "Client
// behaviour"). The plain one, "none", is not offered.
const SHA256 Algorithm = "sha256"

// MaxAddresses is how many addresses one look-up may ask for.
const MaxAddresses = 10_000

// Errors of a look-up.
var (
	ErrAlgorithm = errors.New("the algorithm is not one of those that hash_details lists")
	ErrTooMany   = fmt.Errorf("a look-up may ask for %d addresses at most", MaxAddresses)
)

// WrongPepper is the error of a look-up made with another pepper than the server's.
// It carries the right one, which a client may use at once.
type WrongPepper struct{ Pepper string }

func (WrongPepper) Error() string { return "the pepper is unknown or was replaced" }

// Details are what a client needs to hash addresses.
type Details struct {
	Algorithms []Algorithm
	Pepper     string
}

// Details returns the algorithms offered and the pepper.
func (d *Directory) Details() Details {
	return Details{Algorithms: []Algorithm{SHA256}, Pepper: d.pepper}
}

// Lookup returns the users behind the hashed addresses that are bound, by the text
// that was asked. A text that is no hash of an address is simply not found, as the
// specification says.
func (d *Directory) Lookup(ctx context.Context, a Algorithm, pepper string, addresses []string) (map[string]matrix.UserID, error) {
	switch {
	case a != SHA256:
		return nil, ErrAlgorithm
	case pepper != d.pepper:
		return nil, WrongPepper{d.pepper}
	case len(addresses) > MaxAddresses:
		return nil, ErrTooMany
	}
	asked := make(map[string]string, len(addresses)) // by tag
	for _, hash := range addresses {
		asked[string(d.tags.Of(hash))] = hash
	}
	users, err := selectUsers(ctx, d.DB, asked)
	if err != nil {
		return nil, fmt.Errorf("looking up: %w", err)
	}
	return users, nil
}

// hash is what clients send for an address (identity service API, "Client
// behaviour"): unpadded URL-safe base64 of SHA-256 over "address medium pepper".
func hash(a threepid.Address, pepper string) string {
	sum := sha256.Sum256([]byte(a.String() + " " + string(a.Medium()) + " " + pepper))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// pepperLength keeps a pepper's 24 random octets, 192 bits, within letters, digits,
// - and _.
const pepperLength = 32

func pepper(secret []byte) string {
	sum := sha256.Sum256(append([]byte("signet/lookup pepper/1 "), secret...))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:pepperLength]
}
