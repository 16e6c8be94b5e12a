package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// uiaLife is how long a person may take to authenticate.
const uiaLife = time.Hour

// Operation is what somebody asks for and must authenticate for. A session that was
// opened for one does no other (client-server API, "User-interactive API in the REST
// API": the client submits the same request again). By is zero for a registration.
type Operation struct {
	Name   string   // to follow "you are about to", as in "delete devices"
	By     Device   // who asks
	Params []string // all that the request says, in one form
	// Showing is asked before a CAPTCHA is made for it; nil lets it.
	Showing func() error
}

// The operations that there are.
const (
	OpRegister       = "register"
	OpDeleteDevices  = "delete devices"
	OpChangePassword = "change the password"
	OpDeactivate     = "deactivate the account"
	OpLetDeviceIn    = "log another device in"
	OpResetPassword  = "set a new password"
	OpAddAddress     = "add an address"
	OpReplaceKeys    = "replace cross-signing keys"
	opShared         = "register by the shared secret"
)

// Auth is what a client says to pass a stage. It may pass one without having asked
// for a session first, as clients that know the flow do. Name, Address and Password are for
// StagePassword, where neither of the first two stands for who asks; Token is for
// StageRegistrationToken; Answer is for StageCaptcha, empty where its own page was used;
// Proof, for StageEmail and StageMSISDN, is a session of the identity server. Client is where
// the person is, zero where that is not known.
type Auth struct {
	Stage    Stage
	Session  string
	Name     string
	Address  threepid.Address
	Password string
	Token    string
	Answer   string
	Proof    idclient.Session
	Client   netip.Addr
}

// Challenge is the error of a request that must be authenticated first: the client
// passes the next stage of one of Flows and sends the request again with the session.
// Reason, if set, says why what it sent did not pass. Captcha is what StageCaptcha asks,
// without an id unless it comes next; Terms what StageTerms does, nil where no flow has it.
type Challenge struct {
	Session   string
	Flows     Flows
	Completed []Stage
	Captcha   idclient.Challenge
	Terms     Terms
	Reason    error
}

func (c Challenge) Error() string { return "interactive authentication is needed" }

// Unwrap gives the reason.
func (c Challenge) Unwrap() error { return c.Reason }

// Why a stage was not passed.
var (
	ErrStage             = errors.New("not a stage that comes next in a flow")
	ErrUIASession        = errors.New("the session is unknown, has expired, was used already or is for another request")
	ErrRegistrationToken = errors.New("the registration token is unknown, used up or has expired")
)

