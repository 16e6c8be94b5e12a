package clientapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/account"
	"signet/internal/idclient"
	"signet/internal/mxhttp"
)

//go:embed templates
var templates embed.FS

var pages = template.Must(template.ParseFS(templates, "templates/*.html"))

var (
	style  = read("style.css")
	script = read("done.js")
)

func read(name string) string {
	text, err := templates.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // built without it
	}
	return string(text)
}

// page is what the templates see: a form, word that it is done, or a problem.
type page struct {
	Server string
	Style  template.CSS
	Script template.JS
	Form   *stageForm
	Done   bool
	Wrong  string // in words for people
	// WrongURL is where they have to go first; empty: nowhere.
	WrongURL string
}

// policy lets the page load what a CAPTCHA shows, from the server that made it.
func (p page) policy() string {
	if p.Form == nil {
		return pagePolicy
	}
	return pagePolicy + captchaPolicy(p.Form.Captcha)
}

// captchaPolicy is what a policy has besides for a CAPTCHA, if there is one.
func captchaPolicy(c idclient.Challenge) string {
	picture, err := account.CaptchaSite(c.ImageURL)
	sound, err2 := account.CaptchaSite(c.AudioURL)
	if c.ID == "" || errors.Join(err, err2) != nil {
		return ""
	}
	return "; img-src " + picture + "; media-src " + sound
}

// show answers with a page. It loads nothing but a CAPTCHA, and runs nothing but our own
// script.
func (a *API) show(c echo.Context, status int, p page) error {
	p.Server, p.Style, p.Script = a.ServerName.String(), template.CSS(style), template.JS(script)
	return render(c, status, "page.html", p, p.policy())
}

// render answers with what a template makes of a page.
func render(c echo.Context, status int, name string, p any, policy string) error {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, p); err != nil {
		return fmt.Errorf("rendering a page: %w", err)
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // its address has the session in it
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// No Cross-Origin-Opener-Policy: the page tells the client that opened it.
	return c.HTMLBlob(status, b.Bytes())
}

var pagePolicy = "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(script) +
	"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hashOf is the source expression of a text that stands in the page itself.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Page answers a problem to people where they look at a page, and leaves the rest to be
// answered as JSON. It is for mxhttp.Options.
func (a *API) Page(c echo.Context, p mxhttp.Problem) error {
	if path := c.Request().URL.Path; !strings.HasSuffix(path, fallbackSuffix) && !ofLogin(path) {
		return nil
	}
	wrong := p.Message
	switch p.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		wrong = "there is no such page"
	case http.StatusTooManyRequests:
		wrong = "too many attempts; try again in a while"
	}
	return a.show(c, p.Status, page{Wrong: wrong})
}
