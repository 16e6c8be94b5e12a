package api

import (
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"signet/internal/caller"
	"signet/internal/locale"
	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// person is what a homeserver says of the person for whom it calls, in the body of a call,
// by embedding (docs/homeserver-integration.md).
type person struct {
	ClientIP string `json:"im.signet.client_ip"`
	Language string `json:"im.signet.language"`
}

// client is where the person is. A homeserver's own address is not: all who are behind
// it would share that, so it names the person's, or none counts.
func (p person) client(c echo.Context, who caller.Caller) (netip.Addr, error) {
	if _, ok := who.Account(); ok {
		return mxhttp.ClientAddr(c), nil
	}
	if p.ClientIP == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(p.ClientIP)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, errClientIP
	}
	return addr.Unmap(), nil
}

var errClientIP = mxhttp.Problem{Status: http.StatusBadRequest, Code: matrix.InvalidParam,
	Message: "im.signet.client_ip must be an IP address"}

// language is what the person reads, by name or else by what the caller's software says.
func (p person) language(c echo.Context) locale.Language {
	return locale.Match(p.Language, c.Request().Header.Values("Accept-Language")...)
}
