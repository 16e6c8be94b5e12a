package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/verify"
)

// stopPage is for the owner of an address who did not ask for a message: it tells what
// was asked, and ends it.
type stopPage struct {
	asked
	Address    string
	Existing   bool      // its message told of an account, and had no code
	Suppressed time.Time // until when nothing is sent there; zero: messages are sent
	Path       string    // of the page itself
}

// GET /n/{token}
//
// It is short, since text messages carry it, and changes nothing, as programs open
// every link.
func (p *Pages) stop(c echo.Context) error { return p.atStop(c, p.Verifier.StopPage) }

// POST /n/{token}
func (p *Pages) end(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	return p.atStop(c, func(ctx context.Context, token string) (verify.Stopped, error) {
		return p.Verifier.Stop(ctx, token, f["silence"] != "")
	})
}

// POST /n/{token}/allow
func (p *Pages) allow(c echo.Context) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	return p.atStop(c, p.Verifier.Unsilence)
}

// atStop does what is asked for with a token, and shows how things stand then.
func (p *Pages) atStop(c echo.Context, do func(ctx context.Context, token string) (verify.Stopped, error)) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	s, err := do(c.Request().Context(), token)
	if errors.Is(err, verify.ErrNoLink) {
		return p.showProblem(c, refusal{Is: noStop, status: http.StatusNotFound})
	}
	if err != nil {
		return err
	}
	name := stopName
	if s.Stopped {
		name = stoppedName
	}
	return p.render(c, http.StatusOK, name, stopPage{
		asked: asked{Purpose: s.Purpose, Asker: s.Asker}, Address: readable(s.Address), Existing: s.Existing, Suppressed: utc(s.Suppressed), Path: StopPath(token),
	})
}

// utc is t for a page; the zero time stays one.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// allowSuffix follows the path of a token where messages are allowed again.
const allowSuffix = "/allow"

// GET /n/{token}/allow
//
// What a browser asks for when somebody returns to the address of the answer.
func (p *Pages) backToStop(c echo.Context) error {
	token, err := mxhttp.Segment(c, "token")
	if err != nil {
		return err
	}
	private(c, pagePolicy)
	return c.Redirect(http.StatusSeeOther, withLanguage(StopPath(token), c))
}
