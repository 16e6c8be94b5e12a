package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/internal/homeserver/contact"
	"signet/internal/matrix"
	"signet/internal/seal"
	"signet/internal/store"
)

// Options is what the accounts of a server stand on.
type Options struct {
	DB         *store.DB
	Vault      *seal.Vault
	ServerName matrix.ServerName
	Now        func() time.Time
	// Flows are the ways to authenticate for a registration, which CheckRegistration
	// accepts; none closes it.
	Flows Flows
	// Offers tells whether a stage can be passed at present: flows that have others are not
	// offered. It may be set after New; nil offers all.
	Offers func(Stage) bool
	// Captchas are needed where Flows have StageCaptcha.
	Captchas Captchas
	// Terms are what StageTerms asks for; flows that have it need some.
	Terms Terms
	// Contacts show what the stages of addresses ask for, and keep it with the accounts. They
	// are needed where Flows have those, and may be set after New; nil knows no addresses.
	Contacts *contact.Contacts
	// SharedSecret lets those who know it make accounts; empty lets nobody.
	SharedSecret []byte
	// Leavers are told when an account is deactivated.
	Leavers []Leaver
	// Hashers is how many passwords are hashed at the same time, 19 MiB each.
	Hashers int
	// HashMemory is what one of them takes instead, in KiB, for tests of other things; 0: 19 MiB.
	HashMemory uint32
}

// Accounts is the users, devices and tokens of one server. It is safe for
// concurrent use, also by several processes on one database.
type Accounts struct {
	Options
	hasher    hasher
	tokens    seal.MAC
	refreshes seal.MAC
	openID    seal.MAC
	sessions  seal.MAC
	logins    seal.MAC // of login tokens
	regTokens seal.MAC
	regBox    seal.Box
	stageBox  seal.Box // of what sessions keep of their stages
	names     seal.Index
	memory    memory
	newcomers newcomers
}

// New opens the accounts in a database that has been migrated. The error is ErrFlow for
// flows that cannot be offered.
func New(ctx context.Context, o Options) (*Accounts, error) {
	if err := o.checkFlows(); err != nil {
		return nil, err
	}
	a := &Accounts{Options: o, hasher: newHasher(o)}
	if err := a.unlock(ctx); err != nil {
		return nil, fmt.Errorf("opening the accounts: %w", err)
	}
	return a, nil
}

// checkFlows tells whether what the stages of the flows ask for is there.
func (o Options) checkFlows() error {
	stages := o.Flows.Stages()
	switch {
	case slices.Contains(stages, StageCaptcha) && o.Captchas == nil:
		return fmt.Errorf("%w: %s needs an identity server", ErrFlow, StageCaptcha)
	case slices.Contains(stages, StageTerms) && len(o.Terms) == 0:
		return fmt.Errorf("%w: %s needs documents to accept", ErrFlow, StageTerms)
	}
	return o.Flows.CheckRegistration()
}

// unlock takes the keys out of the vault.
func (a *Accounts) unlock(ctx context.Context) (err error) {
	for purpose, mac := range map[string]*seal.MAC{
		"account access tokens":       &a.tokens,
		"account refresh tokens":      &a.refreshes,
		"account openid tokens":       &a.openID,
		"account uia sessions":        &a.sessions,
		"account login tokens":        &a.logins,
		"account registration tokens": &a.regTokens,
	} {
		if *mac, err = a.Vault.MAC(ctx, purpose); err != nil {
			return err
		}
	}
	if a.regBox, err = a.Vault.Box(ctx, "account registration tokens"); err != nil {
		return err
	}
	if a.stageBox, err = a.Vault.Box(ctx, "account uia stages"); err != nil {
		return err
	}
	a.names, err = a.Vault.Index(ctx, "account login names")
	return err
}

// What the verbs of this package refuse.
var (
	ErrRegistrationClosed = errors.New("this server takes no registrations")
	ErrUsername           = errors.New("not a valid user name")
	ErrUserInUse          = errors.New("the user name is taken")
	ErrPasswordMissing    = errors.New("a password is needed")
	ErrPasswordShort      = errors.New("the password has fewer than 8 octets")
	ErrPasswordLong       = errors.New("the password has more than 512 octets")
	ErrDeviceID           = errors.New("not a valid device id")
	ErrCredentials        = errors.New("user name or password is wrong")
	ErrUnknownToken       = errors.New("the token is unknown or has ended")
	ErrNotOwner           = errors.New("the account is somebody else's")
)

// newToken is 256 random bits as text: too many to guess, so that a fast HMAC
// keeps them as safe as a slow hash keeps a password.
func newToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
