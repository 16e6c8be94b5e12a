package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/lookup/notice"
)

// loginKind is the kind of a notice about a login, the only one that homeservers have sent.
const loginKind = "login"

var (
	errNoticeKind = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
		Message: "kind must be " + loginKind}
	errNoticeID = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
		Message: "notice_id must be 1 to 64 characters of 0-9 A-Z a-z . = _ -"}
)

type noticeRequest struct {
	stamp
	Medium  string `json:"medium" required:"true"`
	Address string `json:"address" required:"true"`
	Kind    string `json:"kind" required:"true"`
	UserID  string `json:"user_id" required:"true"`
	Device  string `json:"device"`    // as whoever logged in calls it
	ID      string `json:"notice_id"` // empty: none
	LoginTS int64  `json:"login_ts"`  // 0: now
	person
}

// POST /_signet/v1/notices
//
// A homeserver has the owner of an address told of a login to their account. It is no way to
// write to anybody: the owner has shown the address to that homeserver.
func (a *API) notice(c echo.Context, server matrix.ServerName) error {
	var r noticeRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	login, err := r.login(c, server)
	if err != nil {
		return err
	}
	if err := a.once(c, caller.Homeserver(server), r.stamp); err != nil {
		return err
	}
	if err := a.Notices.LoggedIn(c.Request().Context(), login); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

const maxNoticeID = 64

func (r noticeRequest) login(c echo.Context, server matrix.ServerName) (l notice.Login, err error) {
	switch {
	case r.Kind != loginKind:
		return l, errNoticeKind
	case r.ID != "" && (len(r.ID) > maxNoticeID || !matrix.ValidOpaque(r.ID)):
		return l, errNoticeID
	}
	l = notice.Login{Homeserver: server, ID: r.ID, Device: r.Device, Language: r.Language}
	if r.LoginTS != 0 {
		l.At = time.UnixMilli(r.LoginTS)
	}
	var addressErr, userErr, clientErr error
	l.Address, addressErr = threepid.Parse(r.Medium, r.Address)
	l.User, userErr = matrix.ParseUserID(r.UserID)
	l.Client, clientErr = r.client(c, caller.Homeserver(server))
	if err := errors.Join(addressErr, userErr, clientErr); err != nil {
		return l, err
	}
	if l.User.Server() != server {
		return l, forbidden("a homeserver can have its own users told only")
	}
	return l, nil
}
