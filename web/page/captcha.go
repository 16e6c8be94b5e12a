package page

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/verify/captcha"
)

// Captcha is what the pages ask of *captcha.Captcha, under its terms.
type Captcha interface {
	Find(ctx context.Context, id string) (captcha.Challenge, error)
	Image(ctx context.Context, id string) (png []byte, err error)
	Audio(ctx context.Context, id, language string) (wav []byte, err error)
	Pass(ctx context.Context, id, answer string) error
	// Recent and Answer are asked for the development mailbox alone.
	Recent(ctx context.Context) ([]captcha.Challenge, error)
	Answer(id string) string
}

// challenge is a CAPTCHA as pages show it.
type challenge struct {
	ID, Image, Audio string
	Spoken           string // the language of what is read aloud
	Foreign          bool   // which is not that of the page
	Wrong            bool   // the last answer was
	TriesLeft        int
}

func challengeOf(c echo.Context, found captcha.Challenge, wrong bool) challenge {
	language, _ := languageOf(c)
	spoken := captcha.Spoken(language.String())
	return challenge{
		ID: found.ID, Image: ImagePath(found.ID), Audio: AudioPath(found.ID) + "?" + languageField + "=" + language.String(),
		Spoken: spoken, Foreign: spoken != language.String(), Wrong: wrong, TriesLeft: found.TriesLeft,
	}
}

// GET /_signet/captcha/{id}
//
// For people whose app cannot show a CAPTCHA.
func (p *Pages) challenge(c echo.Context) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	found, err := p.Captcha.Find(c.Request().Context(), id)
	if err != nil {
		return p.failChallenge(c, err)
	}
	if found.Passed {
		return p.render(c, http.StatusOK, passedName, nil)
	}
	return p.render(c, http.StatusOK, challengeName, challengeOf(c, found, false))
}

// POST /_signet/captcha/{id}
func (p *Pages) pass(c echo.Context) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	err = p.Captcha.Pass(ctx, id, f["answer"])
	switch {
	case err == nil:
		return p.render(c, http.StatusOK, passedName, nil)
	case !errors.Is(err, captcha.ErrWrong):
		return p.failChallenge(c, err)
	}
	found, err := p.Captcha.Find(ctx, id) // it may have been the last try
	if err != nil {
		return p.failChallenge(c, err)
	}
	return p.render(c, http.StatusBadRequest, challengeName, challengeOf(c, found, true))
}

// challengeTroubles is the table from what is wrong with a CAPTCHA to what is said.
var challengeTroubles = []struct {
	err    error
	is     trouble
	status int
}{
	{captcha.ErrUnknown, "captcha-unknown", http.StatusNotFound},
	{captcha.ErrExpired, "captcha-expired", http.StatusGone},
	{captcha.ErrDead, "captcha-dead", http.StatusGone},
	{captcha.ErrTooOften, "captcha-often", http.StatusTooManyRequests},
}

func (p *Pages) failChallenge(c echo.Context, err error) error {
	for _, t := range challengeTroubles {
		if errors.Is(err, t.err) {
			return p.showProblem(c, refusal{Is: t.is, status: t.status})
		}
	}
	return err
}

// GET /_signet/captcha/{id}/image
func (p *Pages) challengeImage(c echo.Context) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	png, err := p.Captcha.Image(c.Request().Context(), id)
	if err != nil {
		return p.failChallenge(c, err)
	}
	embeddable(c)
	return c.Blob(http.StatusOK, "image/png", png)
}

// GET /_signet/captcha/{id}/audio
//
// A browser fetches a recording in pieces, some only so, and again when it is heard
// again: none of this is another reading, nor is HEAD.
func (p *Pages) challengeAudio(c echo.Context) error {
	id, err := mxhttp.Segment(c, "id")
	if err != nil {
		return err
	}
	if _, err := p.Captcha.Find(c.Request().Context(), id); err != nil {
		return p.failChallenge(c, err)
	}
	c.Response().Header().Set(echo.HeaderContentType, "audio/wav")
	if c.Request().Method == http.MethodHead {
		embeddable(c)
		return c.NoContent(http.StatusOK)
	}
	language, _ := languageOf(c)
	wav, err := p.recordings.read(c.Request().Context(), p.Captcha, reading{id, captcha.Spoken(language.String())})
	if err != nil {
		return p.failChallenge(c, err)
	}
	embeddable(c)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(wav))
	return nil
}

// embeddable lets a homeserver's own page, on whatever host, show a picture and play a
// recording; no page of another site can read what is in them.
func embeddable(c echo.Context) {
	private(c, "default-src 'none'; sandbox")
	c.Response().Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
}
