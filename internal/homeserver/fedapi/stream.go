package fedapi

import (
	"bufio"
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"signet/internal/homeserver/resident"
	"signet/internal/mxhttp"
)

// answerWriter writes an answer that is too large to be kept: member by member, arrays of
// events as they are read. What fails once it has begun can only be broken off: JSON that
// has no end tells the other server.
type answerWriter struct {
	*bufio.Writer
	begun bool
}

// streamed answers 200 with what write writes.
func streamed(c echo.Context, write func(w *answerWriter) error) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set(echo.HeaderCacheControl, "no-store")
	w := &answerWriter{Writer: bufio.NewWriterSize(c.Response(), 64<<10)}
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil && c.Response().Committed {
		mxhttp.Log(c).Info("an answer was broken off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// raw writes a member whose value is JSON already.
func (w *answerWriter) raw(name string, value []byte) {
	w.name(name)
	_, _ = w.Write(value) // whose error the next to be looked at is
}

func (w *answerWriter) name(name string) {
	separator := byte('{')
	if w.begun {
		separator = ','
	}
	w.begun = true
	_ = w.WriteByte(separator)
	_, _ = w.WriteString(strconv.Quote(name) + ":")
}

// events writes a member that is an array of events.
func (w *answerWriter) events(ctx context.Context, name string, events resident.Named) error {
	w.name(name)
	separator := byte('[')
	err := events.Each(ctx, func(json []byte) error {
		_ = w.WriteByte(separator)
		separator = ','
		_, err := w.Write(json)
		return err
	})
	if separator == '[' {
		_ = w.WriteByte(separator)
	}
	_ = w.WriteByte(']')
	return err
}

// last ends the answer if its last member was written.
func (w *answerWriter) last(err error) error {
	if err != nil {
		return err
	}
	return w.WriteByte('}')
}
