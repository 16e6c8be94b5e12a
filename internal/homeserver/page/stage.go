package page

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/matrix"
)

// Operation is what somebody shows who they are for: a part of the key of its phrase.
type Operation string

// The operations that have words of their own.
const (
	Register       Operation = "register"
	DeleteDevices  Operation = "delete-devices"
	ChangePassword Operation = "change-password"
	Deactivate     Operation = "deactivate"
	Reset          Operation = "reset"
	AddAddress     Operation = "add-address"
	ReplaceKeys    Operation = "replace-keys"
	LetDeviceIn    Operation = "let-device-in"
	OtherOperation Operation = "other"
)

// Stage is a stage of interactive authentication as a person passes it. It says what it is
// good for: whoever sent the person here may not.
type Stage struct {
	Name      account.Stage
	Operation Operation
	User      matrix.UserID      // empty where nobody is known yet
	Captcha   idclient.Challenge // of account.StageCaptcha
	Documents []Document         // of account.StageTerms
	SentTo    string             // of the stages of addresses, where a code is on its way
	Entered   string             // what was entered for an address, where it has to be again
	Found     bool               // and whether they want to be found by it
	Trouble   Trouble
}

// Document is one of the terms, to be read in any of its languages.
type Document []Reading

// Reading is a document in one language, by its code.
type Reading struct{ Language, Name, URL string }

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
func (s Stage) Title() string {
	if title, known := titles[s.Name]; known {
		return title
	}
	return "stage-other"
}

// Medium is "email" or "msisdn" for a stage that asks for an address, and empty for others.
func (s Stage) Medium() string {
	return map[account.Stage]string{account.StageEmail: "email", account.StageMSISDN: "msisdn"}[s.Name]
}

// Stage answers with a stage's form.
func (p Pages) Stage(c echo.Context, status int, s Stage) error {
	return p.draw(c, sheet{status: status, name: stageName, policy: policy + captchaPolicy(s.Captcha), again: true, content: s})
}

// Done answers that a stage is passed, and tells the client that opened the page.
func (p Pages) Done(c echo.Context) error {
	return p.draw(c, sheet{status: http.StatusOK, name: doneName, policy: policy})
}
