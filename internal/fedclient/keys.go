package fedclient

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"strings"
	"time"

	"signet/internal/matrix"
)

const (
	keysPath = "/_matrix/key/v2/server"
	// keysLongest caps a document's own valid_until_ts (server-server API, GET
	// /_matrix/key/v2/server).
	keysLongest = 7 * 24 * time.Hour
	// keysShortest is the least time between two fetches from one server.
	keysShortest = time.Minute
	// maxVerifyKeys bounds the signatures that one document can make us check.
	maxVerifyKeys = 32
)

var keysPatience = patience{fetch: defaultTimeout, first: 10 * time.Second, most: 5 * time.Minute}

// ServerKeys are the keys that a server publishes and has proven to hold. The maps
// are shared with other callers and must not be changed.
type ServerKeys struct {
	Server     matrix.ServerName
	ValidUntil time.Time // at most 7 days from when the document was fetched
	Verify     map[matrix.KeyID]ed25519.PublicKey
	Old        map[matrix.KeyID]OldKey
}

// OldKey is a key that signs no longer; what it signed before Expired still counts.
type OldKey struct {
	Key     ed25519.PublicKey
	Expired time.Time
}

// ServerKeys returns the keys of a server, from memory while they are valid. Its
// errors are ErrBadKeys, ErrBadAnswer and those of Do; a failure is remembered for
// seconds to minutes, so that a dead server is not asked with every call.
func (c *Client) ServerKeys(ctx context.Context, server matrix.ServerName) (ServerKeys, error) {
	return c.serverKeys(ctx, server, anyAge)
}

// FreshKeys is ServerKeys as they were at most a minute ago, if the server can be asked, and
// otherwise what is remembered.
func (c *Client) FreshKeys(ctx context.Context, server matrix.ServerName) (ServerKeys, error) {
	return c.serverKeys(ctx, server, keysShortest)
}

