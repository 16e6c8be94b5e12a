package page

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/verify"
)

// GET /_matrix/identity/v2/validate/{medium}/submitToken
//
// The specification's link for people. Unlike the link of our own messages it
// validates when it is opened: it says so there.
func (p *Pages) submitToken(c echo.Context) error {
	credentials, code, err := readSubmit(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	link, err := p.Verifier.SubmitAnyone(ctx, credentials, code)
	if err != nil {
		return p.failSubmit(c, err)
	}
	to := nextOf(link)
	if to != nil && p.origins[to.origin] {
		private(c, pagePolicy)
		return c.Redirect(http.StatusFound, to.URL)
	}
	proof, err := p.Verifier.ProveAnyone(ctx, credentials)
	if err != nil {
		return p.failSubmit(c, err)
	}
	return p.showVerified(c, verifiedPage{Address: readable(proof.Address()), Owner: proof.Purpose() == verify.Manage, Next: to})
}

func readSubmit(c echo.Context) (credentials verify.Credentials, code string, err error) {
	sid, sidErr := mxhttp.Query(c, "sid")
	secret, secretErr := mxhttp.Query(c, "client_secret")
	code, codeErr := mxhttp.Query(c, "token")
	err = errors.Join(sidErr, secretErr, codeErr)
	return verify.Credentials{SID: sid, ClientSecret: secret}, code, err
}

func (p *Pages) failSubmit(c echo.Context, err error) error {
	why, ok := refused(c, err)
	if !ok {
		return err
	}
	return p.showProblem(c, why)
}
