package page

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/verify"
)

// homePage is what the front page tells: both forms, and the server's keys.
type homePage struct {
	forms
	Owner   string       // the path of the owner's page
	Current []signingKey // one, but for a moment of a rotation
	Retired []signingKey
}

// forms are those for an address, by which a flow begins.
type forms struct {
	Purpose      verify.Purpose
	Email, Phone asking
	Countries    []country
}

func (p *Pages) forms(c echo.Context, purpose verify.Purpose) forms {
	f := forms{Purpose: purpose}
	if p.SMS {
		l, _ := languageOf(c)
		f.Countries = countries()[l]
	}
	return f
}

// asking is a form for an address, as it was typed and why it is shown again.
type asking struct {
	Value, Country string
	Focus          bool
	Trouble        refusal
}

type signingKey struct {
	ID, Public string
	Retired    time.Time
}

// GET /
func (p *Pages) home(c echo.Context) error {
	return p.showHome(c, http.StatusOK, p.forms(c, verify.Verify))
}

func (p *Pages) showHome(c echo.Context, status int, f forms) error {
	keys, err := p.Keys.List(c.Request().Context())
	if err != nil {
		return err
	}
	h := homePage{forms: f, Owner: withLanguage(OwnerPath, c)}
	for _, k := range keys {
		key := signingKey{ID: string(k.ID), Public: matrix.EncodeBase64(k.Public), Retired: k.Retired.UTC()}
		if k.Retired.IsZero() {
			h.Current = append(h.Current, key)
		} else {
			h.Retired = append(h.Retired, key)
		}
	}
	return p.render(c, status, homeName, h)
}
