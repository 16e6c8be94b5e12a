package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/verify"
)

// codePage waits for the code of a session.
type codePage struct {
	waiting
	Trouble refusal
	Resent  bool
	Start   string // where one begins again
	Owner   bool   // the link in the message opens no page, but this session
}

func (p *Pages) showCode(c echo.Context, w waiting, why refusal) error {
	return p.render(c, why.status, codeName, codePage{
		waiting: w, Trouble: why, Resent: w.Attempt > 1 && why.Is == "", Start: withLanguage(w.flow.start, c), Owner: w.flow.purpose == verify.Manage,
	})
}

// fail shows the code page again for what a person can mend there. A session that
// is not known any more has no code page.
func (p *Pages) fail(c echo.Context, w waiting, err error) error {
	why, ok := refused(c, err)
	switch {
	case !ok:
		return err
	case why.Is == noSession:
		return p.showProblem(c, why)
	}
	return p.showCode(c, w, why)
}

// POST /_signet/verify/code
func (p *Pages) submitCode(c echo.Context) error {
	w, f, err := readWaiting(c)
	if err != nil {
		return err
	}
	if err := p.Verifier.Submit(c.Request().Context(), w.credentials(), verify.Page, f["code"]); err != nil {
		return p.fail(c, w, err)
	}
	proof, err := p.Verifier.ProveAnyone(c.Request().Context(), w.credentials())
	if err != nil {
		return p.fail(c, w, err)
	}
	return w.flow.done(p, c, w, proof)
}

// POST /_signet/verify/again
func (p *Pages) sendAgain(c echo.Context) error {
	w, _, err := readWaiting(c)
	if err != nil {
		return err
	}
	w.Attempt++
	return p.send(c, w)
}

// POST /_signet/verify/edit
func (p *Pages) edit(c echo.Context) error {
	w, _, err := readWaiting(c)
	if err != nil {
		return err
	}
	w.typed.Trouble = refusal{status: http.StatusOK}
	return w.flow.ask(p, c, w.address.Medium(), w.typed)
}
