package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// RegistrationToken lets those register who were given it (client-server API,
// "Token-authenticated registration").
type RegistrationToken struct {
	Token   string
	Limit   int       // of accounts that it makes; 0: any number
	Expires time.Time // zero: never
	Used    int       // accounts made
	Created time.Time
}

// What the verbs of registration tokens refuse.
var (
	ErrTokenForm    = errors.New("not a registration token: 1 to 64 characters of A-Z a-z 0-9 . _ ~ -")
	ErrTokenLimit   = errors.New("a registration token cannot be for fewer than no accounts")
	ErrTokenTaken   = errors.New("there is such a registration token already")
	ErrTokenUnknown = errors.New("there is no such registration token")
)

// The specification's grammar of opaque identifiers, with the length it sets here.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

// CreateRegistrationToken makes a token, of the server's choice if none is given.
func (a *Accounts) CreateRegistrationToken(ctx context.Context, t RegistrationToken) (RegistrationToken, error) {
	if t.Token == "" {
		t.Token = rand.Text()[:16]
	}
	switch {
	case !tokenForm.MatchString(t.Token):
		return RegistrationToken{}, ErrTokenForm
	case t.Limit < 0:
		return RegistrationToken{}, ErrTokenLimit
	}
	t.Used, t.Created = 0, a.Now()
	mac := a.regTokens.Of(t.Token)
	made, err := insertRegistrationToken(ctx, a.DB, mac, a.regBox.Seal([]byte(t.Token), mac), t)
	if err != nil {
		return RegistrationToken{}, fmt.Errorf("storing a registration token: %w", err)
	}
	if !made {
		return RegistrationToken{}, ErrTokenTaken
	}
	return t, nil
}

// RegistrationTokens lists all, the oldest first.
func (a *Accounts) RegistrationTokens(ctx context.Context) ([]RegistrationToken, error) {
	all, err := selectRegistrationTokens(ctx, a.DB, a.regBox)
	if err != nil {
		return nil, fmt.Errorf("listing registration tokens: %w", err)
	}
	return all, nil
}

// RevokeRegistrationToken ends a token. The accounts that it made stay. The error is
// ErrTokenUnknown.
func (a *Accounts) RevokeRegistrationToken(ctx context.Context, token string) error {
	there, err := deleteRegistrationToken(ctx, a.DB, a.regTokens.Of(token))
	if err != nil {
		return fmt.Errorf("revoking a registration token: %w", err)
	}
	if !there {
		return ErrTokenUnknown
	}
	return nil
}

// RegistrationTokenValid tells whether an account could be made by the token now. The
// error is ErrRegistrationClosed.
func (a *Accounts) RegistrationTokenValid(ctx context.Context, token string) (bool, error) {
	if len(a.Offered()) == 0 {
		return false, ErrRegistrationClosed
	}
	_, err := a.judgeToken(ctx, token)
	if errors.Is(err, ErrRegistrationToken) {
		return false, nil
	}
	return err == nil, err
}

// judgeToken is the MAC of a token that has an account left.
func (a *Accounts) judgeToken(ctx context.Context, token string) ([]byte, error) {
	mac := a.regTokens.Of(token)
	valid, err := registrationTokenValid(ctx, a.DB, mac, a.Now())
	if err != nil {
		return nil, fmt.Errorf("looking for a registration token: %w", err)
	}
	if !valid {
		return nil, ErrRegistrationToken
	}
	return mac, nil
}