// excusable are the errors after which the client may try the stage again.
func excusable(err error) bool {
	for _, reason := range []error{ErrStage, ErrUIASession, ErrRegistrationToken, ErrCredentials, ErrCaptcha, contact.ErrSession, contact.ErrNotValidated} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// Pass is a flow gone to its end, which Spend has yet to spend. Only Pass makes one.
type Pass struct {
	session string // empty: the client passed all at once
	token   []byte // MAC of the registration token that was shown
	terms   map[string]string
	proofs  []contact.Proof
}

// Pass tells whether auth completes a flow for the operation; the error is a Challenge
// when it does not, ErrNotOwner for another user's name, matrix.LimitExceeded after too many
// wrong passwords, and ErrIdentityServer. A stage that was passed stays so for the session.
func (a *Accounts) Pass(ctx context.Context, op Operation, auth *Auth) (Pass, error) {
	if auth == nil {
		return Pass{}, a.challenge(ctx, op, begun(op), nil)
	}
	s, err := a.resume(ctx, op, auth.Session)
	if err == nil {
		err = a.attempt(ctx, &s, *auth)
	}
	switch {
	case err != nil && !excusable(err):
		return Pass{}, err
	case err != nil || !a.flows(s).complete(s.completed):
		return Pass{}, a.challenge(ctx, op, s, err)
	}
	proofs, err := a.proofs(ctx, s)
	if err != nil {
		return Pass{}, a.Again(ctx, op, err)
	}
	return Pass{session: s.id, token: s.token, terms: s.kept.Terms, proofs: proofs}, nil
}

// Spend ends the session together with what it was for: in the transaction that does
// it, so that a session does one thing once and a failure leaves it alive. The error is
// ErrUIASession, ErrRegistrationToken or contact.ErrSession when another request came first;
// Again is for it.
func (a *Accounts) Spend(ctx context.Context, tx *store.Tx, p Pass) error {
	if p.session != "" {
		spent, err := deleteUIA(ctx, tx, a.sessions.Of(p.session), a.Now())
		if err != nil {
			return fmt.Errorf("spending an authentication session: %w", err)
		}
		if !spent {
			return ErrUIASession
		}
	}
	if err := a.spendProofs(ctx, tx, p.proofs); err != nil || p.token == nil {
		return err
	}
	used, err := useRegistrationToken(ctx, tx, p.token, a.Now())
	if err != nil {
		return fmt.Errorf("using a registration token: %w", err)
	}
	if !used {
		return ErrRegistrationToken
	}
	return nil
}

// Again is a fresh Challenge where err says that what the pass stood on is gone; any
// other err stays as it is.
func (a *Accounts) Again(ctx context.Context, op Operation, err error) error {
	gone := []error{ErrUIASession, ErrRegistrationToken}
	if purposes[op.Name] != "" { // whose pass may stand on an address
		gone = append(gone, contact.ErrSession, contact.ErrNotValidated, contact.ErrInUse)
	}
	for _, reason := range gone {
		if errors.Is(err, reason) {
			return a.challenge(ctx, op, begun(op), reason)
		}
	}
	return err
}

// Authenticated does what op names, once, if auth completes a flow for it.
func (a *Accounts) Authenticated(ctx context.Context, op Operation, auth *Auth, do func(*store.Tx) error) error {
	pass, err := a.Pass(ctx, op, auth)
	if err != nil {
		return err
	}
	err = a.ending(ctx, op.By.User, func(tx *store.Tx) error {
		if err := a.Spend(ctx, tx, pass); err != nil {
			return err
		}
		return do(tx)
	})
	return a.Again(ctx, op, err)
}

// attempt passes the stage that auth is for, unless it was passed before. Without a
// stage the client only asks how far it is.
func (a *Accounts) attempt(ctx context.Context, s *session, auth Auth) error {
	switch {
	case auth.Stage == "" || slices.Contains(s.completed, auth.Stage):
		return nil
	case !a.flows(*s).follows(s.completed, auth.Stage):
		return ErrStage
	}
	if err := a.judge(ctx, s, auth); err != nil || slices.Contains(s.completed, auth.Stage) {
		return err
	}
	return a.advance(ctx, s, auth.Stage)
}

// judge tells whether auth is what its stage asks for.
func (a *Accounts) judge(ctx context.Context, s *session, auth Auth) (err error) {
	switch auth.Stage {
	case StagePassword:
		return a.judgePassword(ctx, s.user, auth)
	case StageRegistrationToken:
		s.token, err = a.judgeToken(ctx, auth.Token)
	case StageCaptcha:
		err = a.judgeCaptcha(ctx, s, auth)
	case StageTerms:
		s.kept.Terms = a.Terms.versions()
	case StageEmail, StageMSISDN:
		err = a.judgeAddress(ctx, s, auth)
	}
	return err
}

func (a *Accounts) judgePassword(ctx context.Context, user matrix.UserID, auth Auth) error {
	if auth.Name != "" || !auth.Address.IsZero() {
		named, _, err := a.named(ctx, Credentials{Name: auth.Name, Address: auth.Address})
		if err != nil {
			return err
		}
		if named != user {
			return ErrNotOwner
		}
	}
	proof, err := a.provePassword(ctx, user, a.names.Of(user.String()), auth.Password)
	if err != nil {
		return err
	}
	if err := deleteAttempts(ctx, a.DB, proof.attempt); err != nil {
		return fmt.Errorf("forgiving failed logins: %w", err)
	}
	return nil
}

// flows are how a user shows who they are, and how somebody without an account does, or who
// has lost what lets them in.
func (a *Accounts) flows(s session) Flows {
	switch {
	case s.operation == OpResetPassword:
		return ofForgetful
	case s.user == "":
		return a.Flows
	}
	return ofOwner
}

// offered are those of the flows that a session is shown. What it has begun of another it may end.
func (a *Accounts) offered(s session) Flows {
	flows := a.flows(s)
	if s.user != "" || s.operation == OpResetPassword {
		return flows
	}
	return a.Offered()
}
