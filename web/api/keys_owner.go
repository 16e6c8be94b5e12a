package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// POST /_signet/v1/keys/monitor
func (a *API) keysMonitor(c echo.Context, user matrix.UserID) error {
	var r keysHistoryRequest
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
