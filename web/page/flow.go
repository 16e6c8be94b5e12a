package page

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

// flow is a way to prove an address on our own pages. All go by the same steps and
// differ in how they begin and end:
//
//	ask ── an address ──▶ (a CAPTCHA) ──▶ the code page ── the right code ──▶ done
type flow struct {
	purpose verify.Purpose
	// start is the path of the page with the form for the address.
	start string
	// ask shows that form, filled in.
	ask func(p *Pages, c echo.Context, m threepid.Medium, a asking) error
	// done shows what the proof of w is good for.
	done func(p *Pages, c echo.Context, w waiting, proof verify.Proof) error
}

// flows are those that a form may name, so that nobody enters another with a form
// that no page of ours has.
var flows = map[verify.Purpose]flow{
	verify.Verify: {verify.Verify, "/", (*Pages).ask, (*Pages).proven},
	verify.Manage: {verify.Manage, OwnerPath, (*Pages).askOwner, (*Pages).proveOwner},
}

// flowOf is the flow that a form names.
func flowOf(f form) (flow, error) {
	found, ok := flows[verify.Purpose(f["purpose"])]
	if !ok {
		return flow{}, errForm
	}
	return found, nil
}

// waiting is a session whose code is waited for, or, while it has no SID, the wish for
// one. The pages carry it, in hidden fields: there are no cookies.
type waiting struct {
	flow              flow
	SID, ClientSecret string
	Attempt           int64
	address           threepid.Address
	typed             asking        // the address as the form had it
	answer            verify.Answer // to the CAPTCHA that stood in between, if one did
	other             bool          // it could not be read: another one, please
}

func (w waiting) credentials() verify.Credentials {
	return verify.Credentials{SID: w.SID, ClientSecret: w.ClientSecret}
}

// Purpose, Medium, Canonical and Address are for a form and for people.
func (w waiting) Purpose() string   { return string(w.flow.purpose) }
func (w waiting) Medium() string    { return string(w.address.Medium()) }
func (w waiting) Canonical() string { return w.address.String() }
func (w waiting) Address() string   { return readable(w.address) }

func readable(a threepid.Address) string {
	if a.Medium() == threepid.MSISDN {
		return a.International()
	}
	return a.String()
}

// maxAttempt is more than anybody presses a button, and far from overflow.
const maxAttempt = 1 << 31

// readWaiting reads back the hidden fields of a page, and what was typed there.
func readWaiting(c echo.Context) (w waiting, f form, err error) {
	if f, err = readForm(c); err != nil {
		return waiting{}, nil, err
	}
	w = waiting{SID: f["sid"], ClientSecret: f["client_secret"]}
	if w.flow, err = flowOf(f); err != nil {
		return waiting{}, nil, err
	}
	if !matrix.ValidOpaque(w.ClientSecret) {
		return waiting{}, nil, errForm
	}
	if w.Attempt, err = strconv.ParseInt(f["send_attempt"], 10, 64); err != nil || w.Attempt < 1 || w.Attempt > maxAttempt {
		return waiting{}, nil, errForm
	}
	if w.address, err = threepid.Parse(f["medium"], f["address"]); err != nil {
		return waiting{}, nil, errForm
	}
	w.typed = asking{Value: w.Address()}
	return w, f, nil
}

func (p *Pages) newSecret() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(p.Rand, b[:]); err != nil {
		return "", fmt.Errorf("drawing a client secret: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// send asks for the message of w and shows what comes next: the page for its code, a
// CAPTCHA, or the form with what is wrong.
func (p *Pages) send(c echo.Context, w waiting) error {
	language, _ := languageOf(c)
	sid, err := p.Verifier.Request(c.Request().Context(), verify.Request{
		Address: w.address, ClientSecret: w.ClientSecret, Caller: verify.Page, Purpose: w.flow.purpose, SendAttempt: w.Attempt,
		Client: mxhttp.ClientAddr(c), Language: language, Answer: w.answer, OtherCaptcha: w.other,
	})
	if err == nil {
		w.SID = sid
		return p.showCode(c, w, refusal{status: http.StatusOK})
	}
	if needed, ok := errors.AsType[verify.CaptchaNeeded](err); ok {
		return p.showStep(c, w, needed.Challenge)
	}
	if w.SID == "" {
		return p.failStart(c, w, err)
	}
	w.Attempt-- // which was not used up
	return p.fail(c, w, err)
}

// failStart shows the form for the address again.
func (p *Pages) failStart(c echo.Context, w waiting, err error) error {
	why, ok := refused(c, err)
	if !ok {
		return err
	}
	w.typed.Trouble = why
	return w.flow.ask(p, c, w.address.Medium(), w.typed)
}
