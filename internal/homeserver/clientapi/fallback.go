package clientapi

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// fallbackSuffix ends the path of a stage's page.
const fallbackSuffix = "/fallback/web"

// maxForm is the size in bytes that the form of a stage may have.
const maxForm = 8 << 10

// stageForm is a stage of interactive authentication as a person passes it (client-server
// API, "Fallback"). It says what it is good for: whoever sent the person here may not.
type stageForm struct {
	Stage     account.Stage
	Operation string
	User      matrix.UserID
	Captcha   idclient.Challenge // of im.signet.captcha
	Documents []document         // of m.login.terms
	SentTo    string             // of the stages of addresses, where a code is on its way
	Entered   string             // what was entered for an address, where it has to be again
}

// document is one of the terms, to be read in any of its languages.
type document []reading

type reading struct{ Language, Name, URL string }

// documents are in the order of their names, and their languages in that of the codes.
func documents(terms account.Terms) (all []document) {
	for _, name := range slices.Sorted(maps.Keys(terms)) {
		var d document
		languages := terms[name].Languages
		for _, code := range slices.Sorted(maps.Keys(languages)) {
			d = append(d, reading{code, languages[code].Name, languages[code].URL})
		}
		all = append(all, d)
	}
	return all
}

// GET /_matrix/client/v3/auth/{stage}/fallback/web
func (a *API) fallback(c echo.Context) error {
	form, _, err := a.stageForm(c)
	return a.showStage(c, form, err)
}

// POST /_matrix/client/v3/auth/{stage}/fallback/web
func (a *API) passFallback(c echo.Context) error {
	if err := a.foreign.Check(c.Request()); err != nil {
		return errForeignForm
	}
	form, session, err := a.stageForm(c)
	if err != nil {
		return a.showStage(c, form, err)
	}
	passed, err := a.passForm(c, form.Stage, session)
	switch {
	case passed:
		err = errStageDone
	case err == nil || errors.Is(err, account.ErrCaptcha):
		var lost error
		if form, _, lost = a.stageForm(c); lost != nil { // which shows what has come of it
			err = lost
		}
	}
	return a.showStage(c, form, err)
}

// passForm passes the stage by what was entered, unless the person asks for something else to
// enter.
func (a *API) passForm(c echo.Context, stage account.Stage, session string) (passed bool, err error) {
	form, err := readForm(c)
	if err != nil {
		return false, err
	}
	ctx := c.Request().Context()
	switch {
	case stage == account.StageEmail || stage == account.StageMSISDN:
		return a.passAddress(c, form, stage, session)
	case stage == account.StageCaptcha && form.Has("another"):
		return false, a.Accounts.AnotherCaptcha(ctx, session)
	}
	err = a.Accounts.PassStage(ctx, account.Auth{
		Stage: stage, Session: session, Password: form.Get("password"), Token: form.Get("token"), Answer: form.Get("answer"), Client: mxhttp.ClientAddr(c),
	})
	return err == nil, err
}

// errStageDone says that there is nothing left to ask.
var errStageDone = errors.New("the stage is completed")

// stageForm is the form that the request's session has next for the stage in its path.
func (a *API) stageForm(c echo.Context) (form stageForm, session string, err error) {
	mxhttp.SetCaller(c, "page")
	name, err := mxhttp.Segment(c, "stage")
	if err != nil {
		return form, "", err
	}
	form.Stage = account.Stage(name)
	if !slices.Contains(a.Accounts.OfferedStages(), form.Stage) {
		return form, "", echo.ErrNotFound
	}
	if session, err = mxhttp.Query(c, "session"); err != nil {
		return form, "", err
	}
	progress, err := a.Accounts.Progress(c.Request().Context(), session, form.Stage, a.showing(c))
	form.Operation, form.User, form.Captcha, form.Documents = progress.Operation, progress.User, progress.Captcha, documents(progress.Terms)
	form.SentTo = shownAddress(form.Stage, progress.SentTo)
	switch {
	case err != nil:
		return form, "", err
	case progress.Completed:
		return form, "", errStageDone
	case !progress.Next:
		return form, "", account.ErrStage
	}
	return form, session, nil
}

// showStage shows the form, again where what was entered is wrong.
func (a *API) showStage(c echo.Context, form stageForm, err error) error {
	switch {
	case err == nil:
		return a.show(c, http.StatusOK, page{Form: &form})
	case errors.Is(err, errStageDone):
		return a.show(c, http.StatusOK, page{Done: true})
	case errors.Is(err, account.ErrCredentials):
		return a.show(c, http.StatusForbidden, page{Form: &form, Wrong: "The password is wrong."})
	case errors.Is(err, account.ErrRegistrationToken):
		return a.show(c, http.StatusForbidden, page{Form: &form, Wrong: "The token is unknown, used up or has expired."})
	case errors.Is(err, account.ErrCaptcha):
		return a.show(c, http.StatusForbidden, page{Form: &form, Wrong: "These were not the digits. Here are others."})
	}
	if wrong, known := wrongAddress(err); known {
		form.Entered = c.Request().PostForm.Get("address")
		return a.show(c, http.StatusForbidden, page{Form: &form, Wrong: wrong.words, WrongURL: wrong.url})
	}
	return fromIdentity(err, false)
}

// readForm reads what a stage asks for; the query string has no say in it.
func readForm(c echo.Context) (url.Values, error) {
	r := c.Request()
	if err := r.ParseForm(); err != nil {
		if problem, ok := errors.AsType[mxhttp.Problem](err); ok {
			return nil, problem
		}
		return nil, mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam, Message: "the form is not as this server's pages send it"}
	}
	return r.PostForm, nil
}
