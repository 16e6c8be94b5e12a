package page

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
	"signet/internal/threepid"
	"signet/verify"
)

// POST /_signet/verify
func (p *Pages) start(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	medium := threepid.Medium(f["medium"])
	if medium != threepid.Email && medium != threepid.MSISDN {
		return errForm
	}
	w, err := p.open(c, medium, f["address"], f["country"])
	if err == nil {
		return p.showCode(c, w, refusal{status: http.StatusOK})
	}
	why, ok := refused(c, err)
	if !ok {
		return err
	}
	return p.ask(c, medium, asking{Value: f["address"], Country: f["country"], Trouble: why})
}

// open begins a session for an address as it was typed.
func (p *Pages) open(c echo.Context, medium threepid.Medium, address, country string) (w waiting, err error) {
	w.Attempt = 1
	if w.address, err = typed(medium, address, country); err != nil {
		return w, err
	}
	if w.ClientSecret, err = p.newSecret(); err != nil {
		return w, err
	}
	err = p.request(c, &w)
	return w, err
}

// errNoCountry is the error of a national phone number of no country.
var errNoCountry = errors.New("a national phone number needs a country")

// anyCountry reads an international number as every other country does.
const anyCountry = "US"

// typed reads an address as people type it. An international phone number is the
// same from every country, so it needs none.
func typed(medium threepid.Medium, address, country string) (threepid.Address, error) {
	address = strings.TrimSpace(address)
	if medium == threepid.Email {
		return threepid.ParseEmail(address)
	}
	if country == "" {
		if !strings.HasPrefix(address, "+") {
			return threepid.Address{}, errNoCountry
		}
		country = anyCountry
	}
	return threepid.ParsePhone(address, country)
}

// ask shows the front page with one of its forms filled in, and the focus there.
func (p *Pages) ask(c echo.Context, medium threepid.Medium, a asking) error {
	a.Focus = true
	if medium == threepid.Email {
		return p.showHome(c, a.Trouble.status, a, asking{})
	}
	return p.showHome(c, a.Trouble.status, asking{}, a)
}

// waiting is a session whose code is waited for. The page carries it, in hidden
// fields: there are no cookies.
type waiting struct {
	SID, ClientSecret string
	Attempt           int64
	address           threepid.Address
}

// Medium, Canonical and Address are the address for a form, and for people.
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

// readWaiting reads back the hidden fields of a code page, and what was typed there.
func readWaiting(c echo.Context) (w waiting, code string, err error) {
	f, err := readForm(c)
	if err != nil {
		return waiting{}, "", err
	}
	w = waiting{SID: f["sid"], ClientSecret: f["client_secret"]}
	if !matrix.ValidOpaque(w.ClientSecret) {
		return waiting{}, "", errForm
	}
	if w.Attempt, err = strconv.ParseInt(f["send_attempt"], 10, 64); err != nil || w.Attempt < 1 || w.Attempt > maxAttempt {
		return waiting{}, "", errForm
	}
	if w.address, err = threepid.Parse(f["medium"], f["address"]); err != nil {
		return waiting{}, "", errForm
	}
	return w, f["code"], nil
}

func (p *Pages) newSecret() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(p.Rand, b[:]); err != nil {
		return "", fmt.Errorf("drawing a client secret: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func (p *Pages) request(c echo.Context, w *waiting) (err error) {
	w.SID, err = p.Verifier.Request(c.Request().Context(), verify.Request{
		Address: w.address, ClientSecret: w.ClientSecret, Caller: verify.Page, SendAttempt: w.Attempt, Client: mxhttp.ClientAddr(c),
	})
	return err
}
