package clientapi

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/page"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// passAddress does what the person asks for on the page of an address: to have a code sent, once
// more or to another one, or to be believed by the code or the link of the message.
func (a *API) passAddress(c echo.Context, form url.Values, stage account.Stage, session string) (passed bool, err error) {
	ctx := c.Request().Context()
	switch {
	case form.Has("other"):
		return false, a.Accounts.ForgetCode(ctx, session, stage)
	case form.Has("again"):
		return false, a.sendCode(c, account.CodeWish{Stage: stage, Session: session})
	case form.Has("address"):
		address, err := parseEntered(stage, form.Get("address"))
		if err != nil {
			return false, err
		}
		return false, a.sendCode(c, account.CodeWish{Stage: stage, Session: session, Address: address, Bind: form.Has("found")})
	case form.Has("opened"):
		err = a.Accounts.EnterCode(ctx, session, stage, "")
	default:
		err = a.Accounts.EnterCode(ctx, session, stage, strings.TrimSpace(form.Get("code")))
	}
	return err == nil, err
}

func (a *API) sendCode(c echo.Context, w account.CodeWish) error {
	if err := a.chargeNetwork(c, byCode); err != nil {
		return err
	}
	w.Client, w.Language = mxhttp.ClientAddr(c), page.Language(c).String()
	return a.Accounts.SendCode(c.Request().Context(), w)
}

// parseEntered reads an address as people type it; a phone number in its international form.
func parseEntered(stage account.Stage, text string) (threepid.Address, error) {
	text = strings.TrimSpace(text)
	if stage == account.StageEmail {
		return threepid.ParseEmail(text)
	}
	if !strings.HasPrefix(text, "+") {
		return threepid.Address{}, threepid.ErrPhone
	}
	return threepid.ParsePhone(text, "US") // which is not asked for a number with a +
}

// shownAddress is an address as people write it.
func shownAddress(stage account.Stage, canonical string) string {
	if canonical != "" && stage == account.StageMSISDN {
		return "+" + canonical
	}
	return canonical
}
