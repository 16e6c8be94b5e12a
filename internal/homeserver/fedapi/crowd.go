package fedapi

import (
	"github.com/labstack/echo/v4"

	"signet/internal/matrix"
	"signet/internal/mxhttp"
)

// How many requests are answered at a time. Others ask again.
const (
	// placesOfServer is those of one server, by host: ports are had for nothing. Only those
	// count that it has signed, so that nobody can take another's places.
	placesOfServer = 64
	// placesOfLarge is those of a server that move much: transactions, and the state of a
	// room.
	placesOfLarge = 16
	// placesOfNetwork is those of a network whose large bodies are read before it is known
	// whether anybody has signed them.
	placesOfNetwork = 32
	// placesForKeys is those of a network for which keys are looked for that are not at hand,
	// of servers that it may have made up.
	placesForKeys = 64
	// placesAtNotary is those of a network that has us ask other servers for their keys.
	placesAtNotary = 4
)

// admit takes the place of a server's request.
func (a *API) admit(server matrix.ServerName, large bool) (leave func(), err error) {
	host := server.WithoutPort().String()
	if large {
		return a.crowd.Enter("large "+host, placesOfLarge)
	}
	return a.crowd.Enter("server "+host, placesOfServer)
}

// stranger takes the place of a request with a large body, of whomever it is.
func (a *API) stranger(c echo.Context, large bool) (leave func(), err error) {
	network := mxhttp.ClientNetwork(c)
	if !large || !network.IsValid() {
		return func() {}, nil
	}
	return a.crowd.Enter("network "+network.String(), placesOfNetwork)
}

// seeking takes the place of a request by whoever it is, of which the key is looked for.
func (a *API) seeking(c echo.Context) (leave func(), err error) {
	network := mxhttp.ClientNetwork(c)
	if !network.IsValid() {
		return func() {}, nil
	}
	return a.crowd.Enter("keys "+network.String(), placesForKeys)
}
