package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/store"
	"signet/internal/threepid"
)

// media are what the stages show to be somebody's.
var media = map[Stage]threepid.Medium{StageEmail: threepid.Email, StageMSISDN: threepid.MSISDN}

// purposes are what an address is shown for, by the operation.
var purposes = map[string]idclient.Purpose{OpRegister: idclient.Register, OpResetPassword: idclient.Reset}

// judgeAddress tells whether somebody has shown an address of the stage's medium to be theirs,
// in a session of an identity server that this homeserver asked for, for what they do here.
func (a *Accounts) judgeAddress(ctx context.Context, s *session, auth Auth) error {
	if a.Contacts == nil {
		return ErrStage
	}
	proof, err := a.prove(ctx, s.operation, auth.Stage, auth.Proof)
	if err != nil {
		return err
	}
	s.kept.Proofs = maps.Clone(s.kept.Proofs)
	if s.kept.Proofs == nil {
		s.kept.Proofs = map[Stage]idclient.Session{}
	}
	s.kept.Proofs[auth.Stage] = auth.Proof
	s.proofs = map[Stage]contact.Proof{auth.Stage: proof}
	return nil
}

// prove is what was shown in a session of an identity server. The errors are
// contact.ErrSession, contact.ErrNotValidated, ErrIdentityServer and matrix.LimitExceeded.
func (a *Accounts) prove(ctx context.Context, operation string, stage Stage, named idclient.Session) (contact.Proof, error) {
	proof, err := a.Contacts.Prove(ctx, named, purposes[operation], "")
	switch {
	case errors.Is(err, contact.ErrUnknown): // as of an account that has ended
		return contact.Proof{}, contact.ErrSession
	case errors.Is(err, contact.ErrSession), errors.Is(err, contact.ErrNotValidated):
		return contact.Proof{}, err
	case err != nil:
		return contact.Proof{}, away(err)
	case proof.Address().Medium() != media[stage]:
		return contact.Proof{}, contact.ErrSession
	}
	return proof, nil
}

// proofs are what a session has to spend: that which was shown in this request, and that which
// was shown in former ones once more.
func (a *Accounts) proofs(ctx context.Context, s session) (all []contact.Proof, err error) {
	for _, stage := range slices.Sorted(maps.Keys(s.kept.Proofs)) {
		proof, shown := s.proofs[stage]
		if !shown {
			if proof, err = a.prove(ctx, s.operation, stage, s.kept.Proofs[stage]); err != nil {
				return nil, err
			}
		}
		all = append(all, proof)
	}
	return all, nil
}

// spendProofs uses the addresses up that were shown.
func (a *Accounts) spendProofs(ctx context.Context, tx *store.Tx, proofs []contact.Proof) error {
	for _, proof := range proofs {
		if err := a.Contacts.Spend(ctx, tx, proof); err != nil {
			return fmt.Errorf("spending what was shown of an address: %w", err)
		}
	}
	return nil
}

// addContacts gives a new account the addresses that were shown for it.
func (a *Accounts) addContacts(ctx context.Context, tx *store.Tx, user matrix.UserID, proofs []contact.Proof) error {
	for _, proof := range proofs {
		if err := a.Contacts.Add(ctx, tx, user, proof); err != nil {
			return fmt.Errorf("adding an address to a new account: %w", err)
		}
	}
	return nil
}

// owner is who has an address; nobody where no account has it.
func (a *Accounts) owner(ctx context.Context, address threepid.Address) (matrix.UserID, error) {
	if a.Contacts == nil {
		return "", nil
	}
	owner, err := a.Contacts.Owner(ctx, address)
	if errors.Is(err, contact.ErrUnknown) {
		return "", nil
	}
	return owner, err
}
