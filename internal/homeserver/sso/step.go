package sso

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"signet/internal/idclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Life is how long a login may take, from its beginning to its end.
const Life = 30 * time.Minute

// ErrStep says that a login is not this browser's, or has taken too long.
var ErrStep = errors.New("this login was begun in another browser, or too long ago")

// Asks is what a person is asked for next.
type Asks string

// What a person is asked for, in this order; the CAPTCHA only where the identity server wants
// one, and the consent only where the operator does not trust the site.
const (
	AsksAddress Asks = "address"
	AsksCaptcha Asks = "captcha"
	AsksCode    Asks = "code"
	AsksConsent Asks = "consent"
)

// step is how far somebody has come.
type step struct {
	Redirect  string             `json:"redirect"`
	Until     int64              `json:"until"` // milliseconds since 1970
	Asks      Asks               `json:"asks"`
	Secret    string             `json:"secret"` // the client_secret of its codes
	Attempt   int64              `json:"attempt"`
	Medium    threepid.Medium    `json:"medium,omitempty"`
	Address   string             `json:"address,omitempty"`
	Challenge idclient.Challenge `json:"challenge,omitzero"`
	SID       string             `json:"sid,omitempty"`
	User      matrix.UserID      `json:"user,omitempty"` // once the code was typed
}

// address is what the code is sent to.
func (s step) address() (threepid.Address, error) { return threepid.Parse(string(s.Medium), s.Address) }

// shown is the address as people write it.
func (s step) shown() string {
	if s.Medium == threepid.MSISDN {
		return "+" + s.Address
	}
	return s.Address
}

func (s step) session() idclient.Session {
	return idclient.Session{SID: s.SID, ClientSecret: s.Secret}
}

// seal writes a step for one browser.
func (l *Logins) seal(browser string, s step) string {
	text, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		panic(err) // only for what is not UTF-8, which was read from JSON or checked
	}
	return base64.RawURLEncoding.EncodeToString(l.box.Seal(text, []byte(browser)))
}

// open is the inverse of seal. The error is ErrStep.
func (l *Logins) open(browser, state string) (s step, r Redirect, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(state)
	if err != nil || browser == "" {
		return s, r, ErrStep
	}
	text, err := l.box.Open(sealed, []byte(browser))
	if err != nil || json.Unmarshal(text, &s) != nil || !l.Now().Before(time.UnixMilli(s.Until)) {
		return s, r, ErrStep
	}
	if r, err = l.redirect(s.Redirect); err != nil { // which the operator trusted until now
		return s, r, ErrStep
	}
	return s, r, nil
}
