package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/homeserver/sso"
	"signet/internal/idclient"
	"signet/internal/locale"
	"signet/internal/look"
	"signet/internal/matrix"
)

// Pages answers people, for one server.
type Pages struct {
	Server    matrix.ServerName
	PublicURL string // where people reach it
	Accounts  *account.Accounts
	Logins    *sso.Logins // by a code; nil is none
	// ChargeCaptcha and ChargeCode are asked before a CAPTCHA is made for somebody and before a
	// code is sent: their error is what comes of it instead.
	ChargeCaptcha, ChargeCode func(c echo.Context) error
	// Meaning is an error as clients read it: an mxhttp.Problem or a matrix.LimitExceeded, or, if
	// nobody has named it, as it is.
	Meaning func(error) error
}

var (
	style = look.Style
	//go:embed templates/done.js
	script string
)

// view is what a template sees.
type view struct {
	Server   string
	Language locale.Language
	Menu     []choice // to choose from; empty where there is no choice
	Style    template.CSS
	Script   template.JS
	Icon     template.HTML // ours: drawn into the page
	Page     any
}

// sheet is a page before it is drawn.
type sheet struct {
	status  int
	name    string // of its template
	policy  string
	again   bool // it can be read again by its address, whatever led to it
	content any
}

// draw answers with a page, in the person's language.
func (p Pages) draw(c echo.Context, s sheet) error {
	shelf, err := library()
	if err != nil {
		return err
	}
	v := view{
		Server: p.Server.String(), Language: language(c), Menu: menu(c, s.again), Page: s.content,
		Style: template.CSS(style), Script: template.JS(script), Icon: template.HTML(look.Bubble),
	}
	var b bytes.Buffer
	if err := shelf[v.Language][s.name].Execute(&b, v); err != nil {
		return fmt.Errorf("drawing the page %s: %w", s.name, err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", s.policy)
	h.Set("Content-Language", v.Language.String())
	h.Set("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // its address has the session in it
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// No Cross-Origin-Opener-Policy: the page tells the client that opened it.
	return c.HTMLBlob(s.status, b.Bytes())
}

// policy lets a page run nothing but our own script, and load nothing.
var policy = "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script) +
	"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// captchaPolicy is what a policy has besides for a CAPTCHA, if there is one.
func captchaPolicy(c idclient.Challenge) string {
	picture, err := account.CaptchaSite(c.ImageURL)
	sound, err2 := account.CaptchaSite(c.AudioURL)
	if c.ID == "" || errors.Join(err, err2) != nil {
		return ""
	}
	return "; img-src " + picture + "; media-src " + sound
}

// hashOf is the source expression of a text that stands in the page itself.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
