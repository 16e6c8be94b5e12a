package clientapi

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// tokenRequest is what all requestToken calls take. An id_server of the client's, and its
// token, are ignored, as the specification has it where the homeserver validates addresses.
// The members below im.signet are those of the identity server
// (docs/homeserver-integration.md).
type tokenRequest struct {
	Email        string         `json:"email"`
	PhoneNumber  string         `json:"phone_number"`
	Country      string         `json:"country"`
	ClientSecret string         `json:"client_secret" required:"true"`
	SendAttempt  mxhttp.Integer `json:"send_attempt" required:"true"`
	NextLink     string         `json:"next_link"`
	Language     string         `json:"im.signet.language"`
	Bind         bool           `json:"im.signet.bind"`
	Challenge    struct {
		ID     string `json:"id"`
		Answer string `json:"answer"`
	} `json:"im.signet.challenge"`
}

// address is what the code is sent to.
func (r tokenRequest) address(medium threepid.Medium) (threepid.Address, error) {
	if medium == threepid.Email {
		return threepid.ParseEmail(r.Email)
	}
	return threepid.ParsePhone(r.PhoneNumber, r.Country)
}

type tokenAnswer struct {
	SID       string `json:"sid"`
	SubmitURL string `json:"submit_url"`
}

// POST /_matrix/client/v3/register/{email,msisdn}/requestToken
func (a *API) requestRegisterToken(medium threepid.Medium) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(a.Accounts.Offered()) == 0 {
			return account.ErrRegistrationClosed
		}
		return a.requestToken(c, medium, idclient.Register, "")
	}
}

// POST /_matrix/client/v3/account/password/{email,msisdn}/requestToken
func (a *API) requestResetToken(medium threepid.Medium) echo.HandlerFunc {
	return func(c echo.Context) error { return a.requestToken(c, medium, idclient.Reset, "") }
}

// POST /_matrix/client/v3/account/3pid/{email,msisdn}/requestToken
//
// It needs no access token, and some clients send none: whoever has one is asked for as the
// user that they are.
func (a *API) requestAddToken(medium threepid.Medium) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !hasAccessToken(c) {
			return a.requestToken(c, medium, idclient.Add, "")
		}
		return a.limitedTo(byCodeOf, func(c echo.Context, by account.Device) error {
			return a.requestToken(c, medium, idclient.Add, by.User)
		})(c)
	}
}

func (a *API) requestToken(c echo.Context, medium threepid.Medium, purpose idclient.Purpose, user matrix.UserID) error {
	var r tokenRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	address, err := r.address(medium)
	if err != nil {
		return err
	}
	sid, err := a.Contacts.RequestToken(c.Request().Context(), contact.Wish{
		Purpose: purpose, Address: address, ClientSecret: r.ClientSecret, SendAttempt: int64(r.SendAttempt), NextLink: r.NextLink, User: user,
		Client: mxhttp.ClientAddr(c), Language: language(c, r.Language), Challenge: r.Challenge.ID, Answer: r.Challenge.Answer, Bind: r.Bind,
	})
	if err != nil {
		return fromIdentity(err, false)
	}
	return mxhttp.Reply(c, http.StatusOK, tokenAnswer{SID: sid, SubmitURL: a.submitURL(medium)})
}

// languageTag is one that is passed on (BCP 47).
var languageTag = regexp.MustCompile(`^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,7}$`)

// language is what the person reads, by name or else by what the client says first; empty
// where that is not known.
func language(c echo.Context, named string) string {
	if named == "" {
		named, _, _ = strings.Cut(c.Request().Header.Get("Accept-Language"), ",")
		named, _, _ = strings.Cut(named, ";")
		named = strings.TrimSpace(named)
	}
	if !languageTag.MatchString(named) {
		return ""
	}
	return named
}

// submitPath is where somebody submits a code who may have no account yet, and so no token for
// the identity server.
func submitPath(medium threepid.Medium) string {
	return "/_signet/v1/3pid/" + string(medium) + "/submitToken"
}

func (a *API) submitURL(medium threepid.Medium) string {
	return strings.TrimSuffix(a.PublicURL, "/") + submitPath(medium)
}

type submitRequest struct {
	SID          string `json:"sid" required:"true"`
	ClientSecret string `json:"client_secret" required:"true"`
	Token        string `json:"token" required:"true"`
}

type submitAnswer struct {
	Success bool `json:"success"`
}

// POST /_signet/v1/3pid/{email,msisdn}/submitToken
//
// It has the parameters and the answer of the identity service API's submitToken.
func (a *API) submitToken(medium threepid.Medium) echo.HandlerFunc {
	return func(c echo.Context) error {
		var r submitRequest
		if err := mxhttp.Decode(c, &r); err != nil {
			return err
		}
		session := idclient.Session{SID: r.SID, ClientSecret: r.ClientSecret}
		err := a.Contacts.SubmitToken(c.Request().Context(), medium, session, r.Token)
		if errors.Is(err, contact.ErrSession) {
			return mxhttp.Problem{Status: http.StatusNotFound, Code: matrix.NoValidSession, Message: contact.ErrSession.Error()}
		}
		if err != nil {
			return fromIdentity(err, false)
		}
		return mxhttp.Reply(c, http.StatusOK, submitAnswer{true})
	}
}
