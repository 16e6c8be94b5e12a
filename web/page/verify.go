package page

import (
	"errors"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/internal/threepid"
	"signet/verify"
)

// POST /_signet/verify
func (p *Pages) start(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	w := waiting{Attempt: 1, typed: asking{Value: f["address"], Country: f["country"]}}
	if w.flow, err = flowOf(f); err != nil {
		return err
	}
	medium := threepid.Medium(f["medium"])
	if medium != threepid.Email && medium != threepid.MSISDN {
		return errForm
	}
	if w.address, err = typed(medium, w.typed); err != nil {
		why, _ := refused(c, err)
		w.typed.Trouble = why
		return w.flow.ask(p, c, medium, w.typed)
	}
	if w.ClientSecret, err = p.newSecret(); err != nil {
		return err
	}
	return p.send(c, w)
}

// errNoCountry is the error of a national phone number of no country.
var errNoCountry = errors.New("a national phone number needs a country")

// anyCountry reads an international number as every other country does.
const anyCountry = "US"

// typed reads an address as people type it. An international phone number is the
// same from every country, so it needs none.
func typed(medium threepid.Medium, a asking) (threepid.Address, error) {
	address, country := strings.TrimSpace(a.Value), a.Country
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
	return p.showHome(c, a.Trouble.status, p.refill(c, verify.Verify, medium, a))
}

// refill is the forms with one of them filled in, and the focus there.
func (p *Pages) refill(c echo.Context, purpose verify.Purpose, medium threepid.Medium, a asking) forms {
	f := p.forms(c, purpose)
	a.Focus = true
	if medium == threepid.Email {
		f.Email = a
	} else {
		f.Phone = a
	}
	return f
}

// proven says that an address is proven, which is all that was wanted.
func (p *Pages) proven(c echo.Context, _ waiting, proof verify.Proof) error {
	return p.showVerified(c, verifiedPage{Address: readable(proof.Address()), OnPage: true})
}
