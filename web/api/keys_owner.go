package api

import (
	"context"
	"math"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/keys/entry"
	"signet/keys/people"
	"signet/keys/proof"
	"signet/verify"
)

type keysOfOwnerRequest struct {
	proofRequest
	Label    string `json:"label"` // of a session: that of its address's keys if not given
	LastSize int64  `json:"last_size"`
}

type keysHistoryRequest struct {
	keysOfOwnerRequest
	From  int64 `json:"from"`  // the version with which the page begins
	Limit int64 `json:"limit"` // how many versions it has at most; 0: as many as a page can have
}

// page is the part of the history that is asked for.
func (r keysHistoryRequest) page() (people.Page, error) {
	if r.From < 0 || r.From > math.MaxUint32 || r.Limit < 0 {
		return people.Page{}, people.ErrPage
	}
	return people.Page{From: uint32(r.From), Limit: int(min(r.Limit, proof.MaxVersions))}, nil
}

// POST /_signet/v1/keys/history
func (a *API) keysHistory(c echo.Context, user matrix.UserID) error {
	var r keysHistoryRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	page, err := r.page()
	if err != nil {
		return err
	}
	label, err := a.ownLabel(c.Request().Context(), r.keysOfOwnerRequest, user)
	if err != nil {
		return err
	}
	if err := a.People.AskHistory(c.Request().Context(), keysAskerOf(c, caller.Account(user)), label, page); err != nil {
		return err
	}
	history, err := a.People.History(c.Request().Context(), label, page, r.LastSize)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, history)
}

// POST /_signet/v1/keys/monitor
func (a *API) keysMonitor(c echo.Context, user matrix.UserID) error {
	var r keysOfOwnerRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	label, err := a.ownLabel(c.Request().Context(), r, user)
	if err != nil {
		return err
	}
	if err := a.People.Ask(c.Request().Context(), keysAskerOf(c, caller.Account(user))); err != nil {
		return err
	}
	m, err := a.People.Monitor(c.Request().Context(), label, r.LastSize)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, m)
}

// ownLabel is the label that is asked for, which must be of what the caller has proven: its
// keys, or who is bound to it.
func (a *API) ownLabel(ctx context.Context, r keysOfOwnerRequest, user matrix.UserID) (entry.Label, error) {
	if r.SID == "" {
		own, err := entry.UserLabel(user)
		if err == nil && r.Label != "" && r.Label != own.String() {
			err = people.ErrRight
		}
		return own, err
	}
	p, err := a.Verifier.Prove(ctx, verify.Credentials{SID: r.SID, ClientSecret: r.ClientSecret}, verify.Account(user))
	if err != nil {
		return entry.Label{}, err
	}
	own, err := entry.AddressLabel(p.Address())
	if err != nil || r.Label == "" || r.Label == own.String() {
		return own, err
	}
	binding, err := entry.BindingLabel(p.Address())
	if err == nil && r.Label != binding.String() {
		err = people.ErrRight
	}
	return binding, err
}

// DELETE /_signet/v1/keys/subject
//
// The keys are those of the caller's own user id or, with a session, of its address, whose
// binding stays.
func (a *API) keysErase(c echo.Context, user matrix.UserID) error {
	var r proofRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := a.People.Attempt(c.Request().Context(), keysAskerOf(c, caller.Account(user))); err != nil {
		return err
	}
	right, err := a.rightOf(c.Request().Context(), r, user)
	if err != nil {
		return err
	}
	if err := a.People.EraseKeys(c.Request().Context(), right); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
