package idclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"signet/internal/fedclient"
	"signet/internal/matrix"
	"signet/internal/threepid"
)

// Purpose is what somebody proves for that an address is theirs (im.signet.purpose).
type Purpose string

// The purposes that a homeserver has.
const (
	Register Purpose = "register" // signing up
	Add      Purpose = "add"      // attaching it to an account
	Reset    Purpose = "reset"    // a new password
	Login    Purpose = "login"    // signing in
)

// Validation is a wish to have a code sent to an address.
type Validation struct {
	Address      threepid.Address
	ClientSecret string
	SendAttempt  int64
	NextLink     string // empty: none
	Purpose      Purpose
	User         matrix.UserID // for whom, empty where there is no account yet
	Client       netip.Addr    // where the person is; zero where that is not known
	Language     string        // BCP 47; empty where that is not known
	Challenge    string        // the id of a CAPTCHA that was met; empty for none
	Answer       string        // to it; empty where it was passed already
	// Existing tells that the address has an account here already, whose owner is told so in
	// place of a code; nothing opens the session. Only of Homeserver, with Register.
	Existing bool
	// Bind tells that the person wants to be found by the address once they have an account, as
	// the message then says. Only of Homeserver, with Register.
	Bind bool
}

// validationBody is a Validation of either medium.
type validationBody struct {
	Email        string        `json:"email,omitempty"`
	PhoneNumber  string        `json:"phone_number,omitempty"`
	Country      string        `json:"country,omitempty"`
	ClientSecret string        `json:"client_secret"`
	SendAttempt  int64         `json:"send_attempt"`
	NextLink     string        `json:"next_link,omitempty"`
	Purpose      Purpose       `json:"im.signet.purpose,omitempty"`
	User         matrix.UserID `json:"im.signet.user_id,omitempty"`
	ClientIP     string        `json:"im.signet.client_ip,omitempty"`
	Language     string        `json:"im.signet.language,omitempty"`
	Challenge    *solved       `json:"im.signet.challenge,omitempty"`
	Existing     bool          `json:"im.signet.existing,omitzero"`
	Bind         bool          `json:"im.signet.bind,omitzero"`
}

type solved struct {
	ID     string `json:"id"`
	Answer string `json:"answer,omitempty"`
}

func (v Validation) body() validationBody {
	b := validationBody{ClientSecret: v.ClientSecret, SendAttempt: v.SendAttempt, NextLink: v.NextLink, Purpose: v.Purpose, User: v.User, Language: v.Language,
		Existing: v.Existing, Bind: v.Bind}
	switch v.Address.Medium() {
	case threepid.Email:
		b.Email = v.Address.String()
	default:
		b.PhoneNumber, b.Country = "+"+v.Address.String(), v.Address.Country()
	}
	if v.Client.IsValid() {
		b.ClientIP = v.Client.String()
	}
	if v.Challenge != "" {
		b.Challenge = &solved{v.Challenge, v.Answer}
	}
	return b
}

// Session is what names a validation at an identity server: whoever has both halves may use it.
type Session struct{ SID, ClientSecret string }

// maxSID is the length that the specification gives a sid.
const maxSID = 255

// RequestToken has a code sent, and gives the sid of the session. Among its errors is
// CaptchaNeeded.
func (c *Client) RequestToken(ctx context.Context, at Server, as Caller, v Validation) (sid string, err error) {
	var answer struct {
		SID string `json:"sid"`
	}
	q := call{to: at, as: as, method: http.MethodPost, path: v2 + "/validate/" + string(v.Address.Medium()) + "/requestToken", body: v.body()}
	if err := c.ask(ctx, q, &answer); err != nil {
		return "", err
	}
	if answer.SID == "" || len(answer.SID) > maxSID {
		return "", fmt.Errorf("asking the identity server %q: %w: no sid", at.Name, fedclient.ErrBadAnswer)
	}
	return answer.SID, nil
}

// SubmitToken passes on the code that somebody was sent. The error is a fedclient.Refusal for
// a wrong one.
func (c *Client) SubmitToken(ctx context.Context, at Server, as Caller, medium threepid.Medium, s Session, token string) error {
	body := struct {
		SID          string `json:"sid"`
		ClientSecret string `json:"client_secret"`
		Token        string `json:"token"`
	}{s.SID, s.ClientSecret, token}
	var answer struct {
		Success bool `json:"success"`
	}
	q := call{to: at, as: as, method: http.MethodPost, path: v2 + "/validate/" + string(medium) + "/submitToken", body: body}
	if err := c.ask(ctx, q, &answer); err != nil {
		return err
	}
	if !answer.Success {
		return ErrCode
	}
	return nil
}

// ErrCode says that an identity server did not take a code.
var ErrCode = errors.New("the code is not the one that was sent")

// Validated is a session whose address has been shown to be somebody's. The last four are
// empty at a server that does not know them.
type Validated struct {
	Address threepid.Address
	At      time.Time
	Purpose Purpose
	Caller  string        // who opened the session: a user id, or the name of a homeserver
	User    matrix.UserID // for whom
	Bind    bool          // they agreed to be found by it, too
}

// Validated reads what was validated in a session. The error is a fedclient.Refusal where
// nothing was.
func (c *Client) Validated(ctx context.Context, at Server, as Caller, s Session) (v Validated, err error) {
	var answer struct {
		Medium      string        `json:"medium"`
		Address     string        `json:"address"`
		ValidatedAt int64         `json:"validated_at"`
		Purpose     Purpose       `json:"im.signet.purpose"`
		Caller      string        `json:"im.signet.caller"`
		User        matrix.UserID `json:"im.signet.user_id"`
		Bind        bool          `json:"im.signet.bind"`
	}
	q := call{to: at, as: as, method: http.MethodGet, path: v2 + "/3pid/getValidated3pid", query: url.Values{"sid": {s.SID}, "client_secret": {s.ClientSecret}}}
	if err := c.ask(ctx, q, &answer); err != nil {
		return v, err
	}
	address, err := threepid.Parse(answer.Medium, answer.Address)
	if err != nil {
		return v, fmt.Errorf("asking the identity server %q: %w: no address", at.Name, fedclient.ErrBadAnswer)
	}
	return Validated{Address: address, At: time.UnixMilli(answer.ValidatedAt), Purpose: answer.Purpose, Caller: answer.Caller, User: answer.User, Bind: answer.Bind}, nil
}
