package fedapi

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/notary"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

type queryServersAnswer struct {
	Keys []jsontext.Value `json:"server_keys"`
}

// GET /_matrix/key/v2/query/{serverName}
func (a *API) queryServer(c echo.Context) error {
	name, err := mxhttp.Segment(c, "serverName")
	if err != nil {
		return err
	}
	server, err := matrix.ParseServerName(name)
	if err != nil {
		return err
	}
	until, err := number(c, "minimum_valid_until_ts", 0)
	if err != nil {
		return err
	}
	return a.vouch(c, []notary.Wanted{{Server: server, Until: time.UnixMilli(until)}})
}

type queryServersRequest struct {
	Keys map[matrix.ServerName]map[matrix.KeyID]criteria `json:"server_keys" required:"true"`
}

type criteria struct {
	Until int64 `json:"minimum_valid_until_ts"` // milliseconds
}

// POST /_matrix/key/v2/query
//
// A document holds all keys of a server, whichever were asked for.
func (a *API) queryServers(c echo.Context) error {
	var r queryServersRequest
	if err := mxhttp.Decode(c, &r); err != nil {
		return err
	}
	if len(r.Keys) > notary.MaxServers {
		return errManyServers
	}
	var wanted []notary.Wanted
	for name, keys := range r.Keys {
		server, err := matrix.ParseServerName(name.String())
		if err != nil {
			return err
		}
		w := notary.Wanted{Server: server}
		for _, key := range keys {
			if until := time.UnixMilli(key.Until); until.After(w.Until) {
				w.Until = until
			}
		}
		wanted = append(wanted, w)
	}
	return a.vouch(c, wanted)
}

// vouch answers with keys of servers. Anybody may ask for those of anybody, so that a
// network has few places.
func (a *API) vouch(c echo.Context, wanted []notary.Wanted) error {
	if network := mxhttp.ClientNetwork(c); network.IsValid() {
		leave, err := a.crowd.Enter("notary "+network.String(), placesAtNotary)
		if err != nil {
			return err
		}
		defer leave()
	}
	documents, err := a.Notary.Documents(c.Request().Context(), wanted)
	if err != nil {
		return err
	}
	return mxhttp.Reply(c, http.StatusOK, queryServersAnswer{documents})
}
