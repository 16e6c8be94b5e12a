package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/internal/store"
)

// StageDummy is the one stage of a registration: it asks for nothing (client-server
// API, "Dummy Auth").
const StageDummy = "m.login.dummy"

// uiaLife is how long a person may take to finish a registration.
const uiaLife = time.Hour

// Auth is what a client says to pass a stage. It may pass one without having asked
// for a session first, as clients that know the flow do.
type Auth struct {
	Stage   string
	Session string
}

// Challenge is the error of a request that must be authenticated first: the client
// passes one of Stages and sends the request again with the session. Reason, if
// set, says why what it sent did not pass.
type Challenge struct {
	Session string
	Stages  []string
	Reason  error
}

func (c Challenge) Error() string { return "interactive authentication is needed" }

// Unwrap gives the reason.
func (c Challenge) Unwrap() error { return c.Reason }

// Why a stage was not passed.
var (
	ErrStage      = errors.New("not a stage of this flow")
	ErrUIASession = errors.New("the session is unknown, has expired or was used already")
)

// pass tells whether auth passes the flow; the error is a Challenge when it does
// not. The session is looked at here and spent by spend.
func (a *Accounts) pass(ctx context.Context, auth *Auth) error {
	if auth == nil {
		return a.challenge(ctx, nil)
	}
	if auth.Session != "" {
		live, err := uiaLives(ctx, a.DB, a.sessions.Of(auth.Session), a.Now())
		if err != nil {
			return fmt.Errorf("reading an authentication session: %w", err)
		}
		if !live {
			return a.challenge(ctx, ErrUIASession)
		}
	}
	if auth.Stage == StageDummy {
		return nil
	}
	var reason error // without a stage the client only asks how far it is
	if auth.Stage != "" {
		reason = ErrStage
	}
	if auth.Session == "" {
		return a.challenge(ctx, reason)
	}
	return Challenge{Session: auth.Session, Stages: []string{StageDummy}, Reason: reason}
}

// challenge opens a session.
func (a *Accounts) challenge(ctx context.Context, reason error) error {
	session := newToken()
	if err := insertUIA(ctx, a.DB, a.sessions.Of(session), a.Now().Add(uiaLife)); err != nil {
		return fmt.Errorf("opening an authentication session: %w", err)
	}
	return Challenge{Session: session, Stages: []string{StageDummy}, Reason: reason}
}

// spend ends the session together with what it was for: in the transaction that
// does it, so that a session does one thing once and a failure leaves it alive.
func (a *Accounts) spend(ctx context.Context, tx *store.Tx, auth *Auth) error {
	if auth.Session == "" {
		return nil
	}
	spent, err := deleteUIA(ctx, tx, a.sessions.Of(auth.Session), a.Now())
	if err != nil {
		return fmt.Errorf("spending an authentication session: %w", err)
	}
	if !spent {
		return ErrUIASession
	}
	return nil
}
