package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/verify"
	"signet/verify/captcha"
)

// stepPage is a CAPTCHA between the wish for a message and the message.
type stepPage struct {
	waiting
	Challenge challenge
}

// showStep shows the CAPTCHA that stands before the message of w. Who answered one
// already did so wrongly, or too late.
func (p *Pages) showStep(c echo.Context, w waiting, found captcha.Challenge) error {
	status, wrong := http.StatusOK, w.answer.ID != ""
	if wrong {
		status = http.StatusBadRequest
	}
	return p.render(c, status, stepName, stepPage{waiting: w, Challenge: challengeOf(c, found, wrong)})
}

// POST /_signet/verify/captcha
func (p *Pages) answerStep(c echo.Context) error {
	w, f, err := readWaiting(c)
	if err != nil {
		return err
	}
	if f["captcha"] == "" {
		return errForm
	}
	w.answer = verify.Answer{ID: f["captcha"], Text: f["answer"]}
	return p.send(c, w)
}

// POST /_signet/verify/captcha/another
//
// The one before stays good, for who has it open elsewhere.
func (p *Pages) anotherStep(c echo.Context) error {
	w, _, err := readWaiting(c)
	if err != nil {
		return err
	}
	w.other = true
	return p.send(c, w)
}
