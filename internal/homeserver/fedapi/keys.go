package fedapi

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/mxhttp"
	"signet/internal/serverkeys"
)

// GET /_matrix/key/v2/server
func (a *API) serverKeys(c echo.Context) error {
	signed, err := serverkeys.Publish(c.Request().Context(), a.Keys, a.ServerName, a.Now())
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, jsontext.Value(signed))
}
