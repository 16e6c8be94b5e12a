package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"

	"github.com/labstack/echo/v4"

	"signet/internal/look"
)

const (
	stylePath = "/_signet/style.css"
	iconPath  = "/_signet/seal.svg"
)

//go:embed static/style.css
var ownStyle string

var style = []byte(look.Style + "\n" + ownStyle)

// versionOf names content in an address, so that what is cached for a year is never
// old.
func versionOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// GET /_signet/style.css
func (p *Pages) serveStyle(c echo.Context) error {
	return serveVersioned(c, p.site.Style, "text/css; charset=utf-8", style)
}

// serveVersioned serves content that may be kept for as long as it has that address.
func serveVersioned(c echo.Context, address, kind string, content []byte) error {
	caching := "no-cache"
	if c.Request().URL.RequestURI() == address {
		caching = "public, max-age=31536000, immutable"
	}
	c.Response().Header().Set("Cache-Control", caching)
	return c.Blob(http.StatusOK, kind, content)
}

// GET /_signet/seal.svg
func serveIcon(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return c.Blob(http.StatusOK, "image/svg+xml", []byte(look.Seal))
}
