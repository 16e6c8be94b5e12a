package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/verify"
	"signet/verify/captcha"
)

const captchaPath = "/_signet/v1/captcha"

// challenge is a CAPTCHA as clients meet it: url is a page where it can be passed, the
// other two are for clients that show it themselves.
type challenge struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	ImageURL  string `json:"image_url"`
	AudioURL  string `json:"audio_url"`
	ExpiresAt int64  `json:"expires_at"`
}

// challengeAnswer is what came of one: with an answer, or without where it was passed
// elsewhere.
type challengeAnswer struct {
	ID     string `json:"id"`
	Answer string `json:"answer"`
}

func (a *API) challenge(c captcha.Challenge) challenge {
	page := a.ChallengeURL(c.ID)
	return challenge{ID: c.ID, URL: page, ImageURL: page + "/image", AudioURL: page + "/audio", ExpiresAt: c.Expires.UnixMilli()}
}

// captchaNeeded is M_CAPTCHA_NEEDED. Its text holds the page's address: it is all that a
// client shows which does not know our members.
func (a *API) captchaNeeded(needed verify.CaptchaNeeded) mxhttp.Problem {
	view := a.challenge(needed.Challenge)
	return mxhttp.Problem{
		Status:  http.StatusForbidden,
		Code:    matrix.CaptchaNeeded,
		Message: needed.Error() + ". Open " + view.URL + " and then try again here.",
		Extra:   map[string]any{"im.signet.challenge": view},
	}
}

type newChallengeRequest struct{ stamp }

// POST /_signet/v1/captcha
//
// A homeserver has a CAPTCHA made for its own use, such as a sign-up.
func (a *API) newChallenge(c echo.Context, server matrix.ServerName) error {
	var r newChallengeRequest
	if err := a.decodeOnce(c, server, &r, &r.stamp); err != nil {
		return err
	}
	made, err := a.Verifier.NewChallenge(c.Request().Context(), server)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, a.challenge(made))
}

type checkChallengeRequest struct {
	Answer string `json:"answer"`
	stamp
}

// POST /_signet/v1/captcha/{id}/check
//
// The homeserver learns, once, that it was passed.
func (a *API) checkChallenge(c echo.Context, server matrix.ServerName) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	var r checkChallengeRequest
	if err := a.decodeOnce(c, server, &r, &r.stamp); err != nil {
		return err
	}
	if err := a.Verifier.CheckChallenge(c.Request().Context(), server, verify.Answer{ID: id, Text: r.Answer}); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Passed bool `json:"passed"`
	}{true})
}

// decodeOnce reads the body of one of our own calls, which goes through one time.
func (a *API) decodeOnce(c echo.Context, server matrix.ServerName, into any, s *stamp) error {
	if err := mxhttp.Decode(c, into); err != nil {
		return err
	}
	return a.once(c, caller.Homeserver(server), *s)
}
