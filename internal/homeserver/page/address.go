package page

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
)

// passAddress does what the person asks for on the page of an address: to have a code sent, once
// more or to another one, or to be believed by the code or the link of the message.
func (p Pages) passAddress(c echo.Context, entered url.Values, f form) (passed bool, err error) {
	ctx := c.Request().Context()
	switch {
	case entered.Has("other"):
		return false, p.Accounts.ForgetCode(ctx, f.session, f.Name)
	case entered.Has("again"):
		return false, p.sendCode(c, account.CodeWish{Stage: f.Name, Session: f.session})
	case entered.Has("address"):
		address, err := parseEntered(f.Name, entered.Get("address"))
		if err != nil {
			return false, err
		}
		return false, p.sendCode(c, account.CodeWish{Stage: f.Name, Session: f.session, Address: address, Bind: entered.Has("found")})
	case entered.Has("opened"):
		err = p.Accounts.EnterCode(ctx, f.session, f.Name, "")
	default:
		err = p.Accounts.EnterCode(ctx, f.session, f.Name, strings.TrimSpace(entered.Get("code")))
	}
	return err == nil, err
}

func (p Pages) sendCode(c echo.Context, w account.CodeWish) error {
	if err := p.ChargeCode(c); err != nil {
		return err
	}
	w.Client, w.Language = mxhttp.ClientAddr(c), language(c).String()
	return p.Accounts.SendCode(c.Request().Context(), w)
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