// VerifyKey returns the key by which a server signs today. A key that is not among
// those remembered is asked for, at most once a minute, for servers change keys
// before the old document runs out. ErrUnknownKey when it is not published.
func (c *Client) VerifyKey(ctx context.Context, server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error) {
	for _, age := range []time.Duration{anyAge, keysShortest} {
		keys, err := c.serverKeys(ctx, server, age)
		if err != nil {
			return nil, err
		}
		if key, ok := keys.Verify[id]; ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("key of %q: %w", server, ErrUnknownKey)
}

// KeyAtHand is VerifyKey as far as memory goes. Where the server would have to be asked
// the error is ErrNotAtHand; a failure that is remembered is an answer.
func (c *Client) KeyAtHand(server matrix.ServerName, id matrix.KeyID) (ed25519.PublicKey, error) {
	e, known := c.keys.recall(server, anyAge)
	if !known {
		return nil, ErrNotAtHand
	}
	keys, err := c.stillValid(server, e.value, e.err)
	if err != nil {
		return nil, err
	}
	if key, ok := keys.Verify[id]; ok {
		return key, nil
	}
	if _, justAsked := c.keys.recall(server, keysShortest); !justAsked {
		return nil, ErrNotAtHand
	}
	return nil, fmt.Errorf("key of %q: %w", server, ErrUnknownKey)
}

func (c *Client) serverKeys(ctx context.Context, server matrix.ServerName, age time.Duration) (ServerKeys, error) {
	keys, err := c.keys.get(ctx, server, age)
	return c.stillValid(server, keys, err)
}

func (c *Client) stillValid(server matrix.ServerName, keys ServerKeys, err error) (ServerKeys, error) {
	if err == nil && !c.now().Before(keys.ValidUntil) {
		err = fmt.Errorf("%w: no longer valid", ErrBadKeys)
	}
	if err != nil {
		return ServerKeys{}, fmt.Errorf("keys of %q: %w", server, err)
	}
	return keys, nil
}

func (c *Client) fetchKeys(ctx context.Context, server matrix.ServerName) (fetched[ServerKeys], error) {
	answer, err := c.ask(ctx, Request{Server: server, Method: http.MethodGet, Path: keysPath})
	if err != nil {
		return fetched[ServerKeys]{}, err
	}
	if answer.Status >= http.StatusInternalServerError { // it may be well again soon
		return fetched[ServerKeys]{}, fmt.Errorf("%w: status %d", ErrUnreachable, answer.Status)
	}
	if answer.Status != http.StatusOK {
		return fetched[ServerKeys]{}, fmt.Errorf("%w: status %d", ErrBadAnswer, answer.Status)
	}
	now := c.now()
	keys, err := parseServerKeys(server, answer, now)
	return fetched[ServerKeys]{value: keys, life: max(keys.ValidUntil.Sub(now), keysShortest)}, err
}

// keyDocument is the published form.
type keyDocument struct {
	ServerName    matrix.ServerName          `json:"server_name"`
	ValidUntilTS  int64                      `json:"valid_until_ts"`
	VerifyKeys    map[string]publishedKey    `json:"verify_keys"`
	OldVerifyKeys map[string]publishedOldKey `json:"old_verify_keys"`
}

type publishedKey struct {
	Key string `json:"key"`
}

type publishedOldKey struct {
	Key       string `json:"key"`
	ExpiredTS int64  `json:"expired_ts"`
}

// parseServerKeys accepts a document whole or not at all: every ed25519 key in it
// must have signed it, or the server could publish, as its own, a key it does not
// hold.
func parseServerKeys(server matrix.ServerName, answer Response, now time.Time) (ServerKeys, error) {
	var doc keyDocument
	if err := answer.Decode(&doc); err != nil {
		return ServerKeys{}, err
	}
	if doc.ServerName != server {
		return ServerKeys{}, fmt.Errorf("%w: it is another server's", ErrBadKeys)
	}
	until, err := validity(doc.ValidUntilTS, now)
	if err != nil {
		return ServerKeys{}, err
	}
	verify, err := doc.proven(answer.Body)
	if err != nil {
		return ServerKeys{}, err
	}
	return ServerKeys{Server: server, ValidUntil: until, Verify: verify, Old: doc.old()}, nil
}

func validity(millis int64, now time.Time) (time.Time, error) {
	until := time.UnixMilli(millis)
	if !now.Before(until) {
		return time.Time{}, fmt.Errorf("%w: no longer valid", ErrBadKeys)
	}
	if latest := now.Add(keysLongest); until.After(latest) {
		until = latest
	}
	return until, nil
}

// proven are the keys that signed the document. Algorithms other than ed25519 are
// passed over, as the specification knows no other yet.
func (d keyDocument) proven(body []byte) (map[matrix.KeyID]ed25519.PublicKey, error) {
	if len(d.VerifyKeys) > maxVerifyKeys {
		return nil, fmt.Errorf("%w: too many keys", ErrBadKeys)
	}
	keys := map[matrix.KeyID]ed25519.PublicKey{}
	for name, published := range d.VerifyKeys {
		if !strings.HasPrefix(name, "ed25519:") {
			continue
		}
		id, key, ok := readKey(name, published.Key)
		if !ok {
			return nil, fmt.Errorf("%w: a key is malformed", ErrBadKeys)
		}
		if err := matrix.Verify(d.ServerName, id, key, body); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadKeys, err)
		}
		keys[id] = key
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: it has no key", ErrBadKeys)
	}
	return keys, nil
}

// old are the former keys. One that cannot be read cannot verify anything, and is
// left out.
func (d keyDocument) old() map[matrix.KeyID]OldKey {
	keys := map[matrix.KeyID]OldKey{}
	for name, published := range d.OldVerifyKeys {
		if id, key, ok := readKey(name, published.Key); ok && published.ExpiredTS > 0 {
			keys[id] = OldKey{Key: key, Expired: time.UnixMilli(published.ExpiredTS)}
		}
	}
	return keys
}

func readKey(name, encoded string) (matrix.KeyID, ed25519.PublicKey, bool) {
	id, ok := matrix.ParseKeyID(name)
	key, err := matrix.DecodeBase64(encoded)
	return id, key, ok && err == nil && len(key) == ed25519.PublicKeySize
}
