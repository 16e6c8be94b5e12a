package clientapi

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// authData is the member auth of a request that needs interactive authentication.
type authData struct {
	Type       account.Stage `json:"type"`
	Session    string        `json:"session"`
	Identifier *identifier   `json:"identifier"` // of m.login.password, as what follows
	formerIdentifier
	Password string `json:"password"`
	Token    string `json:"token"`  // of m.login.registration_token
	Answer   string `json:"answer"` // of im.signet.captcha; absent where its page was used
	// Of m.login.email.identity and m.login.msisdn. An id_server in it is not asked: the
	// session is one that this server has opened.
	Proof       *threepidCreds `json:"threepid_creds"`
	FormerProof *threepidCreds `json:"threepidCreds"` // by clients of before r0.6
}

// threepidCreds name a session of an identity server.
type threepidCreds struct {
	SID          string `json:"sid"`
	ClientSecret string `json:"client_secret"`
}

// auth is nil for a client that has said nothing yet. An identifier of a kind that we
// do not know is nobody's here: account.ErrNotOwner.
func (d *authData) auth() (*account.Auth, error) {
	if d == nil {
		return nil, nil
	}
	says := d.identifier()
	if d.Identifier != nil {
		says = *d.Identifier
	}
	name, address, err := says.who()
	if errors.Is(err, errIdentifier) {
		return nil, account.ErrNotOwner
	}
	auth := account.Auth{Stage: d.Type, Session: d.Session, Name: name, Address: address, Password: d.Password, Token: d.Token, Answer: d.Answer}
	if creds := cmp.Or(d.Proof, d.FormerProof); creds != nil {
		auth.Proof = idclient.Session(*creds)
	}
	return &auth, err
}

type challengeAnswer struct {
	Completed []account.Stage       `json:"completed"`
	Flows     []flow                `json:"flows"`
	Params    map[account.Stage]any `json:"params"`
	Session   string                `json:"session"`
	// The specification adds these when an attempt to pass a stage failed.
	ErrCode matrix.ErrCode `json:"errcode,omitempty"`
	Error   string         `json:"error,omitempty"`
}

type flow struct {
	Stages account.Flow `json:"stages"`
}

// answer replies with value, or with the 401 of the User-Interactive Authentication API
// where err is a challenge.
func answer(c echo.Context, value any, err error) error {
	if challenge, ok := errors.AsType[account.Challenge](err); ok {
		return mxhttp.Reply(c, http.StatusUnauthorized, challengeBody(challenge))
	}
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, value)
}

func challengeBody(challenge account.Challenge) challengeAnswer {
	answer := challengeAnswer{
		Completed: challenge.Completed,
		Params:    stageParams(challenge),
		Session:   challenge.Session,
	}
	for _, stages := range challenge.Flows {
		answer.Flows = append(answer.Flows, flow{stages})
	}
	if challenge.Reason != nil {
		p, _ := Translate(challenge.Reason)
		answer.ErrCode, answer.Error = cmp.Or(p.Code, matrix.Forbidden), p.Message
	}
	return answer
}

// stageParams is what clients need to show the stages.
func stageParams(challenge account.Challenge) map[account.Stage]any {
	params := map[account.Stage]any{}
	if challenge.Captcha.ID != "" {
		params[account.StageCaptcha] = challenge.Captcha
	}
	if challenge.Terms != nil {
		params[account.StageTerms] = policies(challenge.Terms)
	}
	return params
}

type translation struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// policies are terms as clients show them: a document has its version beside its languages.
func policies(terms account.Terms) map[string]any {
	all := map[string]any{}
	for name, document := range terms {
		policy := map[string]any{"version": document.Version}
		for language, t := range document.Languages {
			policy[language] = translation(t)
		}
		all[name] = policy
	}
	return map[string]any{"policies": all}
}
