package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// policy is one document: its version, and a translation under each language code,
// side by side in one object.
type policy map[string]any

type translation struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// GET /_matrix/identity/v2/terms
func (a *API) terms(c echo.Context) error {
	policies := map[string]policy{}
	for name, document := range a.Gate.Terms {
		p := policy{"version": document.Version}
		for language, t := range document.Languages {
			p[language] = translation{Name: t.Name, URL: t.URL}
		}
		policies[name] = p
	}
	return mxhttp.Reply(c, http.StatusOK, struct {
		Policies map[string]policy `json:"policies"`
	}{policies})
}

type acceptTermsRequest struct {
	UserAccepts []string `json:"user_accepts" required:"true"`
}

// POST /_matrix/identity/v2/terms
func (a *API) acceptTerms(c echo.Context, user matrix.UserID) error {
	var r acceptTermsRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if err := a.Gate.Accept(c.Request().Context(), user, r.UserAccepts); err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, empty{})
}
