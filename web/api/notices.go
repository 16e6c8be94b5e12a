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

var errNoticeID = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
	Message: "notice_id must be 1 to 64 characters of 0-9 A-Z a-z . = _ -"}

type noticeRequest struct {
	stamp
	Medium    string      `json:"medium" required:"true"`
	Address   string      `json:"address" required:"true"`
	Kind      notice.What `json:"kind" required:"true"`
	UserID    string      `json:"user_id" required:"true"`
	Device    string      `json:"device"`     // as whoever did it calls theirs
	ID        string      `json:"notice_id"`  // empty: none
	LoginTS   int64       `json:"login_ts"`   // of a login; 0: now
	ChangedTS int64       `json:"changed_ts"` // of all else; 0: now
	person
}

// POST /_signet/v1/notices
//
// A homeserver has the owner of an address told of a login to their account, of its new
// password, or of an address that came or went. It is no way to write to anybody: the owner has shown the address to that homeserver.
func (a *API) notice(c echo.Context, server matrix.ServerName) error {
	var r noticeRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	incident, err := r.incident(c, server)
	if err != nil {
		return err
	}
	if err := a.once(c, caller.Homeserver(server), r.stamp); err != nil {
		return err
	}
	if err := a.Notices.Happened(c.Request().Context(), incident); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

const maxNoticeID = 64

func (r noticeRequest) incident(c echo.Context, server matrix.ServerName) (in notice.Incident, err error) {
	if r.ID != "" && (len(r.ID) > maxNoticeID || !matrix.ValidOpaque(r.ID)) {
		return in, errNoticeID
	}
	in = notice.Incident{What: r.Kind, Homeserver: server, ID: r.ID, At: r.at(), Device: r.Device, Language: r.Language}
	var addressErr, userErr, clientErr error
	in.Address, addressErr = threepid.Parse(r.Medium, r.Address)
	in.User, userErr = matrix.ParseUserID(r.UserID)
	in.Client, clientErr = r.client(c, caller.Homeserver(server))
	if err := errors.Join(addressErr, userErr, clientErr); err != nil {
		return in, err
	}
	if in.User.Server() != server {
		return in, forbidden("a homeserver can have its own users told only")
	}
	return in, nil
}

// at is when it was; zero where the request does not say.
func (r noticeRequest) at() (at time.Time) {
	ms := r.ChangedTS
	if r.Kind == notice.Login {
		ms = r.LoginTS
	}
	if ms != 0 {
		at = time.UnixMilli(ms)
	}
	return at
}
