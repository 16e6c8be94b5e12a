package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// nonceLife is how long a nonce of the registration by shared secret is good.
const nonceLife = time.Minute

// What the registration by shared secret refuses.
var (
	ErrNoSharedSecret = errors.New("this server has no shared secret to register by")
	ErrNonce          = errors.New("the nonce is unknown, has expired or was used already")
	ErrSharedMAC      = errors.New("the MAC is not one by the shared secret")
)

// SharedRegistration is an account that who knows the shared secret makes. MAC is
// HMAC-SHA-1 under it, in hexadecimal, over nonce, name, password and "admin" or
// "notadmin", with a NUL between each two, as the tools of operators compute it.
type SharedRegistration struct {
	Nonce    string
	Username string
	Password string
	Admin    bool
	MAC      string
}

// Nonce is what a SharedRegistration needs, for one of them and a minute. It is a
// session like those of interactive authentication.
func (a *Accounts) Nonce(ctx context.Context) (string, error) {
	if len(a.SharedSecret) == 0 {
		return "", ErrNoSharedSecret
	}
	nonce := newToken()
	if err := insertUIA(ctx, a.DB, a.sessions.Of(nonce), session{operation: opShared}, nil, a.Now().Add(nonceLife)); err != nil {
		return "", fmt.Errorf("storing a nonce: %w", err)
	}
	return nonce, nil
}

// RegisterShared makes an account and lets its first device in, whether or not the
// server takes registrations. The errors are ErrNonce, ErrSharedMAC and those of
// Register.
func (a *Accounts) RegisterShared(ctx context.Context, r SharedRegistration) (Login, error) {
	if len(a.SharedSecret) == 0 {
		return Login{}, ErrNoSharedSecret
	}
	s, err := a.session(ctx, r.Nonce)
	switch {
	case errors.Is(err, ErrUIASession) || err == nil && s.operation != opShared:
		return Login{}, ErrNonce
	case err != nil:
		return Login{}, err
	case !hmac.Equal(r.mac(a.SharedSecret), []byte(strings.ToLower(r.MAC))):
		return Login{}, ErrSharedMAC
	}
	wish := Registration{Username: &r.Username, Password: r.Password}
	login, err := a.createAs(ctx, wish, r.Admin, Pass{session: r.Nonce})
	if errors.Is(err, ErrUIASession) {
		return Login{}, ErrNonce
	}
	return login, err
}

// mac is what the MAC has to be.
func (r SharedRegistration) mac(secret []byte) []byte {
	role := "notadmin"
	if r.Admin {
		role = "admin"
	}
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(strings.Join([]string{r.Nonce, r.Username, r.Password, role}, "\x00")))
	return []byte(hex.EncodeToString(h.Sum(nil)))
}
