package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// accountHandler answers a call made with an account's token.
type accountHandler func(c echo.Context, user matrix.UserID) error

// forAccount lets in accounts that have accepted the terms.
func (a *API) forAccount(handle accountHandler) echo.HandlerFunc {
	return a.forAnyAccount(func(c echo.Context, user matrix.UserID) error {
		if err := a.Gate.CheckTerms(c.Request().Context(), user); err != nil {
			return err
		}
		return handle(c, user)
	})
}

// forAnyAccount lets in every account.
func (a *API) forAnyAccount(handle accountHandler) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, err := mxhttp.Bearer(c)
		if err != nil {
			return err
		}
		user, err := a.Gate.Account(c.Request().Context(), token)
		if err != nil {
			return err
		}
		mxhttp.SetCaller(c, "account")
		return handle(c, user)
	}
}

// callerHandler answers a call that an account or a homeserver may make.
type callerHandler func(c echo.Context, who caller.Caller) error

// forCaller lets in accounts that have accepted the terms, and homeservers by their
// signature over the body as sent. The terms are for people: servers have none to
// accept.
func (a *API) forCaller(handle callerHandler) echo.HandlerFunc {
	account := a.forAccount(func(c echo.Context, user matrix.UserID) error {
		return handle(c, caller.Account(user))
	})
	homeserver := a.forHomeserver(func(c echo.Context, server matrix.ServerName) error {
		return handle(c, caller.Homeserver(server))
	})
	return func(c echo.Context) error {
		if slices.ContainsFunc(authorizations(c), matrix.IsXMatrix) {
			return homeserver(c)
		}
		return account(c)
	}
}

// forHomeserver lets in homeservers alone, by their signature.
func (a *API) forHomeserver(handle func(c echo.Context, server matrix.ServerName) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		server, err := a.signer(c, "", func() ([]byte, error) { return mxhttp.Body(c) })
		if err != nil {
			return err
		}
		return handle(c, server)
	}
}

// signer returns the homeserver that signed the request, which must be origin where one
// is given. Headers that cannot let anybody in are refused before the body is read.
func (a *API) signer(c echo.Context, origin matrix.ServerName, body func() ([]byte, error)) (matrix.ServerName, error) {
	mxhttp.SetCaller(c, "homeserver")
	return a.Gate.Homeserver(c.Request().Context(), caller.SignedCall{
		Authorization: authorizations(c),
		Origin:        origin,
		Method:        c.Request().Method,
		URI:           signedURI(c.Request()),
		Body:          body,
		Network:       mxhttp.ClientNetwork(c),
	})
}

// authorizations is the values of the Authorization headers: a server may send a
// signature in each.
func authorizations(c echo.Context) []string {
	return c.Request().Header.Values(echo.HeaderAuthorization)
}

// signedURI is the path and query of a request as they were sent, also where the
// request line holds a whole URL (RFC 9112, section 3.2.2).
func signedURI(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// stamp is what makes one signed call differ from its repetition, in the body of
// our own calls, by embedding.
type stamp struct {
	TS    int64  `json:"im.signet.ts"`
	Nonce string `json:"im.signet.nonce"`
}

// once lets a homeserver's signed call through one time. A token is not replayed by
// those who have seen a request: an account needs no stamp.
func (a *API) once(c echo.Context, who caller.Caller, s stamp) error {
	if _, ok := who.Account(); ok {
		return nil
	}
	return withTime(a.Gate.Now(), a.Gate.Once(c.Request().Context(), who.Homeserver, time.UnixMilli(s.TS), s.Nonce))
}
