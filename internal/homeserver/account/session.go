package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// session is how far somebody has come in authenticating. Without an id it is not
// stored yet.
type session struct {
	id        string
	operation string
	user      matrix.UserID // empty for a registration
	binding   []byte        // what ties it to one request
	completed []Stage       // in their order
	token     []byte        // MAC of the registration token that was shown, nil for none
	captcha   idclient.Challenge
	kept      kept
	proofs    map[Stage]contact.Proof // of what was shown in this request
}

// begun is a session that nothing was done in.
func begun(op Operation) session { return session{operation: op.Name, user: op.By.User} }

// kept is what a session keeps of its stages for what it is opened for. The database has it
// sealed.
type kept struct {
	Terms  map[string]string          `json:"terms,omitempty"` // versions that were accepted, by document
	Proofs map[Stage]idclient.Session `json:"proofs,omitempty"`
	Sent   map[Stage]sentCode         `json:"sent,omitempty"` // from pages
}

func (a *Accounts) sealKept(mac []byte, k kept) []byte {
	text, err := json.Marshal(k, json.Deterministic(true))
	if err != nil {
		panic(err) // only for what is not JSON
	}
	return a.stageBox.Seal(text, mac)
}

// openKept is the inverse of sealKept; a session without any has kept nothing.
func (a *Accounts) openKept(mac, sealed []byte) (k kept, err error) {
	if sealed == nil {
		return k, nil
	}
	text, err := a.stageBox.Open(sealed, mac)
	if err != nil {
		return k, err
	}
	return k, json.Unmarshal(text, &k)
}

// binding is a tag of the session and of all that the operation is. Without the
// session, which the server does not keep, it tells nothing of a password among them.
func (a *Accounts) binding(id string, op Operation) []byte {
	parts := []string{id, op.Name, op.By.User.String(), string(op.By.ID)}
	return a.sessions.Of(append(parts, op.Params...)...)
}

// resume finds the session of that id, or begins one for no id. The error is
// ErrUIASession, and the session a new one, where there is none for the operation.
func (a *Accounts) resume(ctx context.Context, op Operation, id string) (session, error) {
	fresh := begun(op)
	if id == "" {
		return fresh, nil
	}
	s, err := a.session(ctx, id)
	if err != nil {
		return fresh, err
	}
	if !slices.Equal(s.binding, a.binding(id, op)) {
		return fresh, ErrUIASession
	}
	return s, nil
}

// session finds a live session. The error is ErrUIASession.
func (a *Accounts) session(ctx context.Context, id string) (session, error) {
	mac := a.sessions.Of(id)
	s, sealed, err := selectUIA(ctx, a.DB, mac, a.Now())
	if err == nil {
		s.kept, err = a.openKept(mac, sealed)
	}
	if err != nil && !errors.Is(err, ErrUIASession) {
		return session{}, fmt.Errorf("reading an authentication session: %w", err)
	}
	s.id = id
	return s, err
}

// advance adds a stage to those that are completed. When another request has added one
// in the same moment, the session is as that left it.
func (a *Accounts) advance(ctx context.Context, s *session, passed Stage) error {
	before := s.completed
	s.completed = append(slices.Clone(before), passed)
	if s.id == "" {
		return nil
	}
	mac := a.sessions.Of(s.id)
	changed, err := updateUIA(ctx, a.DB, mac, before, *s, a.sealKept(mac, s.kept))
	if err != nil {
		return fmt.Errorf("completing a stage: %w", err)
	}
	if changed {
		return nil
	}
	*s, err = a.session(ctx, s.id)
	return err
}

// challenge asks for the next stage, in a new session if s is none yet.
func (a *Accounts) challenge(ctx context.Context, op Operation, s session, reason error) error {
	if err := a.withCaptcha(ctx, &s, op.Showing); err != nil {
		return err
	}
	if s.id == "" {
		s.id = newToken()
		s.binding = a.binding(s.id, op)
		mac := a.sessions.Of(s.id)
		if err := insertUIA(ctx, a.DB, mac, s, a.sealKept(mac, s.kept), a.Now().Add(uiaLife)); err != nil {
			return fmt.Errorf("opening an authentication session: %w", err)
		}
	}
	return a.question(s, reason)
}

// question is what a session asks.
func (a *Accounts) question(s session, reason error) Challenge {
	flows := a.offered(s)
	asked := Challenge{Session: s.id, Flows: flows, Completed: s.completed, Reason: reason}
	if flows.follows(s.completed, StageCaptcha) {
		asked.Captcha = s.captcha
	}
	if slices.Contains(flows.Stages(), StageTerms) {
		asked.Terms = a.Terms
	}
	return asked
}

// Progress is a session as a page for people shows it.
type Progress struct {
	Operation string
	User      matrix.UserID // empty for a registration
	Completed bool          // the stage that was asked for
	Next      bool          // it is
	Captcha   idclient.Challenge
	Terms     Terms
	SentTo    string // the address that a code was sent to from a page, for the stage
}

// Progress tells how a session stands with a stage, and what is to be shown for it. The errors
// are ErrUIASession, ErrIdentityServer and matrix.LimitExceeded, where there is no CAPTCHA left,
// and those of showing, which is as in an Operation.
func (a *Accounts) Progress(ctx context.Context, id string, stage Stage, showing func() error) (Progress, error) {
	s, err := a.session(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	if stage == StageCaptcha {
		err = a.withCaptcha(ctx, &s, showing)
	}
	asked := a.question(s, nil)
	return Progress{
		Operation: s.operation,
		User:      s.user,
		Completed: slices.Contains(s.completed, stage),
		Next:      asked.Flows.follows(s.completed, stage),
		Captcha:   asked.Captcha,
		Terms:     asked.Terms,
		SentTo:    s.kept.Sent[stage].Address,
	}, err
}

// PassStage passes a stage of a session beside the request that it is for, as a page
// does. The errors are ErrUIASession, ErrStage, ErrCredentials, ErrRegistrationToken,
// ErrCaptcha, ErrIdentityServer and matrix.LimitExceeded.
func (a *Accounts) PassStage(ctx context.Context, auth Auth) error {
	s, err := a.session(ctx, auth.Session)
	if err != nil {
		return err
	}
	return a.attempt(ctx, &s, auth)
}

// OfferedStages are those that a challenge may ask for.
func (a *Accounts) OfferedStages() []Stage {
	all := slices.Concat(a.Flows, ofOwner)
	if a.Contacts != nil {
		all = append(all, ofForgetful...)
	}
	return all.Stages()
}
