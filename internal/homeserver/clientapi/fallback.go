package clientapi

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/page"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// fallbackSuffix ends the path of a stage's page.
const fallbackSuffix = "/fallback/web"

// maxForm is the size in bytes that the form of a stage may have.
const maxForm = 8 << 10

// operations are what somebody authenticates for, as pages name it.
var operations = map[string]page.Operation{
	account.OpRegister:       page.Register,
	account.OpDeleteDevices:  page.DeleteDevices,
	account.OpChangePassword: page.ChangePassword,
	account.OpDeactivate:     page.Deactivate,
	account.OpResetPassword:  page.Reset,
	opAddAddress:             page.AddAddress,
	opReplaceKeys:            page.ReplaceKeys,
	account.OpLetDeviceIn:    page.LetDeviceIn,
}

// documents are in the order of their names, and their languages in that of the codes.
func documents(terms account.Terms) (all []page.Document) {
	for _, name := range slices.Sorted(maps.Keys(terms)) {
		var d page.Document
		languages := terms[name].Languages
		for _, code := range slices.Sorted(maps.Keys(languages)) {
			d = append(d, page.Reading{Language: code, Name: languages[code].Name, URL: languages[code].URL})
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
	passed, err := a.passForm(c, form.Name, session)
	switch {
	case passed:
		return a.pages().Done(c)
	case err == nil || errors.Is(err, account.ErrCaptcha):
		var lost error
		if form, _, lost = a.stageForm(c); lost != nil { // which shows what has come of it
			return a.showStage(c, form, lost)
		}
	}
	return a.showAgain(c, form, err)
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
func (a *API) stageForm(c echo.Context) (form page.Stage, session string, err error) {
	mxhttp.SetCaller(c, "page")
	name, err := mxhttp.Segment(c, "stage")
	if err != nil {
		return form, "", err
	}
	form.Name = account.Stage(name)
	if !slices.Contains(a.Accounts.OfferedStages(), form.Name) {
		return form, "", echo.ErrNotFound
	}
	if session, err = mxhttp.Query(c, "session"); err != nil {
		return form, "", err
	}
	progress, err := a.Accounts.Progress(c.Request().Context(), session, form.Name, a.showing(c))
	form.Operation = cmp.Or(operations[progress.Operation], page.OtherOperation)
	form.User, form.Captcha, form.Documents = progress.User, progress.Captcha, documents(progress.Terms)
	form.SentTo = shownAddress(form.Name, progress.SentTo)
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

// showStage shows the form, or that there is none.
func (a *API) showStage(c echo.Context, form page.Stage, err error) error {
	switch {
	case err == nil:
		return a.pages().Stage(c, http.StatusOK, form)
	case errors.Is(err, errStageDone):
		return a.pages().Done(c)
	}
	return fromIdentity(err, false)
}

// showAgain shows the form with what is wrong with what was entered.
func (a *API) showAgain(c echo.Context, form page.Stage, err error) error {
	trouble, status, known := troubleOf(err)
	if err == nil || !known {
		return a.showStage(c, form, err)
	}
	form.Trouble, form.Entered, form.Found = trouble, c.Request().PostForm.Get("address"), c.Request().PostForm.Has("found")
	return a.pages().Stage(c, status, form)
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
