package page

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// operations are what somebody authenticates for: the part of its phrase's key. Another is
// otherOperation.
var operations = map[string]string{
	account.OpRegister:       "register",
	account.OpDeleteDevices:  "delete-devices",
	account.OpChangePassword: "change-password",
	account.OpDeactivate:     "deactivate",
	account.OpResetPassword:  "reset",
	account.OpAddAddress:     "add-address",
	account.OpReplaceKeys:    "replace-keys",
	account.OpLetDeviceIn:    "let-device-in",
}

const otherOperation = "other"

// form is a stage of interactive authentication as a person passes it. It says what it is
// good for: whoever sent the person here may not.
type form struct {
	Name      account.Stage
	Operation string
	User      matrix.UserID      // empty where nobody is known yet
	Captcha   idclient.Challenge // of account.StageCaptcha
	Documents []document         // of account.StageTerms
	SentTo    string             // of the stages of addresses, where a code is on its way
	Entered   string             // what was entered for an address, where it has to be again
	Found     bool               // and whether they want to be found by it
	Trouble   trouble

	session string
}

// document is one of the terms, to be read in any of its languages.
type document []reading

// reading is a document in one language, by its code.
type reading struct{ Language, Name, URL string }

// documents are in the order of their names, and their languages in that of the codes.
func documents(terms account.Terms) (all []document) {
	for _, name := range slices.Sorted(maps.Keys(terms)) {
		var d document
		languages := terms[name].Languages
		for _, code := range slices.Sorted(maps.Keys(languages)) {
			d = append(d, reading{Language: code, Name: languages[code].Name, URL: languages[code].URL})
		}
		all = append(all, d)
	}
	return all
}

// titles are the keys of what stages are headed with.
var titles = map[account.Stage]string{
	account.StagePassword:          "stage-password",
	account.StageRegistrationToken: "stage-token",
	account.StageCaptcha:           "challenge-title",
	account.StageTerms:             "stage-terms",
	account.StageEmail:             "stage-email",
	account.StageMSISDN:            "stage-msisdn",
}

// Title is the key of what the stage is headed with.
func (f form) Title() string { return cmp.Or(titles[f.Name], "stage-other") }

// Medium is "email" or "msisdn" for a stage that asks for an address, and empty for others.
func (f form) Medium() string {
	return map[account.Stage]string{account.StageEmail: "email", account.StageMSISDN: "msisdn"}[f.Name]
}

// ShowStage is GET /_matrix/client/v3/auth/{stage}/fallback/web, for the session in the query.
func (p Pages) ShowStage(c echo.Context) error {
	f, err := p.form(c)
	return p.showStage(c, f, err)
}

// PassStage is POST /_matrix/client/v3/auth/{stage}/fallback/web, as the form of the stage sends it.
func (p Pages) PassStage(c echo.Context) error {
	if err := foreign.Check(c.Request()); err != nil {
		return ErrForeignForm
	}
	f, err := p.form(c)
	if err != nil {
		return p.showStage(c, f, err)
	}
	passed, err := p.pass(c, f)
	switch {
	case passed:
		return p.done(c)
	case err == nil || errors.Is(err, account.ErrCaptcha):
		var lost error
		if f, lost = p.form(c); lost != nil { // which shows what has come of it
			return p.showStage(c, f, lost)
		}
	}
	return p.showAgain(c, f, err)
}

// pass passes the stage by what was entered, unless the person asks for something else to enter.
func (p Pages) pass(c echo.Context, f form) (passed bool, err error) {
	entered, err := readForm(c)
	if err != nil {
		return false, err
	}
	ctx := c.Request().Context()
	switch {
	case f.Medium() != "":
		return p.passAddress(c, entered, f)
	case f.Name == account.StageCaptcha && entered.Has("another"):
		return false, p.Accounts.AnotherCaptcha(ctx, f.session)
	}
	err = p.Accounts.PassStage(ctx, account.Auth{
		Stage: f.Name, Session: f.session, Password: entered.Get("password"), Token: entered.Get("token"), Answer: entered.Get("answer"), Client: mxhttp.ClientAddr(c),
	})
	return err == nil, err
}

// errStageDone says that there is nothing left to ask.
var errStageDone = errors.New("the stage is completed")

// form is what the request's session has next for the stage in its path.
func (p Pages) form(c echo.Context) (f form, err error) {
	mxhttp.SetCaller(c, "page")
	name, err := mxhttp.Segment(c, "stage")
	if err != nil {
		return f, err
	}
	f.Name = account.Stage(name)
	if !slices.Contains(p.Accounts.OfferedStages(), f.Name) {
		return f, echo.ErrNotFound
	}
	if f.session, err = mxhttp.Query(c, "session"); err != nil {
		return f, err
	}
	progress, err := p.Accounts.Progress(c.Request().Context(), f.session, f.Name, func() error { return p.ChargeCaptcha(c) })
	f.Operation = cmp.Or(operations[progress.Operation], otherOperation)
	f.User, f.Captcha, f.Documents = progress.User, progress.Captcha, documents(progress.Terms)
	f.SentTo = shownAddress(f.Name, progress.SentTo)
	switch {
	case err != nil:
		return f, err
	case progress.Completed:
		return f, errStageDone
	case !progress.Next:
		return f, account.ErrStage
	}
	return f, nil
}

// showStage shows the form, or that there is none.
func (p Pages) showStage(c echo.Context, f form, err error) error {
	switch {
	case err == nil:
		return p.drawStage(c, http.StatusOK, f)
	case errors.Is(err, errStageDone):
		return p.done(c)
	}
	return err
}

// showAgain shows the form with what is wrong with what was entered.
func (p Pages) showAgain(c echo.Context, f form, err error) error {
	trouble, status, known := p.troubleOf(err)
	if err == nil || !known {
		return p.showStage(c, f, err)
	}
	f.Trouble, f.Entered, f.Found = trouble, c.Request().PostForm.Get("address"), c.Request().PostForm.Has("found")
	return p.drawStage(c, status, f)
}

func (p Pages) drawStage(c echo.Context, status int, f form) error {
	return p.draw(c, sheet{status: status, name: stageName, policy: policy + captchaPolicy(f.Captcha), again: true, content: f})
}

// done answers that a stage is passed, and tells the client that opened the page.
func (p Pages) done(c echo.Context) error {
	return p.draw(c, sheet{status: http.StatusOK, name: doneName, policy: policy})
}
