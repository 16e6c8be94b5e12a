package mxhttp

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

// Reply answers value as JSON, the same bytes for the same value. The answer is not
// to be stored, unless the handler has set a Cache-Control of its own.
func Reply(c echo.Context, status int, value any) error {
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	noStore(c)
	c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(b)))
	allow(c, len(b))
	return c.Blob(status, echo.MIMEApplicationJSON, b)
}

// Whoever reads an answer more slowly, and does not begin for so long, is cut off: it is held
// in memory until then.
const (
	slowest  = 16 << 10 // octets a second
	patience = time.Minute
)

// allow sets how long the client may take to read so many octets.
func allow(c echo.Context, n int) {
	// A writer that knows no deadlines has no connection to wait for.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(patience + time.Duration(n)*time.Second/slowest))
}

// allowing is the client, which has time for each part anew.
type allowing struct{ c echo.Context }

func (a allowing) Write(b []byte) (int, error) {
	allow(a.c, len(b))
	return a.c.Response().Write(b)
}

func noStore(c echo.Context) {
	h := c.Response().Header()
	if h.Get(echo.HeaderCacheControl) == "" {
		h.Set(echo.HeaderCacheControl, "no-store")
	}
}

// streamed is how many bytes of an answer are held back before the first go out.
const streamed = 32 << 10

// ReplyStream is Reply with 200 for a value that writes itself, and may be too large to be
// held in memory. An error of its is answered as any other while nothing has gone out;
// after that the connection is broken off. It has to see to it that no name comes twice.
func ReplyStream(c echo.Context, value json.MarshalerTo) error {
	noStore(c)
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	out := bufio.NewWriterSize(allowing{c}, streamed)
	err := json.MarshalWrite(out, value, json.Deterministic(true), jsontext.AllowDuplicateNames(true))
	if err == nil {
		err = out.Flush()
	}
	if err != nil && c.Response().Committed {
		return cutShort{err}
	}
	return err
}

// cutShort is why an answer ends before its end. It hides what that is, which has an
// answer of its own perhaps, and none can follow.
type cutShort struct{ cause error }

func (e cutShort) Error() string { return "an answer was cut short: " + e.cause.Error() }

// ReplyBytes answers with what is no JSON, and says how long it may be kept: cache is the
// value of Cache-Control.
func ReplyBytes(c echo.Context, contentType, cache string, b []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, cache)
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(b)))
	allow(c, len(b))
	return c.Blob(http.StatusOK, contentType, b)
}
