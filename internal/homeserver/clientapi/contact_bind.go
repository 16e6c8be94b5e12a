package clientapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

type bindRequest struct {
	IDServer      string `json:"id_server" required:"true"`
	IDAccessToken string `json:"id_access_token"` // only who signed up with the session needs none
	SID           string `json:"sid" required:"true"`
	ClientSecret  string `json:"client_secret" required:"true"`
}

// POST /_matrix/client/v3/account/3pid/bind
func (a *API) bindContact(c echo.Context, by account.Device) error {
	var r bindRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.bind(c, by.User, r)
}

type bindAsBeforeRequest struct {
	Credentials bindRequest `json:"three_pid_creds" required:"true"`
}

// POST /_matrix/client/v3/account/3pid
//
// It is deprecated, and equivalent to bind.
func (a *API) bindContactAsBefore(c echo.Context, by account.Device) error {
	var r bindAsBeforeRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	return a.bind(c, by.User, r.Credentials)
}

func (a *API) bind(c echo.Context, user matrix.UserID, r bindRequest) error {
	err := a.Contacts.Bind(c.Request().Context(), contact.Binding{
		User: user, IDServer: r.IDServer, Token: r.IDAccessToken, Session: idclient.Session{SID: r.SID, ClientSecret: r.ClientSecret},
	})
	if err != nil {
		return fromIdentity(err, true)
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}

type unbindRequest struct {
	IDServer string `json:"id_server"`
	Medium   string `json:"medium" required:"true"`
	Address  string `json:"address" required:"true"`
}

type unbindAnswer struct {
	Unbound string `json:"id_server_unbind_result"`
}

// unboundAnswer tells whether nobody is found by what was to be unbound, as far as is known.
func unboundAnswer(unbound bool) unbindAnswer {
	if unbound {
		return unbindAnswer{"success"}
	}
	return unbindAnswer{"no-support"}
}

// POST /_matrix/client/v3/account/3pid/unbind
func (a *API) unbindContact(c echo.Context, by account.Device) error {
	r, address, err := decodeUnbind(c)
	if err != nil {
		return err
	}
	ctx, cancel := patient(c)
	defer cancel()
	return replyUnbound(c, a.Contacts.Unbind(ctx, by.User, r.IDServer, address))
}

// replyUnbound tells what has become of a wish to be unbound. What is to be unbound later is
// not unbound yet.
func replyUnbound(c echo.Context, err error) error {
	switch {
	case errors.Is(err, contact.ErrLater):
		mxhttp.Log(c).Warn("unbinding an address", "error", err)
	case err != nil && !errors.Is(err, contact.ErrNoSupport):
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, unboundAnswer(err == nil))
}

func decodeUnbind(c echo.Context) (r unbindRequest, address threepid.Address, err error) {
	if err := mxhttp.Decode(c, &r); err != nil {
		return r, address, err
	}
	address, err = threepid.Restore(r.Medium, r.Address)
	return r, address, err
}

// POST /_matrix/client/v3/account/3pid/delete
//
// The address is the account's no longer, whatever becomes of it at an identity server.
func (a *API) deleteContact(c echo.Context, by account.Device) error {
	r, address, err := decodeUnbind(c)
	if err != nil {
		return err
	}
	ctx, cancel := patient(c)
	defer cancel()
	return replyUnbound(c, a.Contacts.Delete(ctx, newsOf(c, by), r.IDServer, address))
}

// patience is how long a client waits for identity servers to unbind. What is not done by then
// is done later, with no client to wait for it.
const patience = 10 * time.Second

// patient lets what was begun end also where the client has gone.
func patient(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.Request().Context()), patience)
}

// farewell has identity servers told that nobody is to find somebody any more, and tells whether
// they were all. Those that were not are told later, with no client to wait for it.
func (a *API) farewell(c echo.Context, user matrix.UserID) (gone bool) {
	ctx, cancel := patient(c)
	defer cancel()
	gone, err := a.Contacts.Farewell(ctx, user)
	if err != nil {
		mxhttp.Log(c).Warn("unbinding the addresses of an account that has ended", "error", err)
	}
	return gone
}
