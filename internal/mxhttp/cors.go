package mxhttp

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// manners are the header fields and the error format that a path or route asks for.
type manners struct {
	cors bool // for scripts of any origin (specification, "Web Browser Clients")
	page bool // for people: HTML errors, and a content policy of its own
}

// mannersAt are the manners of a path that no route is known for.
func mannersAt(path string) manners {
	api := strings.HasPrefix(path, "/_matrix/") ||
		strings.HasPrefix(path, "/.well-known/") ||
		strings.HasPrefix(path, "/_signet/v1/")
	return manners{cors: api, page: !api}
}

func mannersOf(r Route) manners {
	return manners{cors: mannersAt(r.Path).cors && !r.Page, page: r.Page}
}

// header sets the fields that go with every answer, errors included.
func (m manners) header(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	if m.page {
		return
	}
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	if m.cors {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Authorization")
	}
}

// preflight answers OPTIONS on API paths, also on those that do not exist: it is the
// request itself that learns so.
func preflight(c echo.Context) error {
	manners{cors: true}.header(c.Response().Header())
	return c.NoContent(http.StatusNoContent)
}
