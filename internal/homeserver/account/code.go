package account

import (
	"context"
	"fmt"
	"maps"
	"net/netip"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/threepid"
)

// CodeWish is a wish of somebody who passes StageEmail or StageMSISDN on a page, where there is
// no client that has a code sent.
type CodeWish struct {
	Stage    Stage
	Session  string
	Address  threepid.Address // zero: that of the last wish once more
	Client   netip.Addr       // where the person is; zero where that is not known
	Language string           // BCP 47; empty where that is not known
	Bind     bool             // who signs up wants to be found by the address; not of a last wish once more
}

// sentCode is a code that was sent for a session.
type sentCode struct {
	Address string // in its canonical form
	Proof   idclient.Session
	Attempt int64
	Bind    bool
}

// SendCode has a code sent to an address, for a session whose next stage asks for one. The CAPTCHA
// that was solved in the session counts for the message too. Errors are ErrUIASession, ErrStage,
// and those of contact.RequestToken.
func (a *Accounts) SendCode(ctx context.Context, w CodeWish) error {
	s, err := a.addressStage(ctx, w.Session, w.Stage)
	if err != nil {
		return err
	}
	before := s.kept.Sent[w.Stage]
	if w.Address.IsZero() {
		if w.Address, err = threepid.Parse(string(media[w.Stage]), before.Address); err != nil {
			return ErrStage
		}
		w.Bind = before.Bind
	}
	if w.Address.Medium() != media[w.Stage] {
		return ErrStage
	}
	if before.Address != w.Address.String() || before.Bind != w.Bind {
		before = sentCode{Address: w.Address.String(), Proof: idclient.Session{ClientSecret: newToken()}, Bind: w.Bind}
	}
	before.Attempt++
	before.Proof.SID, err = a.Contacts.RequestToken(ctx, contact.Wish{
		Purpose: purposes[s.operation], Address: w.Address, ClientSecret: before.Proof.ClientSecret, SendAttempt: before.Attempt,
		Client: w.Client, Language: w.Language, Challenge: s.captcha.ID, Bind: w.Bind,
	})
	if err != nil {
		return err
	}
	return a.keepSent(ctx, s, w.Stage, &before)
}

// EnterCode passes the stage by the code that SendCode had sent, or, for an empty one, by the
// link of the message. Errors are ErrUIASession, ErrStage, those of contact.SubmitToken, and
// those of PassStage.
func (a *Accounts) EnterCode(ctx context.Context, id string, stage Stage, code string) error {
	s, err := a.addressStage(ctx, id, stage)
	if err != nil {
		return err
	}
	sent, is := s.kept.Sent[stage]
	if !is {
		return ErrStage
	}
	if code != "" {
		if err := a.Contacts.SubmitToken(ctx, media[stage], sent.Proof, code); err != nil {
			return err
		}
	}
	return a.PassStage(ctx, Auth{Stage: stage, Session: id, Proof: sent.Proof})
}

// ForgetCode has the page ask for an address again. The errors are ErrUIASession and ErrStage.
func (a *Accounts) ForgetCode(ctx context.Context, id string, stage Stage) error {
	s, err := a.addressStage(ctx, id, stage)
	if err != nil {
		return err
	}
	return a.keepSent(ctx, s, stage, nil)
}

// addressStage is a session that asks for an address next.
func (a *Accounts) addressStage(ctx context.Context, id string, stage Stage) (session, error) {
	s, err := a.session(ctx, id)
	if err != nil {
		return session{}, err
	}
	if media[stage] == "" || a.Contacts == nil || !a.flows(s).follows(s.completed, stage) {
		return session{}, ErrStage
	}
	return s, nil
}

// keepSent keeps what was sent, nil for nothing, with the session. Where a stage was passed in
// the same moment there is nothing left to keep it for.
func (a *Accounts) keepSent(ctx context.Context, s session, stage Stage, sent *sentCode) error {
	s.kept.Sent = maps.Clone(s.kept.Sent)
	if s.kept.Sent == nil {
		s.kept.Sent = map[Stage]sentCode{}
	}
	delete(s.kept.Sent, stage)
	if sent != nil {
		s.kept.Sent[stage] = *sent
	}
	mac := a.sessions.Of(s.id)
	if _, err := updateUIA(ctx, a.DB, mac, s.completed, s, a.sealKept(mac, s.kept)); err != nil {
		return fmt.Errorf("keeping what was sent: %w", err)
	}
	return nil
}
