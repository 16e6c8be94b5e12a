package idclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"

	"signet/internal/fedclient"
	"signet/internal/matrix"
)

// Challenge is a CAPTCHA. URL is a page where it can be passed; its picture and its sound
// are for clients that show it themselves.
type Challenge struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	ImageURL  string `json:"image_url"`
	AudioURL  string `json:"audio_url"`
	ExpiresAt int64  `json:"expires_at"` // milliseconds since 1970
}

// CaptchaNeeded is the error of an identity server that sends a message to nobody who has
// not met a challenge first (M_CAPTCHA_NEEDED). It unwraps to the fedclient.Refusal.
type CaptchaNeeded struct {
	Challenge Challenge
	Refusal   fedclient.Refusal
}

func (e CaptchaNeeded) Error() string { return unquoted{e.Refusal}.Error() }
func (e CaptchaNeeded) Unwrap() error { return e.Refusal }

// unquoted is a refusal whose text leaves out the identity server's words: they may repeat the
// address that was asked for, and errors come to be logged. Who asked finds them in Refusal.
type unquoted struct{ fedclient.Refusal }

func (u unquoted) Error() string {
	return fmt.Sprintf("the server answers %d %s", u.Status, u.Errcode)
}

func (u unquoted) Unwrap() error { return u.Refusal }

// refusal is what stands in an answer of a server that is none of those asked for.
func (c *Client) refusal(of Server, answer fedclient.Response) error {
	refused := answer.Refusal()
	switch refused.Errcode {
	case matrix.CaptchaNeeded:
		return captchaNeeded(answer, refused)
	case matrix.ClockDiffers:
		return c.clockDiffers(of, answer, refused)
	}
	return unquoted{refused}
}

func captchaNeeded(answer fedclient.Response, refused fedclient.Refusal) error {
	var said struct {
		Challenge Challenge `json:"im.signet.challenge"`
	}
	if json.Unmarshal(answer.Body, &said) != nil || said.Challenge.ID == "" {
		return unquoted{refused}
	}
	return CaptchaNeeded{said.Challenge, refused}
}

// NewChallenge has a CAPTCHA made for this homeserver's own use, such as a sign-up.
func (c *Client) NewChallenge(ctx context.Context, at Server) (made Challenge, err error) {
	q := call{to: at, method: http.MethodPost, path: ours + "/captcha", body: c.stamp()}
	return made, c.ask(ctx, q, &made)
}

// CheckChallenge tells whether a challenge of this homeserver's was passed: by the answer, or
// for an empty one on its page. It is told once; otherwise the error is a fedclient.Refusal.
func (c *Client) CheckChallenge(ctx context.Context, at Server, id, answer string) error {
	body := struct {
		Answer string `json:"answer,omitempty"`
		stamp
	}{answer, c.stamp()}
	q := call{to: at, method: http.MethodPost, path: ours + "/captcha/" + url.PathEscape(id) + "/check", body: body}
	var said struct {
		Passed bool `json:"passed"`
	}
	if err := c.ask(ctx, q, &said); err != nil {
		return err
	}
	if !said.Passed {
		return fedclient.ErrBadAnswer
	}
	return nil
}
