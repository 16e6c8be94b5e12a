package clientapi

import (
	"errors"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/fedclient"
	"signet/internal/homeserver/account"
	"signet/internal/homeserver/contact"
	"signet/internal/idclient"
	"signet/internal/matrix"
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
		return false, a.sendCode(c, stage, session, threepid.Address{})
	case form.Has("address"):
		address, err := parseEntered(stage, form.Get("address"))
		if err != nil {
			return false, err
		}
		return false, a.sendCode(c, stage, session, address)
	case form.Has("opened"):
		err = a.Accounts.EnterCode(ctx, session, stage, "")
	default:
		err = a.Accounts.EnterCode(ctx, session, stage, strings.TrimSpace(form.Get("code")))
	}
	return err == nil, err
}

func (a *API) sendCode(c echo.Context, stage account.Stage, session string, to threepid.Address) error {
	if err := a.chargeNetwork(c, byCode); err != nil {
		return err
	}
	return a.Accounts.SendCode(c.Request().Context(), account.CodeWish{
		Stage: stage, Session: session, Address: to, Client: mxhttp.ClientAddr(c), Language: language(c, ""),
	})
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

// wrong is what a page says to somebody who has not passed: words, and where to go first.
type wrong struct{ words, url string }

// addressTroubles are what can be wrong with an address or a code.
var addressTroubles = []struct {
	err   error
	words string
}{
	{threepid.ErrEmail, "This is not an e-mail address."},
	{threepid.ErrPhone, "This is not a phone number. Write it with a + and the code of its country."},
	{contact.ErrDenied, "This server does not take that address."},
	{contact.ErrInUse, "An account has that address already."},
	{contact.ErrNotValidated, "The link of the message was not opened yet."},
	{contact.ErrSession, "That code does not work any more. Have another sent."},
	{contact.ErrUnknown, "No account has that address."},
	{idclient.ErrCode, "This is not the code of the message."},
}

// addressRefusals are what identity servers refuse by these codes.
var addressRefusals = map[matrix.ErrCode]string{
	matrix.TokenIncorrect:      "This is not the code of the message.",
	matrix.SessionExpired:      "That code does not work any more. Have another sent.",
	matrix.NoValidSession:      "That code does not work any more. Have another sent.",
	matrix.InvalidEmail:        "No message can be sent to that address.",
	matrix.InvalidAddress:      "No message can be sent to that number.",
	matrix.EmailSendError:      "No message can be sent to that address.",
	matrix.SendError:           "No message can be sent to that number.",
	matrix.DestinationRejected: "No message can be sent to that number.",
}

// wrongAddress says what is wrong with what was entered on the page of an address; false for
// what is nothing that the person has done.
func wrongAddress(err error) (wrong, bool) {
	if needed, is := errors.AsType[idclient.CaptchaNeeded](err); is {
		return wrong{"Show first, on another page, that you are a person, and then try again here.", needed.Challenge.URL}, true
	}
	for _, t := range addressTroubles {
		if errors.Is(err, t.err) {
			return wrong{words: t.words}, true
		}
	}
	refused, is := errors.AsType[fedclient.Refusal](err)
	words := addressRefusals[refused.Errcode]
	return wrong{words: words}, is && words != ""
}
