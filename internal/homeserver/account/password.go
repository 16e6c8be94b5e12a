package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// The lengths that a new password may have, in octets. The upper one is far beyond
// what people remember and bounds what is hashed.
const (
	minPassword = 8
	maxPassword = 512
)

func checkPassword(password string) error {
	switch {
	case password == "":
		return ErrPasswordMissing
	case len(password) < minPassword:
		return ErrPasswordShort
	case len(password) > maxPassword:
		return ErrPasswordLong
	}
	return nil
}

// cost is what one Argon2id hash takes (RFC 9106): memory in KiB, passes over it
// and lanes.
type cost struct {
	memory, time uint32
	threads      uint8
}

// today is OWASP's recommendation with 19 MiB (Password Storage Cheat Sheet).
// Hashes made at another cost stay valid.
var today = cost{memory: 19 << 10, time: 2, threads: 1}

const (
	saltSize = 16
	keySize  = 32
)

// passwordHash is a password as the database keeps it.
type passwordHash struct {
	cost cost
	salt []byte
	key  []byte
}

// newHash has a salt, and a key that no password gives: it stands for the hash of
// an account that does not exist until derive replaces the key.
func newHash(c cost) passwordHash {
	h := passwordHash{cost: c, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	rand.Read(h.salt) // never fails
	rand.Read(h.key)
	return h
}

// derive is the key that the password gives under the hash's salt and cost.
func (h passwordHash) derive(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.cost.time, h.cost.memory, h.cost.threads, uint32(len(h.key)))
}

// String writes the hash in the PHC string format, $argon2id$v=19$m=…,t=…,p=…$salt$key.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

var errHash = errors.New("not a password hash of ours")

// The most that a hash may ask for: a row that somebody changed must not take the
// machine down.
var costliest = cost{memory: 1 << 20, time: 64, threads: 16}

// parseHash reads what String has written, and no other spelling of it.
func parseHash(s string) (passwordHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 {
		return passwordHash{}, errHash
	}
	var h passwordHash
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.time, &h.cost.threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(err, saltErr, keyErr) != nil {
		return passwordHash{}, errHash
	}
	h.salt, h.key = salt, key
	if !h.bearable() || h.String() != s {
		return passwordHash{}, errHash
	}
	return h, nil
}

// bearable tells whether the hash can be derived without harm.
func (h passwordHash) bearable() bool {
	return h.cost.memory <= costliest.memory &&
		0 < h.cost.time && h.cost.time <= costliest.time &&
		0 < h.cost.threads && h.cost.threads <= costliest.threads &&
		len(h.salt) >= 8 && len(h.key) >= 16 && len(h.key) <= 64
}

// hasher hashes a few passwords at a time: each takes memory and a processor, so
// that a crowd at the door could otherwise take all of both.
type hasher struct {
	cost    cost
	slots   chan struct{}
	waiting *atomic.Int64 // for a slot
}

func newHasher(o Options) hasher {
	h := hasher{cost: today, slots: make(chan struct{}, max(1, o.Hashers)), waiting: new(atomic.Int64)}
	if o.HashMemory > 0 {
		h.cost.memory = o.HashMemory
	}
	return h
}

// enter waits for a free slot, as long as the context lets it.
func (h hasher) enter(ctx context.Context) (leave func(), err error) {
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to hash a password: %w", ctx.Err())
	}
}

// hash makes the hash of a new password.
func (h hasher) hash(ctx context.Context, password string) (passwordHash, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return passwordHash{}, err
	}
	defer leave()
	made := newHash(h.cost)
	made.key = made.derive(password)
	return made, nil
}

// matches tells whether the hash is the password's, in a time that does not depend
// on the answer.
func (h hasher) matches(ctx context.Context, kept passwordHash, password string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return subtle.ConstantTimeCompare(kept.derive(password), kept.key) == 1, nil
}
