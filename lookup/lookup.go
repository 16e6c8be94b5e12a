package lookup

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/internal/matrix"
	"signet/internal/threepid"
	"signet/lookup/discovery"
	"signet/lookup/table"
)

// Algorithm is a way to hide the addresses of a look-up.
type Algorithm string

// SHA256 is the algorithm every server must offer; None, which hides nothing, is offered
// if the operator wants it (identity service API, "Client behaviour").
const (
	SHA256 Algorithm = "sha256"
	None   Algorithm = "none"
)

// MaxAddresses is how many addresses one look-up may ask for.
const MaxAddresses = 10_000

// Errors of a look-up.
var (
	ErrAlgorithm = errors.New("the algorithm is not one of those that hash_details lists")
	ErrTooMany   = fmt.Errorf("a look-up may ask for %d addresses at most", MaxAddresses)
)

// WrongPepper is the error of a look-up made with another pepper than those that are
// accepted. It carries the current one, which a client may use at once.
type WrongPepper struct{ Pepper string }

func (WrongPepper) Error() string { return "the pepper is unknown or was replaced" }

// Details are what a client needs to hash addresses.
type Details struct {
	Algorithms []Algorithm
	Pepper     string
}

// Details returns the algorithms offered and the pepper.
func (d *Directory) Details() Details {
	details := Details{Algorithms: []Algorithm{SHA256}, Pepper: d.epochs.pepper(d.epochs.number(d.Now()))}
	if d.OfferNone {
		details.Algorithms = append(details.Algorithms, None)
	}
	return details
}

// Question is a look-up: addresses as the algorithm hides them, with the pepper.
type Question struct {
	Algorithm Algorithm
	Pepper    string
	Addresses []string
	Asker     discovery.Asker
}

// Answer is the users behind the addresses that are bound, by the text that was asked.
// Truncated is how many more were asked for than the asker may be told about now.
type Answer struct {
	Users     map[string]matrix.UserID
	Truncated int
}

// Lookup answers a look-up: what was bound or unbound by any replica before is known. A
// text that is no hash of an address, or of None no address, is simply not found, as the
// specification says, and costs nothing. Errors: ErrAlgorithm, ErrTooMany, WrongPepper, and
// matrix.LimitExceeded if the asker may be told about none, or not about all of a few.
func (d *Directory) Lookup(ctx context.Context, q Question) (Answer, error) {
	if !slices.Contains(d.Details().Algorithms, q.Algorithm) {
		return Answer{}, ErrAlgorithm
	}
	epoch, accepted := d.epochOf(q.Pepper)
	switch {
	case !accepted:
		return Answer{}, WrongPepper{d.Details().Pepper}
	case len(q.Addresses) > MaxAddresses:
		return Answer{}, ErrTooMany
	}
	texts, keys := read(q.Algorithm, q.Pepper, q.Addresses)
	charge := d.ask
	if q.Algorithm == None {
		charge = d.askOnce
	}
	told, err := charge(ctx, q.Asker, epoch, keys)
	if err != nil {
		return Answer{}, err
	}
	if err := d.follow(); err != nil {
		return Answer{}, err
	}
	found, err := d.find(ctx, q.Pepper, keys)
	if err != nil {
		return Answer{}, fmt.Errorf("looking up: %w", err)
	}
	users := make(map[string]matrix.UserID, len(found))
	for _, f := range found {
		if told.Allowed == nil || told.Allowed[f.at] {
			users[texts[f.at]] = matrix.UserID(f.user)
		}
	}
	return Answer{Users: users, Truncated: told.Refused}, nil
}

// epochOf is the number of the epoch of a pepper that is accepted.
func (d *Directory) epochOf(pepper string) (epoch int64, accepted bool) {
	for _, n := range d.epochs.accepted(d.Now()) {
		if d.epochs.pepper(n) == pepper {
			return n, true
		}
	}
	return 0, false
}

// find asks the table, and makes the hashes of the epoch at once if they are not made yet:
// the process slept while it should have.
func (d *Directory) find(ctx context.Context, pepper string, keys []table.Key) ([]found, error) {
	for {
		if all, whole := d.live.find(pepper, keys); whole {
			return all, nil
		}
		if err := d.makeHashes(ctx, pepper, 0); err != nil {
			return nil, err
		}
	}
}

// read returns the texts that can be found at all, each once, with the keys by which. Of
// two texts for one address, which None allows, each is answered, for the price of one.
func read(a Algorithm, pepper string, addresses []string) (texts []string, keys []table.Key) {
	seen := make(map[string]bool, len(addresses))
	texts, keys = make([]string, 0, len(addresses)), make([]table.Key, 0, len(addresses))
	for _, text := range addresses {
		key, ok := readOne(a, pepper, text)
		if !ok || seen[text] {
			continue
		}
		seen[text] = true
		texts, keys = append(texts, text), append(keys, key)
	}
	return texts, keys
}

// hashText is how clients write a hash: base64url without padding.
var hashText = base64.RawURLEncoding.Strict()

func readOne(a Algorithm, pepper, text string) (table.Key, bool) {
	if a == None {
		address, err := parsePlain(text)
		return keyOf(address.Medium(), []byte(address.String()), pepper), err == nil
	}
	var digest [sha256.Size]byte
	if len(text) != hashText.EncodedLen(len(digest)) {
		return table.Key{}, false
	}
	n, err := hashText.Decode(digest[:], []byte(text)) // which passes line breaks over
	return table.KeyOf(digest[:]), err == nil && n == len(digest)
}

// parsePlain reads "address medium".
func parsePlain(text string) (threepid.Address, error) {
	for _, medium := range []threepid.Medium{threepid.Email, threepid.MSISDN} {
		if address, ok := strings.CutSuffix(text, " "+string(medium)); ok {
			return threepid.Parse(string(medium), address)
		}
	}
	return threepid.Address{}, threepid.ErrMedium
}

// keyOf is by what an address is found: the beginning of what clients send for it, SHA-256
// over "address medium pepper" (identity service API, "Client behaviour").
func keyOf(medium threepid.Medium, address []byte, pepper string) table.Key {
	var text [128]byte
	sum := sha256.Sum256(append(append(append(append(append(text[:0], address...), ' '), medium...), ' '), pepper...))
	return table.KeyOf(sum[:])
}
