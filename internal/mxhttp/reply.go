package mxhttp

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"
)

// Reply answers value as JSON, the same bytes for the same value. The answer is not
// to be stored, unless the handler has set a Cache-Control of its own.
func Reply(c echo.Context, status int, value any) error {
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	h := c.Response().Header()
	if h.Get(echo.HeaderCacheControl) == "" {
		h.Set(echo.HeaderCacheControl, "no-store")
	}
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(b)))
	return c.Blob(status, echo.MIMEApplicationJSON, b)
}

// ReplyBytes answers with what is no JSON, and says how long it may be kept: cache is the
// value of Cache-Control.
func ReplyBytes(c echo.Context, contentType, cache string, b []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, cache)
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(b)))
	return c.Blob(http.StatusOK, contentType, b)
}
